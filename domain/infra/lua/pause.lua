-- Pause a vendor or let it go on, and tell the workers. Whoever lets it go on knows that it is well: where its breaker
-- is open, one call tries at once.
--
-- KEYS  paused, limiter's marker, breaker
-- ARGV  '1' or '0', wake channel, what to say on it
-- A marker that is no more than a notice of something forgotten goes: whoever read MongoDB because of it may have
-- read the pause as it was before.
if ARGV[1] == '1' then redis.call('SET', KEYS[1], '1') else redis.call('DEL', KEYS[1]) end
if ARGV[1] == '0' and redis.call('HEXISTS', KEYS[3], 'openings') == 1 then redis.call('HSET', KEYS[3], 'until', 0) end
if string.find(redis.call('GET', KEYS[2]) or '', '?', 1, true) then redis.call('DEL', KEYS[2]) end
redis.call('PUBLISH', ARGV[2], ARGV[3])
