-- How many due jobs of its vendor stand before a queued one; -1 when it is not queued, or runs. Prelude: clock.
--
-- KEYS  its queue, the queues that go before it …
-- ARGV  id
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score then return -1 end
local before, due_at = 0, tonumber(score)
if due_at <= now then
  before = redis.call('ZRANK', KEYS[1], ARGV[1])
elseif due_at % 1 ~= 0 then  -- the half marks a lease's end
  return -1
else
  before = redis.call('ZCOUNT', KEYS[1], '-inf', now)
end
for q = 2, #KEYS do before = before + redis.call('ZCOUNT', KEYS[q], '-inf', now) end
return before
