-- Prelude: lanes. The jobs of one client in one class of a vendor's queue are a lane, and the lanes of a class
-- take turns. After clock. A place is '<vendor>:<class>'; of each there are
--
--   arq:queue:<place>:<client>  a lane: ids by when to look at them (ms)
--   gateway:lanes:<place>       the ring: clients by their turn (below 0) where something of theirs is due, else by
--                               when their first id comes due; it may say so too early, never too late
--   gateway:oldest:<place>      of those that have a turn, since when their first id is due
--   gateway:later:<place>       what is not due of all lanes, leased or scheduled: <id>:<client> by the lane's score
--   gateway:sizes:<place>       how long each lane was when it was last counted
--
-- and of all: gateway:queued and gateway:backlog, the sums of the sizes by place and by client. A size is counted,
-- not reckoned: what a plain arq worker took out is missing from the next count. Keys are named here and not by the
-- caller: one Redis, no Cluster.
local RING = 'gateway:lanes:'
local FIRST_TURN = -2 ^ 52
local AT_ONCE = 200  -- so many lanes line up in one script, each 5 µs

local function place_of(ring)
  return string.sub(ring, #RING + 1)
end

local function lane_key(place, client)
  return 'arq:queue:' .. place .. ':' .. client
end

local function later_key(place)
  return 'gateway:later:' .. place
end

-- What stands among the later ones for an id.
local function later_name(id, client)
  return id .. ':' .. client
end

local last_turns = {}

-- The turn after all that wait in this ring.
local function next_turn(ring)
  local last = last_turns[ring]
  if not last then
    last = redis.call('ZREVRANGEBYSCORE', ring, '(0', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  end
  last_turns[ring] = tonumber(last or FIRST_TURN) + 1
  return last_turns[ring]
end

local function count_lane(place, client)
  local sizes = 'gateway:sizes:' .. place
  local size = redis.call('ZCARD', lane_key(place, client))
  local more = size - tonumber(redis.call('HGET', sizes, client) or '0')
  if more == 0 then return end
  if size == 0 then redis.call('HDEL', sizes, client) else redis.call('HSET', sizes, client, size) end
  redis.call('HINCRBY', 'gateway:queued', place, more)
  if redis.call('HINCRBY', 'gateway:backlog', client, more) <= 0 then redis.call('HDEL', 'gateway:backlog', client) end
end

-- Put a lane where it belongs in its ring. One that was `served` and has more that is due goes behind all others.
-- Answers false for an empty one, which leaves the ring.
local function line_up(place, client, served)
  local ring, oldest = RING .. place, 'gateway:oldest:' .. place
  local first = redis.call('ZRANGE', lane_key(place, client), 0, 0, 'WITHSCORES')[2]
  if first and tonumber(first) <= now then
    if served or tonumber(redis.call('ZSCORE', ring, client) or '0') >= 0 then
      redis.call('ZADD', ring, next_turn(ring), client)
    end
    redis.call('ZADD', oldest, first, client)
    return true
  end
  redis.call('ZREM', oldest, client)
  if first then redis.call('ZADD', ring, math.ceil(tonumber(first)), client) else redis.call('ZREM', ring, client) end
  return first or false
end

-- Lanes whose first id has come due get their turn, in the order in which it did.
local function line_up_due(place)
  for _, client in ipairs(redis.call('ZRANGEBYSCORE', RING .. place, 0, now, 'LIMIT', 0, AT_ONCE)) do
    if not line_up(place, client) then count_lane(place, client) end
  end
end

local changed = {}

-- The lane of a client, as something that is about to change: {key, ids that are `gone` from it}.
local function change_lane(place, client)
  local of_place = changed[place] or {}
  changed[place] = of_place
  of_place[client] = of_place[client] or {key = lane_key(place, client), gone = {}}
  return of_place[client]
end

-- Take out what goes, then count and line up each lane that was changed.
local function settle_lanes()
  for place, lanes in pairs(changed) do
    for client, lane in pairs(lanes) do
      for i = 1, #lane.gone, AT_ONCE do
        local ids, names = {unpack(lane.gone, i, math.min(i + AT_ONCE - 1, #lane.gone))}, {}
        for at, id in ipairs(ids) do names[at] = later_name(id, client) end
        redis.call('ZREM', lane.key, unpack(ids))
        redis.call('ZREM', later_key(place), unpack(names))
      end
      count_lane(place, client)
      line_up(place, client)
    end
  end
end

local function queued_in(place)
  return tonumber(redis.call('HGET', 'gateway:queued', place) or '0')
end

local function due_in(place)
  return math.max(queued_in(place) - redis.call('ZCOUNT', later_key(place), '(' .. now, '+inf'), 0)
end
