-- Prelude: lanes. The jobs of one client in one class of a vendor's queue are a lane, and the lanes of a class
-- take turns. After clock. A place is '<vendor>:<class>'; of each there are
--
--   arq:queue:<place>:<client>  a lane: ids by when to look at them (ms)
--   gateway:lanes:<place>       the ring: clients by their turn (below 0) where something of theirs is due, else by
--                               when their first id comes due; it may say so too early, never too late
--   gateway:oldest:<place>      of those that have a turn, since when their first id is due
--   gateway:later:<place>       what is not due of all lanes, leased or scheduled, with the scores of the lanes
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
local function line_up(place, client, served)
  local ring, oldest = RING .. place, 'gateway:oldest:' .. place
  local first = redis.call('ZRANGE', lane_key(place, client), 0, 0, 'WITHSCORES')[2]
  if first and tonumber(first) <= now then
    if served or tonumber(redis.call('ZSCORE', ring, client) or '0') >= 0 then
      redis.call('ZADD', ring, next_turn(ring), client)
    end
    redis.call('ZADD', oldest, first, client)
    return
  end
  redis.call('ZREM', oldest, client)
  if first then
    redis.call('ZADD', ring, math.ceil(tonumber(first)), client)
  else
    redis.call('ZREM', ring, client)
    count_lane(place, client)
  end
end

-- Lanes whose first id has come due get their turn, in the order in which it did.
local function line_up_due(place)
  for _, client in ipairs(redis.call('ZRANGEBYSCORE', RING .. place, 0, now, 'LIMIT', 0, AT_ONCE)) do
    line_up(place, client)
  end
end

-- Lanes that were changed, each once: {lane's key: {place, client}}.
local function settle_lanes(changed)
  for _, lane in pairs(changed) do
    count_lane(lane[1], lane[2])
    line_up(lane[1], lane[2])
  end
end

local function queued_in(place)
  return tonumber(redis.call('HGET', 'gateway:queued', place) or '0')
end

local function due_in(place)
  return math.max(queued_in(place) - redis.call('ZCOUNT', 'gateway:later:' .. place, '(' .. now, '+inf'), 0)
end
