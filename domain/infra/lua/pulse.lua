-- Prelude: who still holds a lease that ran out while nobody could renew. After clock.
--
-- Every renewal leaves a pulse, and every claim on a vendor that is open. Where none came for two thirds of a
-- lease, Redis hung or was away: leases that ran out meanwhile stay their holders' for half a lease more.
-- Answers until when they do, in ms.
local function feel_pulse(pulse_key, grace_key, lease)
  local last, grace = unpack(redis.call('MGET', pulse_key, grace_key))
  if now - tonumber(last or '0') > lease * 2 / 3 then
    grace = now + math.floor(lease / 2)
    redis.call('SET', grace_key, grace, 'PX', math.floor(lease / 2))
  end
  redis.call('SET', pulse_key, now)
  return tonumber(grace or '0')
end
