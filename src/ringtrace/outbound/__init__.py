"""What the server itself asks and sends outside: one HTTP client for all of it, and mail."""
