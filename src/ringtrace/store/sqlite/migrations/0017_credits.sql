-- Which channels calls are credited to, without a look at every call.
CREATE INDEX credits_by_channel ON credits (account_id, channel) WHERE probability > 0;

-- Which visits earlier calls are credited to; most credits of a busy number are of no single visit.
CREATE INDEX credits_of_visits ON credits (account_id, gateway, call_id, visit_id, probability)
  WHERE visit_id IS NOT NULL;
