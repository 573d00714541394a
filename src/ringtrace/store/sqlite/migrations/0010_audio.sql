-- What the audio file of a call is, and its SHA-256 (hex); before, a file was WAV and not looked at.
ALTER TABLE calls ADD COLUMN audio_format TEXT;
ALTER TABLE calls ADD COLUMN audio_sha256 TEXT;
UPDATE calls SET audio_format = 'wav' WHERE has_audio;
ALTER TABLE calls DROP COLUMN has_audio;
