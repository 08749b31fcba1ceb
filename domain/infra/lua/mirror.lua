-- Keep what MongoDB said of a configuration, and tell who waits for another version. Prelude: clock.
--
-- KEYS  the configuration
-- ARGV  version (0: there is none), what is to be known of it, its text, the version that Redis had when MongoDB was
--       asked (-1: unknown), channel, service
-- Of two words the newer counts, in whatever order they arrive. But a version that was here before MongoDB was asked,
-- and that MongoDB does not have, is of a history that a restore took back.
local version, had = tonumber(ARGV[1]), tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version < had and tonumber(ARGV[4]) ~= had then return 0 end
local same = version == had and (version == 0 or redis.call('HGET', KEYS[1], 'text') == ARGV[3])
if version == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'about', ARGV[2], 'text', ARGV[3], 'checked', now)
end
if not same then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return 1
