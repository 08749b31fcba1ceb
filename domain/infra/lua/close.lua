-- Let nobody call a vendor for a while, and tell the workers; a closing that lasts longer stands. Prelude: clock.
--
-- KEYS  closed-until
-- ARGV  how long in ms, wake channel, what to say on it before the time
local until_ms = now + tonumber(ARGV[1])
if until_ms > tonumber(redis.call('GET', KEYS[1]) or '0') then
  local text = string.format('%.0f', until_ms)
  redis.call('SET', KEYS[1], text, 'PX', ARGV[1])
  redis.call('PUBLISH', ARGV[2], ARGV[3] .. text)
end
