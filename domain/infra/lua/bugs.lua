-- The bugs of the fleet: of each, by its kind and place, the newest and how often it was met.
--
-- KEYS: the newest (a hash), the times (a hash), when it was met last (a sorted set, ms).
-- ARGV: how many are kept, before when they are forgotten, for how long (both ms); then of each: its name, when, how
-- often, and itself.

local newest, times, met = KEYS[1], KEYS[2], KEYS[3]

local function forget(names)
  for _, name in ipairs(names) do
    redis.call('HDEL', newest, name)
    redis.call('HDEL', times, name)
    redis.call('ZREM', met, name)
  end
end

forget(redis.call('ZRANGEBYSCORE', met, '-inf', '(' .. ARGV[2]))
for i = 4, #ARGV, 4 do
  local name, at = ARGV[i], tonumber(ARGV[i + 1])
  redis.call('HINCRBY', times, name, ARGV[i + 2])
  if at >= tonumber(redis.call('ZSCORE', met, name) or '-1') then  -- another process may have told of a later one
    redis.call('ZADD', met, at, name)
    redis.call('HSET', newest, name, ARGV[i + 3])
  end
end
forget(redis.call('ZRANGE', met, 0, -tonumber(ARGV[1]) - 1))
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[3]) end
