-- One vendor as it stands. Preludes: clock, permits.
--
-- KEYS  closed-until, paused, permits, running, queue 1 …
-- ARGV  lease in ms, then the vendor's limits
-- Returns, in microseconds, {now, paused (1 or 0), closed until, next start, running, oldest due or -1, and for
-- each queue how many are queued and how many of these are due, and for each window how much of it is used}.
local lease, limits = tonumber(ARGV[1]), read_limits(2)
local start = next_start(KEYS[3], limits, now_us)
local leased, oldest, counts = 0, -1, {}
for q = 5, #KEYS do
  local held = 0
  local around = redis.call('ZRANGEBYSCORE', KEYS[q], '(' .. now, now + lease + 1, 'WITHSCORES')
  for i = 2, #around, 2 do
    if tonumber(around[i]) % 1 ~= 0 then held = held + 1 end  -- the half marks a lease's end
  end
  leased = leased + held
  local first = redis.call('ZRANGE', KEYS[q], 0, 0, 'WITHSCORES')[2]
  if first and tonumber(first) <= now and (oldest == -1 or first * 1000 < oldest) then oldest = first * 1000 end
  counts[#counts + 1] = redis.call('ZCARD', KEYS[q]) - held
  counts[#counts + 1] = redis.call('ZCOUNT', KEYS[q], '-inf', now)
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
return {now_us, redis.call('EXISTS', KEYS[2]), closed, start, running, oldest, unpack(counts)}
