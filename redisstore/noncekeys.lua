-- noncekeys: the keys of the nonces that all nodes share, and their rotation.
--
-- KEYS[1]  hash: next, current, previous, and since, when current became that (milliseconds of this server's clock)
--
-- ARGV[1], ARGV[2]  current and next, if there is nothing stored
-- ARGV[3]  a key nobody knows yet
-- ARGV[4]  milliseconds after which the keys move on by one place
--
-- Returns {current, next, previous}; previous is empty before the first rotation.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stored = redis.call('HMGET', KEYS[1], 'current', 'next', 'previous', 'since')
local current, coming, previous = stored[1], stored[2], stored[3] or ''

if not current or not coming then
  current, coming = ARGV[1], ARGV[2]
elseif now - tonumber(stored[4]) >= tonumber(ARGV[4]) then
  previous = current
  current = coming
  coming = ARGV[3]
else
  return {current, coming, previous}
end
redis.call('HSET', KEYS[1], 'current', current, 'next', coming, 'previous', previous, 'since', string.format('%.0f', now))
return {current, coming, previous}
