-- Give leases back: the job has ended, or is due again later. Fenced: another's lease is left alone.
-- Preludes: clock, permits, lanes.
--
-- KEYS  the ring and the idle flag of each lease, in turn
-- ARGV  wake channel, changes channel, then seven for each lease: id, token, due again (ms; -1: ended), tell (1 or 0),
--       its permit's start in µs (0: none), by when its call had arrived in µs (0: none was made, and the permit is
--       given up), its client
local told = {}

-- Another key of the vendor that an idle flag is for.
local function beside(what, idle)
  return (string.gsub(idle, '^gateway:idle:', 'gateway:' .. what .. ':'))
end

local function wake(flag, idle)
  if redis.call('DEL', flag) == 1 then redis.call('PUBLISH', ARGV[1], idle) end
end

for i = 1, #KEYS / 2 do
  local place, idle = place_of(KEYS[2 * i - 1]), KEYS[2 * i]
  local id, token, due, tell, start, arrived_by, client = unpack(ARGV, 7 * i - 4, 7 * i + 2)
  local key = 'arq:in-progress:' .. id
  local holder = redis.call('GET', key)
  if not holder or holder == token then
    local lane = change_lane(place, client)
    if due == '-1' then
      redis.call('DEL', key, 'arq:job:' .. id, 'arq:retry:' .. id)
      lane.gone[#lane.gone + 1] = id
    else
      redis.call('DEL', key)
      redis.call('ZADD', lane.key, due, id)
      redis.call('ZADD', later_key(place), due, later_name(id, client))
      wake(idle, idle)
    end
    if redis.call('ZREM', beside('running', idle), id) == 1 then
      wake(beside('full', idle), idle)
    end
  end
  if start ~= '0' and arrived_by ~= '0' then
    date_permit(beside('grants', idle), id, tonumber(start), arrived_by)
  elseif start ~= '0' and give_up_permit(beside('grants', idle), id, tonumber(start)) == 1 then
    redis.call('PUBLISH', ARGV[1], idle)  -- a lane that waits for the limit may start earlier
  end
  if tell == '1' then told[#told + 1] = id end
end
settle_lanes()
if #told > 0 then
  redis.call('PUBLISH', ARGV[2], table.concat(told, ','))
end
