-- Let permits count from when their calls had left, for calls that left or arrived late. Prelude: permits.
--
-- KEYS  the permits of each call's vendor
-- ARGV  three for each call: id, its permit's start in µs, by when it had arrived in µs
for i = 1, #KEYS do
  date_permit(KEYS[i], ARGV[3 * i - 2], tonumber(ARGV[3 * i - 1]), ARGV[3 * i])
end
