"""The embedded SIP node: takes calls from trunks, follows the backend's plan, records, reports."""
