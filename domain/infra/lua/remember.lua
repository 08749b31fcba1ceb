-- Note that everything of some vendors is queued, unless Redis forgot once more while it was; then wake whoever waits.
--
-- KEYS  memory, the mark of who queued it all
-- ARGV  wake channel, what wakes all, vendors
-- Returns 1, or 0 when the mark is gone: the first of what was queued may be gone with it.
if redis.call('DEL', KEYS[2]) == 0 then return 0 end
redis.call('SADD', KEYS[1], unpack(ARGV, 3))
redis.call('PUBLISH', ARGV[1], ARGV[2])  -- that somebody waits was forgotten too
return 1
