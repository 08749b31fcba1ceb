-- Prelude: the permits of one vendor, a sorted set of the newest starts in microseconds of Redis' clock.
--
-- A member is <id>:<start>, and where one call costs more than one unit also <id>:<start>:2 and so on. A start
-- is promised only where, of the units before it, enough are older than every window: so no sliding window
-- ever holds more than its amount. New starts go to the end, which keeps that true whatever is taken out. A call
-- that was answered later than at once may have arrived later than it started, and is dated so.

local AGAIN = 1.5  -- so many look-aheads may a call that missed its start wait for another: sending it back costs more

-- What `CallLimits.args` put into ARGV from `at` on.
local function read_limits(at)
  local limits = {
    cost = tonumber(ARGV[at]), guard = tonumber(ARGV[at + 1]), spacing = tonumber(ARGV[at + 2]),
    ahead = tonumber(ARGV[at + 3]), concurrency = tonumber(ARGV[at + 4]), version = tonumber(ARGV[at + 5]),
    kept = tonumber(ARGV[at + 6]), longest = tonumber(ARGV[at + 7]), windows = {}
  }
  local count = tonumber(ARGV[at + 8])
  for w = 1, count do
    limits.windows[w] = {amount = tonumber(ARGV[at + 7 + 2 * w]), length = tonumber(ARGV[at + 8 + 2 * w])}
  end
  return limits, at + 9 + 2 * count
end

-- When the next call may start, and the number of the window that says so (0: none of them).
local function next_start(grants, limits, now_us)
  local start, because = now_us, 0
  if #limits.windows == 0 then return start, because end
  local last = redis.call('ZRANGE', grants, -1, -1, 'WITHSCORES')[2]
  if last and last + limits.spacing > start then start = last + limits.spacing end
  for w, window in ipairs(limits.windows) do
    local rank = window.amount - limits.cost + 1
    local oldest = redis.call('ZRANGE', grants, -rank, -rank, 'WITHSCORES')[2]
    if oldest and oldest + window.length + limits.guard > start then
      start, because = oldest + window.length + limits.guard, w
    end
  end
  return start, because
end

-- Redis' clock stepped back: what stands further ahead than anything is reserved was written by another clock.
-- All permits move so that the last one stands as late as it can truly be.
local function mend_clock(grants, limits, now_us)
  local last, furthest = redis.call('ZRANGE', grants, -1, -1, 'WITHSCORES')[2], now_us + limits.ahead * AGAIN
  if not last or tonumber(last) <= furthest then return end
  local shift = last - furthest
  local all = redis.call('ZRANGE', grants, 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    redis.call('ZADD', grants, all[i + 1] - shift, all[i])
  end
end

local function permit(id, start)
  return id .. ':' .. string.format('%.0f', start)
end

local function take_permit(grants, limits, id, start)
  local member = permit(id, start)
  redis.call('ZADD', grants, start, member)
  for unit = 2, limits.cost do
    redis.call('ZADD', grants, start, member .. ':' .. unit)
  end
end

-- What no answer can depend on any more goes. All that is in a window stays, however many there are: the newest of
-- them may be given up before their calls are made, and those before them count again.
local function trim_permits(grants, limits, now_us)
  local since = now_us - limits.longest - limits.guard
  redis.call('ZREMRANGEBYSCORE', grants, '-inf', string.format('(%.0f', since))
  redis.call('PEXPIRE', grants, math.ceil((limits.longest + limits.guard + limits.ahead) / 1000) + 1000)
end

-- The call arrived at the vendor no later than `by`: its windows are counted from there.
local function date_permit(grants, id, start, by)
  local member, unit = permit(id, start), 2
  local name = member
  while redis.call('ZSCORE', grants, name) do
    redis.call('ZADD', grants, 'XX', 'GT', by, name)
    name = member .. ':' .. unit
    unit = unit + 1
  end
end

local function give_up_permit(grants, id, start)
  local member = permit(id, start)
  local gone, unit = redis.call('ZREM', grants, member), 2
  while gone == 1 and redis.call('ZREM', grants, member .. ':' .. unit) == 1 do unit = unit + 1 end
  return gone
end
