-- Sites that show extensions where a mix-up is more probable than this.
ALTER TABLE sites ADD COLUMN extensions_above REAL;

-- Codes of a static number that stand for sources of their own.
ALTER TABLE numbers ADD COLUMN extensions TEXT NOT NULL DEFAULT '[]';

ALTER TABLE visits ADD COLUMN extension TEXT;
ALTER TABLE exposures ADD COLUMN extension TEXT;
CREATE INDEX exposures_by_extension ON exposures (account_id, number, extension, shown_at)
  WHERE extension IS NOT NULL;

-- What the caller keyed.
ALTER TABLE calls ADD COLUMN digits TEXT;
