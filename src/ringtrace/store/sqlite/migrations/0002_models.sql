-- What was learnt of each site's callers; the newest counts, the older ones name old attributions.
CREATE TABLE models (
  account_id INTEGER NOT NULL,
  site_key TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  name TEXT NOT NULL,
  model TEXT NOT NULL,
  PRIMARY KEY (account_id, site_key, made_at)
) WITHOUT ROWID;

-- Earlier calls to a number, and of a caller, are evidence for the next one.
CREATE INDEX calls_by_number ON calls (account_id, number, started_at);
CREATE INDEX calls_by_caller ON calls (account_id, caller, started_at);

-- Why each candidate got its share, and how much of a call continues an earlier one.
ALTER TABLE credits ADD COLUMN why TEXT;
ALTER TABLE calls ADD COLUMN repeat REAL NOT NULL DEFAULT 0;
