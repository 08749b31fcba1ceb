-- Prolong leases. A lease that is missing is set again by its holder (a flush forgot it); only
-- another's token means that it is lost.
--
-- KEYS  the queue of each lease
-- ARGV  lease in ms, function name, row's lifetime in ms, then two for each key: id, token
-- Returns the ids that are lost.
local lease, func, keep = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lost = {}
for i, queue in ipairs(KEYS) do
  local id, token = ARGV[2 + 2 * i], ARGV[3 + 2 * i]
  local key = 'arq:in-progress:' .. id
  local holder = redis.call('GET', key)
  if holder and holder ~= token then
    lost[#lost + 1] = id
  else
    redis.call('SET', key, token, 'PX', lease)
    redis.call('ZADD', queue, now + lease, id)
    if not holder then
      local row = '{"t":null,"f":"' .. func .. '","a":["' .. id .. '"],"k":{},"et":' .. string.format('%.0f', now) .. '}'
      redis.call('SET', 'arq:job:' .. id, row, 'PX', keep)
    end
  end
end
return lost
