-- What changed of each day since it was sealed: `mark` is another one after every write to the
-- visits, hits and exposures (traffic) or the calls and credits (calls) of the day, which is
-- counted in days since 1970 UTC.
CREATE TABLE days (
  account_id INTEGER NOT NULL,
  part TEXT NOT NULL,
  day INTEGER NOT NULL,
  mark INTEGER NOT NULL,
  PRIMARY KEY (account_id, part, day)
) WITHOUT ROWID;
INSERT INTO days SELECT account_id, 'calls', started_at / 86400000, random() FROM calls GROUP BY 1, 3;
INSERT INTO days SELECT account_id, 'traffic', day, random() FROM (
  SELECT account_id, started_at / 86400000 AS day FROM visits
  UNION SELECT account_id, at / 86400000 FROM hits
  UNION SELECT account_id, shown_at / 86400000 FROM exposures
);
