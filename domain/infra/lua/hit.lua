-- Take a vendor's permit for now, or only look. Preludes: clock, permits.
--
-- KEYS  marker, permits
-- ARGV  '1' to take it, id, the limits (of one window)
-- Returns {1 where a call may start now, units used in the window, when the first of them leaves it, in µs}.
local take, id, limits = ARGV[1] == '1', ARGV[2], read_limits(3)
local window = limits.windows[1]
local since = now_us - window.length - limits.guard
local oldest = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', since), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
local leaves = (oldest[2] or since) + window.length + limits.guard
local used = redis.call('ZCOUNT', KEYS[2], '(' .. string.format('%.0f', since), '+inf')

local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local of, kept, longest = string.match(redis.call('GET', KEYS[1]) or '', '^(%x+):(%d+):(%d+):')
local whole = of == run and tonumber(kept) >= window.amount and tonumber(longest) >= window.length
if not whole or next_start(KEYS[2], limits, now_us) > now_us then return {0, used, leaves} end
if take then
  limits.longest = tonumber(longest)
  take_permit(KEYS[2], limits, id, now_us)
  trim_permits(KEYS[2], limits, now_us)
end
return {1, used, leaves}
