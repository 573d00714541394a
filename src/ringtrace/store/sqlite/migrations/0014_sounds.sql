-- What flows play, as WAV of 16 kHz; the digest names the content in links.
CREATE TABLE sounds (
  account_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  seconds REAL NOT NULL,
  made_at INTEGER NOT NULL,
  made_by TEXT,
  content BLOB NOT NULL,
  PRIMARY KEY (account_id, name)
);
CREATE INDEX sounds_by_digest ON sounds (account_id, digest);
