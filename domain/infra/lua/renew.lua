-- Prolong leases. A lease that is missing is set again by its holder (a flush forgot it); only
-- another's token means that it is lost.
--
-- KEYS  last pulse, grace, the queue of each lease (of none: the pulse alone)
-- ARGV  lease in ms, function name, row's lifetime in ms, then two for each key: id, token
-- Returns the ids that are lost.
local lease, func, keep = tonumber(ARGV[1]), ARGV[2], ARGV[3]
feel_pulse(KEYS[1], KEYS[2], lease)
local lost = {}
for i = 3, #KEYS do
  local queue, id, token = KEYS[i], ARGV[2 * i - 2], ARGV[2 * i - 1]
  local key = 'arq:in-progress:' .. id
  local holder = redis.call('GET', key)
  if holder and holder ~= token then
    lost[#lost + 1] = id
  else
    redis.call('SET', key, token, 'PX', lease)
    redis.call('ZADD', queue, now + lease + 0.5, id)
    if not holder then
      local row = '{"t":null,"f":"' .. func .. '","a":["' .. id .. '"],"k":{},"et":' .. string.format('%.0f', now) .. '}'
      redis.call('SET', 'arq:job:' .. id, row, 'PX', keep)
    end
  end
end
return lost
