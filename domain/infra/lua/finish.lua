-- Give leases back: the job has ended, or is due again later. Fenced: another's lease is left alone.
--
-- KEYS  the queue and the idle flag of each lease, in turn
-- ARGV  wake channel, changes channel, then four for each pair: id, token, due again (ms; -1: ended), tell (1 or 0)
local told = {}
for i = 1, #KEYS / 2 do
  local queue, idle = KEYS[2 * i - 1], KEYS[2 * i]
  local at = 4 * i - 1
  local id, token, due, tell = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local key = 'arq:in-progress:' .. id
  local holder = redis.call('GET', key)
  if not holder or holder == token then
    if due == -1 then
      redis.call('DEL', key, 'arq:job:' .. id, 'arq:retry:' .. id)
      redis.call('ZREM', queue, id)
    else
      redis.call('DEL', key)
      redis.call('ZADD', queue, due, id)
      if redis.call('DEL', idle) == 1 then
        redis.call('PUBLISH', ARGV[1], idle)
      end
    end
  end
  if tell == '1' then told[#told + 1] = id end
end
if #told > 0 then
  redis.call('PUBLISH', ARGV[2], table.concat(told, ','))
end
