-- enter: count a user of a realm, if there is room, where the set is out of reach of the script that saves: in a cluster.
-- census.lua stands in front.
--
-- KEYS[1]  the set
-- ARGV     user, lifetime, limit, known, as in census.lua
--
-- Returns 1, or 0 when the realm is full.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not room(now, KEYS[1], unpack(ARGV)) then
  return 0
end
enter(now, KEYS[1], unpack(ARGV))
return 1
