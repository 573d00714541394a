-- account_id is first in every key, so that the same shape can be distributed by account.
-- Times are ms since 1970 UTC. Lists and nested values are JSON.

CREATE TABLE accounts (
  account_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  region TEXT NOT NULL
);

CREATE TABLE users (
  account_id INTEGER NOT NULL,
  login TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  PRIMARY KEY (account_id, login)
) WITHOUT ROWID;

CREATE TABLE tokens (
  account_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, kind, token_hash)
) WITHOUT ROWID;

CREATE TABLE sites (
  account_id INTEGER NOT NULL,
  site_key TEXT NOT NULL,
  name TEXT NOT NULL,
  origins TEXT NOT NULL,
  swap TEXT NOT NULL,
  PRIMARY KEY (account_id, site_key)
) WITHOUT ROWID;

CREATE TABLE numbers (
  account_id INTEGER NOT NULL,
  number TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  flow TEXT NOT NULL,
  site_key TEXT,
  source TEXT,
  active INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (account_id, number)
) WITHOUT ROWID;

-- What is unique over all accounts: who owns a login, a site key, a number.
CREATE TABLE login_routes (login TEXT PRIMARY KEY, account_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE site_routes (site_key TEXT PRIMARY KEY, account_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE number_routes (number TEXT PRIMARY KEY, account_id INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE visits (
  account_id INTEGER NOT NULL,
  visit_id TEXT NOT NULL,
  visitor_id TEXT NOT NULL,
  site_key TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  left_at INTEGER,
  contact_at INTEGER,
  tapped_at INTEGER,
  device TEXT NOT NULL,
  channel TEXT NOT NULL,
  source TEXT,
  medium TEXT,
  campaign TEXT,
  term TEXT,
  content TEXT,
  click_id_type TEXT,
  click_id TEXT,
  landing_page TEXT,
  reason TEXT,
  number TEXT,
  PRIMARY KEY (account_id, visit_id)
) WITHOUT ROWID;

-- What a visit did after its first page (which is the visit's own row).
CREATE TABLE hits (
  account_id INTEGER NOT NULL,
  visit_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (account_id, visit_id, at, kind, path)
) WITHOUT ROWID;

-- A visit was shown a number from then on; how long it was seen is the visit's to know.
CREATE TABLE exposures (
  account_id INTEGER NOT NULL,
  number TEXT NOT NULL,
  shown_at INTEGER NOT NULL,
  visit_id TEXT NOT NULL,
  PRIMARY KEY (account_id, number, shown_at, visit_id)
) WITHOUT ROWID;

CREATE TABLE calls (
  account_id INTEGER NOT NULL,
  gateway TEXT NOT NULL,
  call_id TEXT NOT NULL,
  number TEXT NOT NULL,
  caller TEXT,
  started_at INTEGER NOT NULL,
  outcome TEXT,
  talk_seconds REAL,
  report TEXT,
  basis TEXT NOT NULL,
  model TEXT NOT NULL,
  unknown REAL NOT NULL,
  has_audio INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, gateway, call_id)
) WITHOUT ROWID;
CREATE INDEX calls_by_start ON calls (account_id, started_at);

-- Every report as it was accepted or refused; refused ones contradict what was known.
CREATE TABLE call_reports (
  account_id INTEGER NOT NULL,
  gateway TEXT NOT NULL,
  call_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  report TEXT NOT NULL,
  PRIMARY KEY (account_id, gateway, call_id, digest)
) WITHOUT ROWID;

-- The shares of a call; with calls.unknown they sum to 1.
CREATE TABLE credits (
  account_id INTEGER NOT NULL,
  gateway TEXT NOT NULL,
  call_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  visit_id TEXT,
  probability REAL NOT NULL,
  channel TEXT NOT NULL,
  campaign TEXT,
  keyword TEXT,
  source TEXT NOT NULL,
  PRIMARY KEY (account_id, gateway, call_id, position)
) WITHOUT ROWID;
