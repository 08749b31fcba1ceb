-- Lease what is due of one vendor and may start by its limits: in the order of the classes given, and within a
-- class each client in its turn.
-- Preludes: clock, pulse, permits, marker, running, lanes, circuit.
--
-- KEYS  idle flag, closed-until, paused, marker, permits, running, breaker, full flag, last pulse, grace, ring 1 …
-- ARGV  how many, lease token, lease in ms, '1' where limits and pauses are kept, the limits
-- The claimed id's score moves to the lease's end: it no longer stands at the head of its lane in
-- everybody's way, and if its holder dies it comes due by itself. An id that somebody else holds
-- (a plain arq worker leaves the score) is moved likewise. What may not start yet stays where it is.
-- Returns {now in µs, when to ask again in ms or -1, what holds the lane back or '', how many jobs that holds,
-- the notice of what must be restored or '', {id, ring's number, start in µs or 0,
-- client, …}}.
local AHEAD_OF_START_US = 60000  -- a claim so early has time to put its starts on record, and finds several at once
local wanted, token, lease, kept_to = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local limits = read_limits(5)
local permits, running = KEYS[5], KEYS[6]
local limited = #limits.windows > 0 or limits.concurrency > 0
local closed, paused, marker = unpack(redis.call('MGET', KEYS[2], KEYS[3], KEYS[4]))

local function held(why, again, notice)
  local due = 0
  for q = 11, #KEYS do due = due + due_in(place_of(KEYS[q])) end
  return {now_us, again, why, due, notice or '', {}}
end

if tonumber(closed or '0') > now then return held('closed', tonumber(closed)) end
if paused then return held('paused', -1) end
if kept_to then
  if is_behind(KEYS[4], limits) then return held('behind', now + LEARNING_MS) end
  local wait, notice = find_missing(KEYS[4], marker, limits)
  if wait then return held('restoring', wait, wait <= now and notice) end
end
local probing = false  -- a half-open breaker lets one call through: this claim's only one
if kept_to and wanted > 0 then
  local opening = find_opening(KEYS[7])
  local barred = opening and barred_until(opening)
  if barred then return held('circuit', barred) end
  if opening then wanted, probing = 1, true end
end
local grace = feel_pulse(KEYS[9], KEYS[10], lease)

local start, window, free = now_us, 0, math.huge
if #limits.windows > 0 then
  mend_clock(permits, limits, now_us)
  start, window = next_start(permits, limits, now_us)
end
if limits.concurrency > 0 then free = limits.concurrency - count_running(running, grace) end

-- What keeps the next call from starting, and when to ask again.
local function find_bar()
  if free < 1 then
    local first = redis.call('ZRANGE', running, 0, 0, 'WITHSCORES')[2]
    return 'concurrency', math.max(math.ceil(tonumber(first or '0')), now) + 1
  end
  if start > now_us + limits.ahead then
    return 'window ' .. window, math.max(math.ceil((start - AHEAD_OF_START_US) / 1000), now + 1)
  end
end

-- The start of the call for an id that is leased now, put on record.
local function grant(id)
  local granted = 0
  if #limits.windows > 0 then
    granted = start
    take_permit(permits, limits, id, start)
    start, window = next_start(permits, limits, now_us)
  end
  if limits.concurrency > 0 then
    redis.call('ZADD', running, now + lease, id)
    free = free - 1
  end
  return granted
end

local claimed, taken = {}, 0
local bar, again

-- Lease one id, unless somebody holds it; answers when to look at it again.
local function lease_id(id, score, q, client)
  if score % 1 ~= 0 and grace > now then return grace + 0.5 end  -- it was leased, and may be still
  local key = 'arq:in-progress:' .. id
  if redis.call('SET', key, token, 'NX', 'PX', lease) then
    local at = 4 * taken
    claimed[at + 1], claimed[at + 2], claimed[at + 3], claimed[at + 4] = id, q - 10, limited and grant(id) or 0, client
    taken = taken + 1
  else
    -- 0 is "less than a millisecond" and -2 "just gone": look again at once, not a lease later.
    local left = redis.call('PTTL', key)
    if left ~= -1 then return now + math.max(left, 1) + 0.5 end
  end
  return now + lease + 0.5  -- the half marks a lease's end among the scores
end

-- What was leased and is due again has lost its holder: it was the first of its lane before, and is so again. As the
-- lease's end has it, it would stand behind the whole backlog. What was scheduled stands where it belongs.
local function bring_forward(place)
  local passed = redis.call('ZRANGEBYSCORE', later_key(place), '-inf', now, 'WITHSCORES', 'LIMIT', 0, AT_ONCE)
  for i = #passed - 1, 1, -2 do  -- each goes before the first, so the last of them first
    local colon = string.find(passed[i], ':', 1, true)
    if colon and passed[i + 1] % 1 ~= 0 then  -- an earlier version named no client
      local lane = lane_key(place, string.sub(passed[i], colon + 1))
      local first = redis.call('ZRANGE', lane, 0, 0, 'WITHSCORES')[2]
      if first then  -- the half marks a lease's end
        redis.call('ZADD', lane, 'XX', math.floor(first) - 0.5, string.sub(passed[i], 1, colon - 1))
      end
    end
    redis.call('ZREM', later_key(place), passed[i])
  end
end

-- Lease up to `share` due ids of a lane. One that got nothing, since something holds the vendor back, keeps its turn.
local function serve(place, client, q, share)
  local lane, moved, later = lane_key(place, client), {}, {}
  local ids = redis.call('ZRANGEBYSCORE', lane, '-inf', now, 'WITHSCORES', 'LIMIT', 0, math.min(share, AT_ONCE))
  for i = 1, #ids, 2 do
    if limited then bar, again = find_bar() end
    if bar then break end
    moved[i], moved[i + 1] = lease_id(ids[i], tonumber(ids[i + 1]), q, client), ids[i]
    later[i], later[i + 1] = moved[i], later_name(ids[i], client)
  end
  if #moved > 0 then
    redis.call('ZADD', lane, unpack(moved))
    redis.call('ZADD', later_key(place), unpack(later))
  end
  if (#moved > 0 or not bar) and not line_up(place, client, true) then count_lane(place, client) end
end

-- One turn for each lane that waits, or as many for each as there is room for; where permits may run out, one.
local function serve_round(place, q)
  local clients = redis.call('ZRANGEBYSCORE', KEYS[q], '-inf', '(0', 'LIMIT', 0, wanted - taken)
  local share = math.floor((wanted - taken) / math.max(#clients, 1))
  if limited and #clients > 1 then share = 1 end
  for _, client in ipairs(clients) do
    if not bar then serve(place, client, q, share) end
  end
  return #clients > 0
end

-- When a ring is to be looked at next, past where some lane waits; nil for an empty one.
local function next_of(ring)
  local first = redis.call('ZRANGE', ring, 0, 0, 'WITHSCORES')[2]
  return first and tonumber(first)
end

local next_due = -1
for q = 11, #KEYS do
  local due = next_of(KEYS[q])
  if due and due <= now and taken < wanted and not bar then
    local place, more = place_of(KEYS[q]), true
    bring_forward(place)
    line_up_due(place)
    while more and taken < wanted and not bar do more = serve_round(place, q) end
    due = next_of(KEYS[q])
  end
  if due and (next_due == -1 or due < next_due) then next_due = math.max(due, now) end
end
if #limits.windows > 0 and taken > 0 then trim_permits(permits, limits, now_us) end
if probing and taken == 1 then
  redis.call('HSET', KEYS[7], 'probe', token, 'job', claimed[1])
  bar, again = 'circuit', now + LOOK_AGAIN_MS
end
if bar then  -- no idle flag: a wake-up would change nothing
  if bar == 'concurrency' then redis.call('SET', KEYS[8], '1') end
  local reply = held(bar, again)
  reply[6] = claimed
  return reply
end
if taken < wanted then
  redis.call('SET', KEYS[1], '1')
end
return {now_us, next_due, '', 0, '', claimed}
