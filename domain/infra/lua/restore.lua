-- Put back what was forgotten of a vendor, as MongoDB has it, unless somebody was faster or more was forgotten since.
-- Prelude: clock.
--
-- KEYS  marker, paused, permits, running
-- ARGV  the notice that it is done for, the marker to set without its run id, '1' where the vendor is paused,
--       lease in ms, lifetime of the permits in ms, starts in µs (comma-separated), ids under way (comma-separated)
-- Returns 1 when it was put back.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[3], KEYS[4])
local number = 0
for start in string.gmatch(ARGV[6], '%d+') do
  number = number + 1
  redis.call('ZADD', KEYS[3], start, 'restored:' .. number)
end
if number > 0 then redis.call('PEXPIRE', KEYS[3], ARGV[5]) end
for id in string.gmatch(ARGV[7], '[^,]+') do
  redis.call('ZADD', KEYS[4], now + tonumber(ARGV[4]), id)
end
if ARGV[3] == '1' then redis.call('SET', KEYS[2], '1') else redis.call('DEL', KEYS[2]) end
redis.call('SET', KEYS[1], string.match(ARGV[1], '^%x+') .. ARGV[2])
return 1
