-- Put job ids into their queues, once, and wake the workers that wait. Prelude: clock.
--
-- KEYS  queue 1 … queue n, idle flag 1 … idle flag n
-- ARGV  n, wake channel, function name, row's lifetime in ms, then three for each job: queue's number, id, due (ms; what is past: now)
-- An id that Redis already holds is left as it is: its score may be a live lease's end.
-- Returns how many were added.
local n, channel, func, keep = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local added, touched = 0, {}
for i = 5, #ARGV, 3 do
  local q, id, due = tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2])
  if due < now then due = now end
  if redis.call('EXISTS', 'arq:in-progress:' .. id) == 0 and redis.call('ZADD', KEYS[q], 'NX', due, id) == 1 then
    local row = '{"t":null,"f":"' .. func .. '","a":["' .. id .. '"],"k":{},"et":' .. string.format('%.0f', now) .. '}'
    redis.call('SET', 'arq:job:' .. id, row, 'PX', string.format('%.0f', math.max(due - now, 0) + keep))
    added = added + 1
    touched[q] = true
  end
end
for q in pairs(touched) do
  if redis.call('DEL', KEYS[n + q]) == 1 then
    redis.call('PUBLISH', channel, KEYS[n + q])
  end
end
return added
