-- What is to happen to calls; the newest version of a name counts, the older ones name old calls.
CREATE TABLE flows (
  account_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  flow TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, name, version)
) WITHOUT ROWID;

-- A number follows the flow of that name, else its own.
ALTER TABLE numbers ADD COLUMN flow_name TEXT;

-- A flow was a list of targets; now it is a list of steps.
UPDATE numbers SET flow = json_object(
  'step', json_array(json_object('do', 'dial', 'targets', json_extract(flow, '$.targets'))),
  'record', json(iif(json_extract(flow, '$.record'), 'true', 'false')),
  'max_seconds', json_extract(flow, '$.max_seconds')
);
UPDATE numbers SET extensions = (
  SELECT json_group_array(json_set(value, '$.flow', json_object(
    'step', json_array(
      json_object('do', 'dial', 'targets', json_extract(value, '$.flow.targets'))
    ),
    'record', json(iif(json_extract(value, '$.flow.record'), 'true', 'false')),
    'max_seconds', json_extract(value, '$.flow.max_seconds')
  ))) FROM json_each(extensions)
) WHERE extensions <> '[]';

-- The flow that a call was routed by: its name and version.
ALTER TABLE calls ADD COLUMN flow TEXT;
CREATE INDEX calls_answered ON calls (account_id, caller, started_at)
  WHERE outcome = 'answered';
