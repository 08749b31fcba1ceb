-- Prelude: circuit breakers, a hash each. After clock. The rules stand in `domain/breakers.py`.
--
--   row, window             failures in a row; what calls came to lately: <slice>:<ok>:<failed> …
--   closed                  when a probe closed it (ms)
--   openings, until, span   how often it opened in a row, missing where it is closed; the opening's end and length (ms)
--   probe, lease            the token of the call that is let through when that is over; how long it is waited for (ms)
--   job                     or the probe is a vendor's job: it is waited for as long as that job is leased under the token
local LOOK_AGAIN_MS = 500  -- whether a vendor's probe has gone, where nothing else tells

-- Nil for one that is closed.
local function find_opening(key)
  local openings = redis.call('HGET', key, 'openings')  -- alone: every claim comes by here
  if not openings then return nil end
  local ends, span, probe, lease, job = unpack(redis.call('HMGET', key, 'until', 'span', 'probe', 'lease', 'job'))
  local opening = {number = tonumber(openings), ends = tonumber(ends),
                   probe = probe, lease = tonumber(lease or '0'), job = job}
  local latest = now + tonumber(span or ends)  -- an earlier version kept none
  if opening.ends <= latest then return opening end
  redis.call('HSET', key, 'until', latest)  -- Redis' clock stepped back: it begins anew, and with it its probe
  redis.call('HDEL', key, 'probe', 'lease', 'job')
  return {number = opening.number, ends = latest, lease = 0}
end

-- Until when nobody may call, in ms; nil where the next call may, as the probe.
local function barred_until(opening)
  if opening.ends > now then return opening.ends end
  if opening.job then
    local held = redis.call('GET', 'arq:in-progress:' .. opening.job) == opening.probe
    return held and now + LOOK_AGAIN_MS or nil
  end
  return opening.probe and opening.lease > now and opening.lease or nil
end
