-- The credits of each call summed by channel, as an object: reports add up these.
ALTER TABLE calls ADD COLUMN shares TEXT NOT NULL DEFAULT '{}';
UPDATE calls SET shares = (
  SELECT json_group_object(channel, share) FROM (
    SELECT k.channel AS channel, sum(k.probability) AS share FROM credits k
    WHERE k.account_id = calls.account_id AND k.gateway = calls.gateway
    AND k.call_id = calls.call_id GROUP BY k.channel
  )
);
