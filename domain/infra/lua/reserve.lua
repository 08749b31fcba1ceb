-- Give the permits of calls that were not sent up and reserve new ones, for calls that are late.
-- Preludes: clock, permits, marker, running, circuit.
--
-- KEYS  closed-until, paused, marker, permits, running, breaker
-- ARGV  lease in ms, the limits, then two for each call: id, the permit in µs that it gives up (0: none)
-- Returns {now in µs, for each call a name and a time in µs: 'start' and when it may, or why it may not, and until when}.
local lease, limits, at = tonumber(ARGV[1]), read_limits(2)
local closed, paused, marker = unpack(redis.call('MGET', KEYS[1], KEYS[2], KEYS[3]))
for i = at, #ARGV, 2 do
  if ARGV[i + 1] ~= '0' then give_up_permit(KEYS[4], ARGV[i], tonumber(ARGV[i + 1])) end
end

local function find_refusal()
  if tonumber(closed or '0') > now then return 'closed', tonumber(closed) * 1000 end
  if paused then return 'paused', now_us end
  if is_behind(KEYS[3], limits) then return 'behind', (now + LEARNING_MS) * 1000 end
  local wait = find_missing(KEYS[3], marker, limits)
  if wait then return 'restoring', math.max(wait, now) * 1000 end
end

local refused, refused_until = find_refusal()
if not refused and #limits.windows > 0 then mend_clock(KEYS[4], limits, now_us) end

local opening = find_opening(KEYS[6])

local function reserve(id)
  if refused then return refused, refused_until end
  if opening and opening.job ~= id then return 'circuit', math.max(opening.ends, now + LOOK_AGAIN_MS) * 1000 end
  if limits.concurrency > 0 and not redis.call('ZSCORE', KEYS[5], id) then  -- a flush forgot it
    if redis.call('ZCOUNT', KEYS[5], '(' .. now, '+inf') >= limits.concurrency then
      return 'concurrency', now_us + limits.ahead
    end
    redis.call('ZADD', KEYS[5], now + lease, id)
  end
  if #limits.windows == 0 then return 'start', 0 end
  local start, window = next_start(KEYS[4], limits, now_us)
  if start > now_us + limits.ahead * AGAIN then return 'window ' .. window, start end
  take_permit(KEYS[4], limits, id, start)
  return 'start', start
end

local reply = {now_us}
for i = at, #ARGV, 2 do
  local name, moment = reserve(ARGV[i])
  reply[#reply + 1] = name
  reply[#reply + 1] = moment
end
if #limits.windows > 0 then trim_permits(KEYS[4], limits, now_us) end
return reply
