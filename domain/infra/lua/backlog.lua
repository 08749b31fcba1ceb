-- How many ids are queued in some places and of some clients; leased and scheduled ones are among them.
-- Preludes: clock, lanes.
--
-- KEYS  the ring of each place
-- ARGV  clients
-- A few lanes of each place are counted again, so that what a plain arq worker took out is not counted for ever.
-- Returns the counts, of the places first.
local RECOUNTED = 3
local counts = {}
for i = 1, #KEYS do
  local place = place_of(KEYS[i])
  for _, client in ipairs(redis.call('HRANDFIELD', 'gateway:sizes:' .. place, RECOUNTED)) do
    count_lane(place, client)
  end
  counts[i] = queued_in(place)
end
for i = 1, #ARGV do
  counts[#KEYS + i] = tonumber(redis.call('HGET', 'gateway:backlog', ARGV[i]) or '0')
end
return counts
