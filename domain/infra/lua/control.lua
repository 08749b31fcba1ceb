-- A vendor's control has a new version: who goes by an older one is granted nothing from now on, and all are told.
--
-- KEYS  the newest version
-- ARGV  the version, how long to keep it in ms, channel, what to say on it
if tonumber(ARGV[1]) > tonumber(redis.call('GET', KEYS[1]) or '0') then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
redis.call('PUBLISH', ARGV[3], ARGV[4])
