-- Put job ids into their lanes, once, and wake the workers that wait. Preludes: clock, lanes.
--
-- KEYS  ring 1 … ring n, idle flag 1 … idle flag n: one of each for every lane; memory
-- ARGV  n, wake channel, function name, row's lifetime in ms, client 1 … client n,
--       then three for each job: lane's number, id, due (ms; with a half: somebody may hold it until then)
-- An id that Redis already holds is left as it is: its score may be a live lease's end. Its lane is lined up
-- all the same, so the sweep mends a ring that lost it.
-- Returns how many were added.
local n, channel, func, keep = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local added, lanes, woken = 0, {}, {}
for q = 1, n do
  lanes[q] = change_lane(place_of(KEYS[q]), ARGV[4 + q]).key
end
for i = 5 + n, #ARGV, 3 do
  local q, id, due = tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2])
  if redis.call('EXISTS', 'arq:in-progress:' .. id) == 0 and redis.call('ZADD', lanes[q], 'NX', due, id) == 1 then
    local row = '{"t":null,"f":"' .. func .. '","a":["' .. id .. '"],"k":{},"et":' .. string.format('%.0f', now) .. '}'
    redis.call('SET', 'arq:job:' .. id, row, 'PX', string.format('%.0f', math.max(due - now, 0) + keep))
    if due > now then redis.call('ZADD', later_key(place_of(KEYS[q])), due, later_name(id, ARGV[4 + q])) end
    added = added + 1
    woken[q] = true
  end
end
settle_lanes()
local forgotten = redis.call('EXISTS', KEYS[2 * n + 1]) == 0  -- the idle flags too: whoever waits is woken all the same
for q in pairs(woken) do
  if redis.call('DEL', KEYS[n + q]) == 1 or forgotten then
    redis.call('PUBLISH', channel, KEYS[n + q])
  end
end
return added
