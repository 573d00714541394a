-- account_id is first in every key, so that the same shape can be distributed by account; what is
-- unique over all accounts has reference tables of its own. Ids are made by the program: no
-- sequences, no triggers. Times are ms since 1970 UTC. Ids and names are compared byte by byte
-- whatever the database's language. "json", not "jsonb": a report is kept as it came.

CREATE TABLE accounts (
  account_id bigint NOT NULL,
  name text NOT NULL,
  region text NOT NULL,
  CONSTRAINT accounts_key PRIMARY KEY (account_id)
);

CREATE TABLE users (
  account_id bigint NOT NULL,
  login text COLLATE "C" NOT NULL,
  password_hash text NOT NULL,
  CONSTRAINT users_key PRIMARY KEY (account_id, login)
);

CREATE TABLE tokens (
  account_id bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  token_hash text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  CONSTRAINT tokens_key PRIMARY KEY (account_id, kind, token_hash)
);

-- extensions_above: where a mix-up is more probable than this, extensions are shown.
CREATE TABLE sites (
  account_id bigint NOT NULL,
  site_key text COLLATE "C" NOT NULL,
  name text NOT NULL,
  origins json NOT NULL,
  swap json NOT NULL,
  extensions_above double precision,
  CONSTRAINT sites_key PRIMARY KEY (account_id, site_key)
);

-- extensions: codes of a static number that stand for sources of their own. A number follows the
-- flow of that name, else its own.
CREATE TABLE numbers (
  account_id bigint NOT NULL,
  number text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  name text NOT NULL,
  flow json NOT NULL,
  site_key text COLLATE "C",
  source json,
  active boolean NOT NULL,
  position integer NOT NULL,
  extensions json NOT NULL DEFAULT '[]',
  flow_name text COLLATE "C",
  CONSTRAINT numbers_key PRIMARY KEY (account_id, number)
);

-- Who owns a login, a site key, a number.
CREATE TABLE login_routes (
  login text COLLATE "C" NOT NULL,
  account_id bigint NOT NULL,
  CONSTRAINT login_routes_key PRIMARY KEY (login)
);
CREATE TABLE site_routes (
  site_key text COLLATE "C" NOT NULL,
  account_id bigint NOT NULL,
  CONSTRAINT site_routes_key PRIMARY KEY (site_key)
);
CREATE TABLE number_routes (
  number text COLLATE "C" NOT NULL,
  account_id bigint NOT NULL,
  CONSTRAINT number_routes_key PRIMARY KEY (number)
);

-- From when on what calls a number is noise if it is shown to nobody: since it became a canary, or
-- later where it was published before.
CREATE TABLE canaries (
  account_id bigint NOT NULL,
  number text COLLATE "C" NOT NULL,
  since bigint NOT NULL,
  CONSTRAINT canaries_key PRIMARY KEY (account_id, number)
);

-- What is to happen to calls; the newest version of a name counts, the older ones name old calls.
CREATE TABLE flows (
  account_id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  flow json NOT NULL,
  made_at bigint NOT NULL,
  CONSTRAINT flows_key PRIMARY KEY (account_id, name, version)
);

-- What was learnt of each site's callers; the newest counts, the older ones name old attributions.
CREATE TABLE models (
  account_id bigint NOT NULL,
  site_key text COLLATE "C" NOT NULL,
  made_at bigint NOT NULL,
  name text NOT NULL,
  model json NOT NULL,
  CONSTRAINT models_key PRIMARY KEY (account_id, site_key, made_at)
);

-- How often the leases of a site have changed, and how: what the servers that lease from one pool
-- tell each other. The log is trimmed; who is further behind reads visits and exposures.
CREATE TABLE pools (
  account_id bigint NOT NULL,
  site_key text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  CONSTRAINT pools_key PRIMARY KEY (account_id, site_key)
) WITH (fillfactor = 50);
CREATE TABLE pool_log (
  account_id bigint NOT NULL,
  site_key text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  entries json NOT NULL,
  at bigint NOT NULL,
  CONSTRAINT pool_log_key PRIMARY KEY (account_id, site_key, version)
);

-- Which code of a number is given out next; codes in use must not be given out again.
CREATE TABLE extension_turns (
  account_id bigint NOT NULL,
  number text COLLATE "C" NOT NULL,
  turn integer NOT NULL,
  CONSTRAINT extension_turns_key PRIMARY KEY (account_id, number)
);

-- Room on each page, because every sign of life changes a visit's row.
CREATE TABLE visits (
  account_id bigint NOT NULL,
  visit_id text COLLATE "C" NOT NULL,
  visitor_id text COLLATE "C" NOT NULL,
  site_key text COLLATE "C" NOT NULL,
  started_at bigint NOT NULL,
  seen_at bigint NOT NULL,
  left_at bigint,
  contact_at bigint,
  tapped_at bigint,
  device text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  source text,
  medium text,
  campaign text COLLATE "C",
  term text COLLATE "C",
  content text,
  click_id_type text,
  click_id text,
  landing_page text,
  reason text,
  number text COLLATE "C",
  extension text COLLATE "C",
  CONSTRAINT visits_key PRIMARY KEY (account_id, visit_id)
) WITH (fillfactor = 80);

-- What a visit did after its first page (which is the visit's own row). Paths may be longer than
-- an index entry.
CREATE TABLE hits (
  account_id bigint NOT NULL,
  visit_id text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  path text COLLATE "C" NOT NULL,
  path_digest text COLLATE "C" GENERATED ALWAYS AS (md5(path)) STORED,
  CONSTRAINT hits_key PRIMARY KEY (account_id, visit_id, at, kind, path_digest)
);

-- A visit was shown a number from then on; how long it was seen is the visit's to know.
CREATE TABLE exposures (
  account_id bigint NOT NULL,
  number text COLLATE "C" NOT NULL,
  shown_at bigint NOT NULL,
  visit_id text COLLATE "C" NOT NULL,
  extension text COLLATE "C",
  CONSTRAINT exposures_key PRIMARY KEY (account_id, number, shown_at, visit_id)
);
CREATE INDEX exposures_by_extension ON exposures (account_id, number, extension, shown_at)
  WHERE extension IS NOT NULL;
CREATE INDEX extensions_by_time ON exposures (shown_at) WHERE extension IS NOT NULL;

-- shares: the credits of the call summed by channel, as an object. digits: what the caller keyed.
-- flow: name and version of the flow that routed it. repeat: how much of it continues an earlier one.
-- audio_format, audio_sha256 (hex): of the audio file. spam: what rules and marks come to.
CREATE TABLE calls (
  account_id bigint NOT NULL,
  gateway text COLLATE "C" NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  number text COLLATE "C" NOT NULL,
  caller text COLLATE "C",
  started_at bigint NOT NULL,
  outcome text COLLATE "C",
  talk_seconds double precision,
  report json,
  basis text COLLATE "C" NOT NULL,
  model text NOT NULL,
  unknown double precision NOT NULL,
  audio_format text,
  audio_sha256 text,
  repeat double precision NOT NULL DEFAULT 0,
  digits text,
  shares json NOT NULL DEFAULT '{}',
  flow text,
  spam boolean NOT NULL DEFAULT false,
  CONSTRAINT calls_key PRIMARY KEY (account_id, gateway, call_id)
);
-- Calls of one moment have an order, so that what is read of them is always the same.
CREATE INDEX calls_by_start ON calls (account_id, started_at, gateway, call_id);
CREATE INDEX calls_by_number ON calls (account_id, number, started_at, gateway, call_id);
CREATE INDEX calls_by_caller ON calls (account_id, caller, started_at, gateway, call_id);
CREATE INDEX calls_answered ON calls (account_id, caller, started_at, gateway, call_id)
  WHERE outcome = 'answered';
CREATE INDEX calls_spam ON calls (account_id, started_at, gateway, call_id) WHERE spam;

-- Every report as it was accepted or refused; refused ones contradict what was known.
CREATE TABLE call_reports (
  account_id bigint NOT NULL,
  gateway text COLLATE "C" NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  received_at bigint NOT NULL,
  accepted boolean NOT NULL,
  report json NOT NULL,
  CONSTRAINT call_reports_key PRIMARY KEY (account_id, gateway, call_id, digest)
);

-- The shares of a call; with calls.unknown they sum to 1. why: what speaks for the candidate.
CREATE TABLE credits (
  account_id bigint NOT NULL,
  gateway text COLLATE "C" NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  position integer NOT NULL,
  visit_id text COLLATE "C",
  probability double precision NOT NULL,
  channel text COLLATE "C" NOT NULL,
  campaign text COLLATE "C",
  keyword text COLLATE "C",
  source json NOT NULL,
  why json,
  CONSTRAINT credits_key PRIMARY KEY (account_id, gateway, call_id, position)
);
-- Which channels calls are credited to, without a look at every call.
CREATE INDEX credits_by_channel ON credits (account_id, channel) WHERE probability > 0;
-- Whether a visit has a share in a call.
CREATE INDEX credits_by_visit ON credits (account_id, visit_id) WHERE visit_id IS NOT NULL;

-- What users said of whose call it was; without a visit: none of them called.
CREATE TABLE corrections (
  account_id bigint NOT NULL,
  gateway text COLLATE "C" NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  visit_id text COLLATE "C",
  made_at bigint NOT NULL,
  made_by text,
  CONSTRAINT corrections_key PRIMARY KEY (account_id, gateway, call_id)
);

-- The words that users put on calls; a caller's tags are those of his earlier calls.
CREATE TABLE call_tags (
  account_id bigint NOT NULL,
  gateway text COLLATE "C" NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  tag text COLLATE "C" NOT NULL,
  made_at bigint NOT NULL,
  made_by text,
  CONSTRAINT call_tags_key PRIMARY KEY (account_id, gateway, call_id, tag)
);
CREATE INDEX call_tags_by_tag ON call_tags (account_id, tag);

-- What flows play, as WAV of 16 kHz; the digest names the content in links.
CREATE TABLE sounds (
  account_id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  seconds double precision NOT NULL,
  made_at bigint NOT NULL,
  made_by text,
  content bytea NOT NULL,
  CONSTRAINT sounds_key PRIMARY KEY (account_id, name)
);
CREATE INDEX sounds_by_digest ON sounds (account_id, digest);

-- Whose call it truly was, and what the engine stated without knowing: the visit it named, if any,
-- and its probability.
CREATE TABLE proofs (
  account_id bigint NOT NULL,
  gateway text COLLATE "C" NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  visit_id text COLLATE "C",
  stated_visit text COLLATE "C",
  stated double precision NOT NULL,
  CONSTRAINT proofs_key PRIMARY KEY (account_id, gateway, call_id, kind)
);

-- How callers are treated, by number or by prefix (`+1900*`), and who said so; what was taken off
-- stays as a fact. added_by is a login, NULL through the API or (by_gate) nobody's.
CREATE TABLE listed_callers (
  account_id bigint NOT NULL,
  pattern text COLLATE "C" NOT NULL,
  added_at bigint NOT NULL,
  treatment text COLLATE "C" NOT NULL,
  note text NOT NULL,
  added_by text,
  by_gate boolean NOT NULL,
  removed_at bigint,
  removed_by text,
  CONSTRAINT listed_callers_key PRIMARY KEY (account_id, pattern, added_at)
);
CREATE UNIQUE INDEX listed_callers_now ON listed_callers (account_id, pattern)
  WHERE removed_at IS NULL;
CREATE INDEX listed_callers_by_time ON listed_callers (account_id, added_at);

-- Which calls a rule acted on, why, and what came of it; pattern and listed_at name the listing.
CREATE TABLE screenings (
  account_id bigint NOT NULL,
  gateway text COLLATE "C" NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  rule text COLLATE "C" NOT NULL,
  evidence text NOT NULL,
  pattern text COLLATE "C",
  listed_at bigint,
  listed_by text,
  passage text COLLATE "C",
  CONSTRAINT screenings_key PRIMARY KEY (account_id, gateway, call_id)
);
CREATE INDEX screenings_by_listing ON screenings (account_id, pattern, listed_at)
  WHERE pattern IS NOT NULL;

-- What users said of calls, the newest counts: spam, not spam, or (NULL) nothing any more.
CREATE TABLE spam_marks (
  account_id bigint NOT NULL,
  gateway text COLLATE "C" NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  marked_at bigint NOT NULL,
  spam boolean,
  marked_by text,
  CONSTRAINT spam_marks_key PRIMARY KEY (account_id, gateway, call_id, marked_at)
);

-- The rules that are on and their thresholds; the newest count.
CREATE TABLE spam_rules (
  account_id bigint NOT NULL,
  made_at bigint NOT NULL,
  rules json NOT NULL,
  made_by text,
  CONSTRAINT spam_rules_key PRIMARY KEY (account_id, made_at)
);

-- Who is told of what happens to calls.
CREATE TABLE recipients (
  account_id bigint NOT NULL,
  recipient_id text COLLATE "C" NOT NULL,
  address text COLLATE "C" NOT NULL,
  events json NOT NULL,
  standing text COLLATE "C" NOT NULL,
  secrets json NOT NULL,
  failing_since bigint,
  CONSTRAINT recipients_key PRIMARY KEY (account_id, recipient_id)
);

-- The outbox, which becomes the log of what was delivered. What a notice tells is read from its
-- call when it is sent, so nothing here says who called. taken_until: no other server tries it.
CREATE TABLE deliveries (
  account_id bigint NOT NULL,
  delivery_id text COLLATE "C" NOT NULL,
  recipient_id text COLLATE "C" NOT NULL,
  event text COLLATE "C" NOT NULL,
  occurred_at bigint NOT NULL,
  gateway text COLLATE "C",
  call_id text COLLATE "C",
  state text COLLATE "C" NOT NULL,
  next_try_at bigint,
  taken_until bigint,
  count bigint NOT NULL,
  tries json NOT NULL,
  CONSTRAINT deliveries_key PRIMARY KEY (account_id, delivery_id)
);
CREATE INDEX deliveries_due ON deliveries (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX deliveries_by_recipient ON deliveries (account_id, recipient_id, state);
CREATE INDEX deliveries_by_call ON deliveries (account_id, gateway, call_id);

-- What changed of each day since it was sealed: `mark` is another one after every write to the
-- visits, hits and exposures (traffic) or the calls and credits (calls) of the day, which is counted
-- in days since 1970 UTC. Every batch of hits replaces one.
CREATE TABLE days (
  account_id bigint NOT NULL,
  part text COLLATE "C" NOT NULL,
  day bigint NOT NULL,
  mark bigint NOT NULL,
  -- Of an archived day the lake has rows that are not here; left_mark is the mark as of which all
  -- that were to leave have left.
  archived boolean NOT NULL DEFAULT false,
  left_mark bigint,
  CONSTRAINT days_key PRIMARY KEY (account_id, part, day)
) WITH (fillfactor = 50);

-- From which day on an account's visits, hits and exposures are all here; without a row: ever since.
CREATE TABLE traffic_since (
  account_id bigint NOT NULL,
  day bigint NOT NULL,
  CONSTRAINT traffic_since_key PRIMARY KEY (account_id)
);
