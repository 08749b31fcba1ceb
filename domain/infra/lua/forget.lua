-- Take ids out of their queues, where nobody holds a lease: their jobs have ended or are gone.
--
-- KEYS  the queue of each id
-- ARGV  the ids
-- Returns how many were taken out; for the others their holders will see that the job has ended.
local gone = 0
for i = 1, #KEYS do
  if redis.call('EXISTS', 'arq:in-progress:' .. ARGV[i]) == 0 and redis.call('ZREM', KEYS[i], ARGV[i]) == 1 then
    redis.call('DEL', 'arq:job:' .. ARGV[i], 'arq:retry:' .. ARGV[i])
    gone = gone + 1
  end
end
return gone
