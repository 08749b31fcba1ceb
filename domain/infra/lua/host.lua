-- One call of a callback's receiver, or when it is worth asking again: a moving window. Prelude: clock.
--
-- KEYS  the starts of its last calls, newest first
-- ARGV  calls, the window in µs
-- Returns 0 when it was taken, else when the next may be, in µs.
local amount, length = tonumber(ARGV[1]), tonumber(ARGV[2])
local oldest = tonumber(redis.call('LINDEX', KEYS[1], amount - 1) or '0')
if oldest + length > now_us then return oldest + length end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now_us))
redis.call('LTRIM', KEYS[1], 0, amount - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil(length / 1000))
return 0
