-- How many due jobs of its vendor go before each of some queued ones; -1 when one is not queued, or runs.
-- Preludes: clock, lanes.
--
-- KEYS  the rings of each vendor, those that go first before the others; the last is the class that runs apart
-- ARGV  how many rings a vendor has, then three for each job: the number of its ring among KEYS, its id, its client
-- Before a lane has had its n-th turn, each of the others has had n too, or as many as it has ids. With more than
-- EXACT lanes it is no more counted lane by lane, and an id may have fewer before it than is said.
local EXACT = 100
local per_vendor, ranks, due, waiting = tonumber(ARGV[1]), {}, {}, {}

-- How many due ones stand before it in its own lane, and how many are due there.
local function within_lane(lane, id)
  local score = redis.call('ZSCORE', lane, id)
  if not score then return -1 end
  local due_at, all = tonumber(score), redis.call('ZCOUNT', lane, '-inf', now)
  if due_at <= now then return redis.call('ZRANK', lane, id), all end
  if due_at % 1 ~= 0 then return -1 end  -- the half marks a lease's end
  return all, all
end

local function due_of(q)
  due[q] = due[q] or due_in(place_of(KEYS[q]))
  return due[q]
end

-- {client: {its turn, how many are due}} of a ring, or false where they are too many.
local function lanes_of(q)
  if waiting[q] == nil then
    local place, lanes = place_of(KEYS[q]), {}
    line_up_due(place)
    waiting[q] = redis.call('ZCOUNT', KEYS[q], '-inf', '(0') <= EXACT and lanes
    local clients = waiting[q] and redis.call('ZRANGEBYSCORE', KEYS[q], '-inf', '(0', 'WITHSCORES') or {}
    for i = 1, #clients, 2 do
      local many = redis.call('ZCOUNT', lane_key(place, clients[i]), '-inf', now)
      lanes[clients[i]] = {tonumber(clients[i + 1]), many}
    end
  end
  return waiting[q]
end

local function of_others(q, client, before, mine)
  local lanes, turn = lanes_of(q), tonumber(redis.call('ZSCORE', KEYS[q], client) or '0')
  if not lanes then
    local others = redis.call('ZCOUNT', KEYS[q], '-inf', '(0') - (turn < 0 and 1 or 0)
    local ahead = redis.call('ZCOUNT', KEYS[q], '-inf', '(' .. string.format('%.0f', math.min(turn, 0)))
    return math.max(math.min(due_of(q) - mine, before * others + ahead), 0)
  end
  local sum = 0
  for other, lane in pairs(lanes) do
    if other ~= client then sum = sum + math.min(lane[2], lane[1] < turn and before + 1 or before) end
  end
  return sum
end

for i = 2, #ARGV, 3 do
  local q, id, client = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2]
  local before, mine = within_lane(lane_key(place_of(KEYS[q]), client), id)
  if before >= 0 then
    before = before + of_others(q, client, before, mine)
    for other = q - (q - 1) % per_vendor, q % per_vendor == 0 and 0 or q - 1 do
      before = before + due_of(other)
    end
  end
  ranks[#ranks + 1] = before
end
return ranks
