-- One vendor as it stands. Preludes: clock, permits, lanes, circuit.
--
-- KEYS  closed-until, paused, permits, running, breaker, ring 1 …
-- ARGV  lease in ms, then the vendor's limits
-- Returns, in microseconds, {now, paused (1 or 0), closed until, next start, running, oldest due or -1, when its breaker's
-- opening ends (0: it is closed), failures in a row (no time), and for each ring how many are queued and how many of these are due, and for each window how much of it is used}.
local PASSED = 500  -- so many ids that are due by now are no more kept among the later ones, each look
local lease, limits = tonumber(ARGV[1]), read_limits(2)
local start = next_start(KEYS[3], limits, now_us)
local leased, oldest, counts = 0, -1, {}

local function count_leased(later)
  local held, around = 0, redis.call('ZRANGEBYSCORE', later, '(' .. now, now + lease + 1, 'WITHSCORES')
  for i = 2, #around, 2 do
    if tonumber(around[i]) % 1 ~= 0 then held = held + 1 end  -- the half marks a lease's end
  end
  return held
end

for q = 6, #KEYS do
  local place = place_of(KEYS[q])
  local later = later_key(place)
  local passed, held = redis.call('ZCOUNT', later, '-inf', now), count_leased(later)
  if passed > 0 then redis.call('ZREMRANGEBYRANK', later, 0, math.min(passed, PASSED) - 1) end
  line_up_due(place)
  local first = redis.call('ZRANGE', 'gateway:oldest:' .. place, 0, 0, 'WITHSCORES')[2]
  if first and (oldest == -1 or first * 1000 < oldest) then oldest = first * 1000 end
  leased = leased + held
  counts[#counts + 1] = math.max(queued_in(place) - held, 0)
  counts[#counts + 1] = due_in(place)
end
for _, window in ipairs(limits.windows) do
  local since = string.format('(%.0f', now_us - window.length - limits.guard)
  counts[#counts + 1] = redis.call('ZCOUNT', KEYS[3], since, '+inf')
end
local running = leased
if limits.concurrency > 0 then
  running = redis.call('ZCOUNT', KEYS[4], '(' .. now, '+inf')
end
local closed = tonumber(redis.call('GET', KEYS[1]) or '0') * 1000
local opening, row = find_opening(KEYS[5]), tonumber(redis.call('HGET', KEYS[5], 'row') or '0')
local opened = opening and opening.ends * 1000 or 0
return {now_us, redis.call('EXISTS', KEYS[2]), closed, start, running, oldest, opened, row, unpack(counts)}
