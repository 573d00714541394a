-- Whose call it truly was, and what the engine stated without knowing: the visit it named, if any,
-- and its probability.
CREATE TABLE proofs (
  account_id INTEGER NOT NULL,
  gateway TEXT NOT NULL,
  call_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  visit_id TEXT,
  stated_visit TEXT,
  stated REAL NOT NULL,
  PRIMARY KEY (account_id, gateway, call_id, kind)
) WITHOUT ROWID;
