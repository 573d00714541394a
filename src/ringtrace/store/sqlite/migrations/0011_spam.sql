-- How callers are treated, by number or by prefix (`+1900*`), and who said so; what was taken off
-- stays as a fact. added_by is a login, NULL through the API or (by_gate) nobody's.
CREATE TABLE listed_callers (
  account_id INTEGER NOT NULL,
  pattern TEXT NOT NULL,
  added_at INTEGER NOT NULL,
  treatment TEXT NOT NULL,
  note TEXT NOT NULL,
  added_by TEXT,
  by_gate INTEGER NOT NULL,
  removed_at INTEGER,
  removed_by TEXT,
  PRIMARY KEY (account_id, pattern, added_at)
) WITHOUT ROWID;
CREATE UNIQUE INDEX listed_callers_now ON listed_callers (account_id, pattern)
  WHERE removed_at IS NULL;
CREATE INDEX listed_callers_by_time ON listed_callers (account_id, added_at);

-- Which calls a rule acted on, why, and what came of it; pattern and listed_at name the listing.
CREATE TABLE screenings (
  account_id INTEGER NOT NULL,
  gateway TEXT NOT NULL,
  call_id TEXT NOT NULL,
  rule TEXT NOT NULL,
  evidence TEXT NOT NULL,
  pattern TEXT,
  listed_at INTEGER,
  listed_by TEXT,
  passage TEXT,
  PRIMARY KEY (account_id, gateway, call_id)
) WITHOUT ROWID;
CREATE INDEX screenings_by_listing ON screenings (account_id, pattern, listed_at)
  WHERE pattern IS NOT NULL;

-- What users said of calls, the newest counts: spam, not spam, or (NULL) nothing any more.
CREATE TABLE spam_marks (
  account_id INTEGER NOT NULL,
  gateway TEXT NOT NULL,
  call_id TEXT NOT NULL,
  marked_at INTEGER NOT NULL,
  spam INTEGER,
  marked_by TEXT,
  PRIMARY KEY (account_id, gateway, call_id, marked_at)
) WITHOUT ROWID;

-- The rules that are on and their thresholds, as JSON; the newest count.
CREATE TABLE spam_rules (
  account_id INTEGER NOT NULL,
  made_at INTEGER NOT NULL,
  rules TEXT NOT NULL,
  made_by TEXT,
  PRIMARY KEY (account_id, made_at)
) WITHOUT ROWID;

-- What rules and marks come to: reports leave these calls out.
ALTER TABLE calls ADD COLUMN spam INTEGER NOT NULL DEFAULT 0;
CREATE INDEX calls_spam ON calls (account_id, started_at) WHERE spam;
