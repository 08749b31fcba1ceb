-- Prelude: the marker beside a vendor's permits, running calls and pause. After clock.
--
-- <run>:<kept>:<longest window>:<1 where running calls are counted> says that they are whole: nothing was forgotten
-- since, by a flush, a restart (the run id) or while no limit was kept. Where it does not, whoever claims leaves the
-- notice <run>:?:<since>, grants nothing, and restores them from MongoDB.
--
-- Another key has the version of the newest word of an operator that anybody has gone by (domain/vendor_control.py).
-- Who goes by an older one is granted nothing until they have heard: else the former limit would hold for as long as
-- the slowest listens. It is kept for longer than any of the fleet takes to hear, and no longer: after MongoDB was
-- restored from a backup, versions are smaller.
local HEARD_MS = 60000
local LEARNING_MS = 20  -- until who is behind may ask again
local SETTLED_MS = 250  -- a call that was claimed before anything was forgotten has been sent or given up by then

local function is_behind(marker_key, limits)
  local key = string.gsub(marker_key, '^gateway:limiter:', 'gateway:control:')
  local newest = tonumber(redis.call('GET', key) or '0')
  if limits.version > newest then redis.call('SET', key, limits.version, 'PX', HEARD_MS) end
  return limits.version < newest
end

-- Until when to wait and the notice, where something is missing. Nil where all is whole: then `limits` learn how
-- much longer permits are kept for the sake of others.
local function find_missing(marker_key, marker, limits)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local of, kept, longest, counted = string.match(marker or '', '^(%x+):(%d+):(%d+):(%d)$')
  if of == run and (counted == '1') == (limits.concurrency > 0) then
    local enough = tonumber(kept) >= limits.kept and tonumber(longest) >= limits.longest
    if limits.kept == 0 and tonumber(kept) == 0 or limits.kept > 0 and enough then
      limits.longest = tonumber(longest)
      return nil
    end
  end
  local noticed_in, since = string.match(marker or '', '^(%x+):%?:(%d+)$')
  if noticed_in ~= run or tonumber(since) > now then
    since = string.format('%.0f', now)
    redis.call('SET', marker_key, run .. ':?:' .. since)
  end
  local wait = 0
  if limits.kept > 0 or limits.concurrency > 0 then wait = SETTLED_MS end
  return tonumber(since) + wait, run .. ':?:' .. since
end
