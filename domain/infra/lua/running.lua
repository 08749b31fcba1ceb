-- Prelude: the calls to one vendor that are under way over the fleet, by the end of their leases. After clock.
--
-- While the pulse's grace lasts, what has expired counts: its holder may be calling, and could not renew.
local function count_running(running, grace)
  if grace <= now then redis.call('ZREMRANGEBYSCORE', running, '-inf', now) end
  return redis.call('ZCARD', running)
end
