-- Take one unit of each of these moving windows, or of none when one of them is full. Prelude: clock.
--
-- KEYS  of each window the times of its last units, newest first, in µs
-- ARGV  of each window its units, its length in µs
-- Returns {0 when they were taken, else when it is worth asking again in µs; now in µs;
--          of each window: units left, when the oldest that counts leaves it, in µs}
local windows, free_at = {}, 0
for i, key in ipairs(KEYS) do
  local amount, length = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  windows[i] = {key = key, amount = amount, length = length}
  local last = tonumber(redis.call('LINDEX', key, amount - 1) or '0') + length
  if last > now_us then free_at = math.max(free_at, last) end
end

local function drop_ended(window)
  for _ = 1, 64 do -- more than come in, so that it catches up, and never long at once
    local oldest = tonumber(redis.call('LINDEX', window.key, -1) or '0')
    if oldest == 0 or oldest + window.length > now_us then return end
    redis.call('RPOP', window.key)
  end
end

local reply = {free_at, now_us}
for _, window in ipairs(windows) do
  drop_ended(window)
  if free_at == 0 then
    redis.call('LPUSH', window.key, string.format('%.0f', now_us))
    redis.call('LTRIM', window.key, 0, window.amount - 1)
    redis.call('PEXPIRE', window.key, math.ceil(window.length / 1000))
  end
  table.insert(reply, math.max(0, window.amount - redis.call('LLEN', window.key)))
  table.insert(reply, tonumber(redis.call('LINDEX', window.key, -1) or now_us) + window.length)
end
return reply
