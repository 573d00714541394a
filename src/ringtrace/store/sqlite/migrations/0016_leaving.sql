-- Visits, hits and exposures of old days leave for the lake. An `archived` day has rows in the lake
-- alone; `left_mark` is the mark as of which all that were to leave have left.
ALTER TABLE days ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE days ADD COLUMN left_mark INTEGER;

-- From which day on an account's visits, hits and exposures are all here; without a row: ever since.
CREATE TABLE traffic_since (
  account_id INTEGER PRIMARY KEY,
  day INTEGER NOT NULL
);
