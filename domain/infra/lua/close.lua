-- Let nobody call a vendor for a while; a closing that lasts longer stands.
--
-- KEYS  closed-until
-- ARGV  how long in ms
local time = redis.call('TIME')
local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
if until_ms > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%.0f', until_ms), 'PX', ARGV[1])
end
