-- The words that users put on calls; a caller's tags are those of his earlier calls.
CREATE TABLE call_tags (
  account_id INTEGER NOT NULL,
  gateway TEXT NOT NULL,
  call_id TEXT NOT NULL,
  tag TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  made_by TEXT,
  PRIMARY KEY (account_id, gateway, call_id, tag)
) WITHOUT ROWID;
CREATE INDEX call_tags_by_tag ON call_tags (account_id, tag);
