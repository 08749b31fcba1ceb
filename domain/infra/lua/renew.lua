-- Prolong leases. A lease that is missing is set again by its holder (a flush forgot it); only
-- another's token means that it is lost. Preludes: clock, pulse, lanes.
--
-- KEYS  last pulse, grace, the ring of each lease (of none: the pulse alone)
-- ARGV  lease in ms, function name, row's lifetime in ms, then four for each lease: id, token, the vendor among
--       whose calls at once it is counted or '', its client. One that was claimed while these were not counted is
--       among them only where it was restored to them since
-- Returns the ids that are lost.
local lease, func, keep = tonumber(ARGV[1]), ARGV[2], ARGV[3]
feel_pulse(KEYS[1], KEYS[2], lease)
local lost = {}
for i = 1, #KEYS - 2 do
  local place = place_of(KEYS[i + 2])
  local id, token, counted_for, client = unpack(ARGV, 4 * i, 4 * i + 3)
  local key = 'arq:in-progress:' .. id
  local holder = redis.call('GET', key)
  if holder and holder ~= token then
    lost[#lost + 1] = id
  else
    redis.call('SET', key, token, 'PX', lease)
    redis.call('ZADD', change_lane(place, client).key, now + lease + 0.5, id)
    redis.call('ZADD', later_key(place), now + lease + 0.5, later_name(id, client))
    if counted_for ~= '' then
      redis.call('ZADD', 'gateway:running:' .. counted_for, now + lease, id)
    else
      redis.call('ZADD', 'gateway:running:' .. string.match(place, '^[^:]*'), 'XX', now + lease, id)
    end
    if not holder then
      local row = '{"t":null,"f":"' .. func .. '","a":["' .. id .. '"],"k":{},"et":' .. string.format('%.0f', now) .. '}'
      redis.call('SET', 'arq:job:' .. id, row, 'PX', keep)
    end
  end
end
settle_lanes()
return lost
