-- What users said of whose call it was; without a visit: none of them called.
CREATE TABLE corrections (
  account_id INTEGER NOT NULL,
  gateway TEXT NOT NULL,
  call_id TEXT NOT NULL,
  visit_id TEXT,
  made_at INTEGER NOT NULL,
  made_by TEXT,
  PRIMARY KEY (account_id, gateway, call_id)
) WITHOUT ROWID;
