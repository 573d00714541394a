-- Who is told of what happens to calls. Events and secrets are JSON.
CREATE TABLE recipients (
  account_id INTEGER NOT NULL,
  recipient_id TEXT NOT NULL,
  address TEXT NOT NULL,
  events TEXT NOT NULL,
  standing TEXT NOT NULL,
  secrets TEXT NOT NULL,
  failing_since INTEGER,
  PRIMARY KEY (account_id, recipient_id)
) WITHOUT ROWID;

-- The outbox, which becomes the log of what was delivered. What a notice tells is read from its
-- call when it is sent, so nothing here says who called.
CREATE TABLE deliveries (
  account_id INTEGER NOT NULL,
  delivery_id TEXT NOT NULL,
  recipient_id TEXT NOT NULL,
  event TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  gateway TEXT,
  call_id TEXT,
  state TEXT NOT NULL,
  next_try_at INTEGER,
  count INTEGER NOT NULL,
  tries TEXT NOT NULL,
  PRIMARY KEY (account_id, delivery_id)
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX deliveries_by_recipient ON deliveries (account_id, recipient_id, state);
CREATE INDEX deliveries_by_call ON deliveries (account_id, gateway, call_id);
