-- Circuit breakers as they stand, of vendors or of instances. Preludes: clock, circuit.
--
-- KEYS  the breakers
-- Returns {now in microseconds, for each of them: when its opening ends in microseconds (0: it is closed), failures in a row}.
local reply = {now_us}
for _, key in ipairs(KEYS) do
  local opening = find_opening(key)
  reply[#reply + 1] = opening and opening.ends * 1000 or 0
  reply[#reply + 1] = tonumber(redis.call('HGET', key, 'row') or '0')
end
return reply
