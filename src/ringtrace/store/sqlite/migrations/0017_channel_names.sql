-- Which channels calls are credited to, without a look at every call.
CREATE INDEX credits_by_channel ON credits (account_id, channel) WHERE probability > 0;
