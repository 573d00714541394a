-- Since when a number is shown to nobody (ms since 1970 UTC).
CREATE TABLE canaries (
  account_id INTEGER NOT NULL,
  number TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (account_id, number)
) WITHOUT ROWID;
