-- Ask circuit breakers whether calls may be made, and tell them what calls came to. Preludes: clock, circuit.
--
-- KEYS  the breaker of each entry
-- ARGV  wake channel, what an opening's word on it begins with, failures in a row that open one, percent, of at least
--       so many calls, a slice of the window in ms, how many slices, the first opening in ms, the longest;
--       then seven for each entry: calls that went well before it, 'admit' or 'look' or what a call came to, its token
--       ('' for one that is no probe), a probe's lease in ms, how long ago the call began in ms, the opening's spread
--       in per mille, the breaker's name
-- Returns {now in ms, for each entry: its state (0 closed, 1 open, 2 half open, 3 half open and you are its probe),
-- until when it is barred in ms or 0, failures in a row}.
local KEPT_MS = 3600000  -- what was so long ago says nothing of today
local CLOSED, OPEN, HALF_OPEN, PROBE = 0, 1, 2, 3
local channel, said = ARGV[1], ARGV[2]
local in_a_row, percent, at_least = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local slice_ms, slices, first, longest = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

-- Nil where the breaker is an instance's, be it a vendor's or a service's.
local function vendor_of(entry)
  return string.match(entry.name, '^vendor:([^:]+)$')
end

local function open(entry, row, number)
  local ms = math.floor(math.min(first * 2 ^ math.min(number - 1, 32), longest) * entry.spread / 1000)
  redis.call('DEL', entry.key)
  redis.call('HSET', entry.key, 'row', row, 'openings', number, 'until', now + ms, 'span', ms)
  redis.call('PEXPIRE', entry.key, ms + KEPT_MS)
  if vendor_of(entry) then  -- workers stop the calls that were granted before
    redis.call('PUBLISH', channel, said .. entry.name .. ':' .. string.format('%.0f', now + ms))
  end
end

-- Whoever waits for a vendor goes on at once; who waits for an instance asks again by itself.
local function close(entry)
  redis.call('DEL', entry.key)
  redis.call('HSET', entry.key, 'closed', now)
  redis.call('PEXPIRE', entry.key, KEPT_MS)
  local vendor = vendor_of(entry)
  if vendor then redis.call('PUBLISH', channel, 'gateway:idle:' .. vendor) end
end

-- Answers whether the share of failures in the window opens it.
local function count_up(key, ok, failed)
  local current, kept, all_ok, all_failed = math.floor(now / slice_ms), {}, ok, failed
  for number, good, bad in string.gmatch(redis.call('HGET', key, 'window') or '', '(%d+):(%d+):(%d+)') do
    number, good, bad = tonumber(number), tonumber(good), tonumber(bad)
    if number > current - slices and number <= current then
      all_ok, all_failed = all_ok + good, all_failed + bad
      if number == current then ok, failed = ok + good, failed + bad
      else kept[#kept + 1] = string.format('%.0f:%.0f:%.0f', number, good, bad) end
    end
  end
  kept[#kept + 1] = string.format('%.0f:%.0f:%.0f', current, ok, failed)
  redis.call('HSET', key, 'window', table.concat(kept, ' '))
  redis.call('PEXPIRE', key, KEPT_MS)
  return all_ok + all_failed >= at_least and 100 * all_failed >= percent * (all_ok + all_failed)
end

-- Whether a call began before the trouble was over: it says nothing of now. A closing ahead is of another clock.
local function is_stale(entry)
  local closed = tonumber(redis.call('HGET', entry.key, 'closed') or '0')
  return closed <= now and now - entry.age < closed
end

local function tell_probe(entry, opening)
  if entry.what == 'ok' then close(entry)
  elseif entry.what == 'failed' then open(entry, redis.call('HINCRBY', entry.key, 'row', 1), opening.number + 1)
  else redis.call('HDEL', entry.key, 'probe', 'lease', 'job') end
end

local function tell(entry, opening)
  if opening then  -- else it is the word of a call that began before
    if entry.token ~= '' and opening.probe == entry.token then tell_probe(entry, opening) end
    return
  end
  if entry.before > 0 then
    count_up(entry.key, entry.before, 0)
    redis.call('HSET', entry.key, 'row', 0)
  end
  if entry.what == 'ok' then
    count_up(entry.key, 1, 0)
    redis.call('HSET', entry.key, 'row', 0)
  elseif entry.what == 'failed' and not is_stale(entry) then
    local many, row = count_up(entry.key, 0, 1), redis.call('HINCRBY', entry.key, 'row', 1)
    if many or row >= in_a_row then open(entry, row, 1) end
  end
end

-- Its state, and until when it is barred.
local function ask(entry)
  local opening = find_opening(entry.key)
  if not opening then return CLOSED, 0 end
  local barred = barred_until(opening)
  if opening.ends > now then return OPEN, barred end
  if barred or entry.what ~= 'admit' then return HALF_OPEN, barred or 0 end
  redis.call('HDEL', entry.key, 'job')
  redis.call('HSET', entry.key, 'probe', entry.token, 'lease', now + entry.lease)
  return PROBE, 0
end

local reply = {now}
for i, key in ipairs(KEYS) do
  local before, what, token, lease, age, spread, name = unpack(ARGV, 7 * i + 3, 7 * i + 9)
  local entry = {key = key, before = tonumber(before), what = what, token = token, lease = tonumber(lease),
                 age = tonumber(age), spread = tonumber(spread), name = name}
  tell(entry, find_opening(key))
  local state, barred = ask(entry)
  reply[#reply + 1] = state
  reply[#reply + 1] = barred
  reply[#reply + 1] = tonumber(redis.call('HGET', key, 'row') or '0')
end
return reply
