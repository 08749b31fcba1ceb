-- Lease what is due of one vendor, in the order of the queues given.
--
-- KEYS  idle flag, closed-until, last pulse, grace, queue 1 …
-- ARGV  how many, lease token, lease in ms
-- The claimed id's score moves to the lease's end: it no longer stands at the head of the queue in
-- everybody's way, and if its holder dies it comes due by itself. An id that somebody else holds
-- (a plain arq worker leaves the score) is moved likewise.
-- Returns {now in ms, when to ask again in ms or -1, closed until in ms or 0, {id, queue's number, …}}.
local wanted, token, lease = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local closed = tonumber(redis.call('GET', KEYS[2]) or '0')
if closed > now then
  return {now, closed, closed, {}}
end
local grace = feel_pulse(KEYS[3], KEYS[4], lease)
local claimed, taken, next_due = {}, 0, -1
for q = 5, #KEYS do
  local more = true
  while more and taken < wanted do
    local ids = redis.call('ZRANGEBYSCORE', KEYS[q], '-inf', now, 'WITHSCORES', 'LIMIT', 0, wanted - taken)
    more = #ids > 0
    for i = 1, #ids, 2 do
      local id, was_leased = ids[i], tonumber(ids[i + 1]) % 1 ~= 0
      local key = 'arq:in-progress:' .. id
      local until_ms = now + lease + 0.5  -- the half marks a lease's end among the scores
      if was_leased and grace > now then
        until_ms = grace + 0.5
      elseif redis.call('SET', key, token, 'NX', 'PX', lease) then
        claimed[#claimed + 1] = id
        claimed[#claimed + 1] = q - 4
        taken = taken + 1
      else
        -- 0 is "less than a millisecond" and -2 "just gone": look again at once, not a lease later.
        local left = redis.call('PTTL', key)
        if left ~= -1 then until_ms = now + math.max(left, 1) + 0.5 end
      end
      redis.call('ZADD', KEYS[q], until_ms, id)
    end
  end
  local first = redis.call('ZRANGE', KEYS[q], 0, 0, 'WITHSCORES')
  if first[2] then
    local due = math.ceil(tonumber(first[2]))
    if next_due == -1 or due < next_due then next_due = due end
  end
end
if taken < wanted then
  redis.call('SET', KEYS[1], '1')
end
return {now, next_due, 0, claimed}
