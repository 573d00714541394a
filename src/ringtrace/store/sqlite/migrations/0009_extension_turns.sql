-- Which code of a number is given out next; codes in use must not be given out again.
CREATE TABLE extension_turns (
  account_id INTEGER NOT NULL,
  number TEXT NOT NULL,
  turn INTEGER NOT NULL,
  PRIMARY KEY (account_id, number)
) WITHOUT ROWID;

-- Which numbers were shown with extensions lately.
CREATE INDEX extensions_by_time ON exposures (shown_at) WHERE extension IS NOT NULL;
