-- Take ids out of their lanes, where nobody holds a lease: their jobs have ended or are gone. Preludes: clock, lanes.
--
-- KEYS  the ring of each id
-- ARGV  two for each id: the id, its client
-- Returns how many were taken out; for the others their holders will see that the job has ended.
local taken_out = 0
for i = 1, #KEYS do
  local id, client, place = ARGV[2 * i - 1], ARGV[2 * i], place_of(KEYS[i])
  local lane = lane_key(place, client)
  if redis.call('EXISTS', 'arq:in-progress:' .. id) == 0 and redis.call('ZREM', lane, id) == 1 then
    redis.call('ZREM', later_key(place), later_name(id, client))
    redis.call('DEL', 'arq:job:' .. id, 'arq:retry:' .. id)
    change_lane(place, client)
    taken_out = taken_out + 1
  end
end
settle_lanes()
return taken_out
