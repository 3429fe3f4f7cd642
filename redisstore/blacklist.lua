-- blacklist: put a banned address into the set that drachtio servers read, and take those out whose ban is over. Others may
-- keep addresses in the same set: what was there before us is never taken out.
--
-- KEYS[1]  the set
-- KEYS[2]  the sorted set of what we put there, by the millisecond at which the ban ends
--
-- ARGV[1]  time in milliseconds
-- ARGV[2]  end of the ban in milliseconds, with
-- ARGV[3]  address; without both, bans are only lifted
--
-- Returns how many bans were lifted.

local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, 256)
for _, address in ipairs(over) do
  redis.call('SREM', KEYS[1], address)
  redis.call('ZREM', KEYS[2], address)
end
if ARGV[3] and (redis.call('SADD', KEYS[1], ARGV[3]) == 1 or redis.call('ZSCORE', KEYS[2], ARGV[3])) then
  redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
end
return #over
