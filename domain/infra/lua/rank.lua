-- How many due jobs of its vendor stand before each of some queued ones; -1 when one is not queued, or runs.
-- Prelude: clock.
--
-- KEYS  the queues of each vendor, those that go first before the others
-- ARGV  how many queues a vendor has, then for each job: the number of its queue among KEYS, its id
local per_vendor, ranks, due = tonumber(ARGV[1]), {}, {}

local function within_queue(queue, id)
  local score = redis.call('ZSCORE', queue, id)
  if not score then return -1 end
  local due_at = tonumber(score)
  if due_at <= now then return redis.call('ZRANK', queue, id) end
  if due_at % 1 ~= 0 then return -1 end  -- the half marks a lease's end
  return redis.call('ZCOUNT', queue, '-inf', now)
end

for i = 2, #ARGV, 2 do
  local q = tonumber(ARGV[i])
  local before = within_queue(KEYS[q], ARGV[i + 1])
  if before >= 0 then
    for other = q - (q - 1) % per_vendor, q - 1 do
      due[other] = due[other] or redis.call('ZCOUNT', KEYS[other], '-inf', now)
      before = before + due[other]
    end
  end
  ranks[#ranks + 1] = before
end
return ranks
