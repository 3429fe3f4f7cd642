-- save: store the binding set of one address of record, all of it or nothing. census.lua stands in front.
--
-- KEYS[1]    hash of the binding set: version, token, document
-- KEYS[2]    hash of the spent nonces
-- KEYS[3..]  every key that the commands touch
--
-- ARGV[1]    token of this change; the same when the same change is sent again
-- ARGV[2]    deadline in microseconds of this server's clock
-- ARGV[3]    version that the decision was made on; 0 = nothing stored
-- ARGV[4]    document to store
-- ARGV[5]    lifetime of the binding set in milliseconds
-- ARGV[6..11]  the use of a nonce that the change spends (see use_of in nonce.lua)
-- ARGV[12..]  commands to run with it, each as its number of words and the words. Two are none of Redis' commands: CENSUS, the
--             arguments of room and enter in census.lua, comes first, since nothing is written if there is no room; HASH, a key,
--             fields and values, is what the key shall hold
--
-- Returns one text, 'status time version document', with this server's time in microseconds; each of the statuses but the first
-- two means that nothing is changed:
--   OK      stored; version is the new one, document is empty
--   DUP     had been stored by an earlier run of this change; likewise
--   LATE    the deadline has passed; version is 0, document is empty
--   FULL    the realm has no room for a further user; version is the one stored, document is empty
--   REPLAY  the nonce was spent before; version is 0, document is empty
--   MADE    another run of the same transaction has made its change; version and document are the current ones
--   TAKEN   another node works on the same transaction; version is 0, document is empty
--   STALE   another version is stored; version and document are the current ones

local function answer(status, now, version, document)
  return string.format('%s %.0f %.0f ', status, now, version) .. document
end

-- replace makes a key a hash of these fields and values, whatever it was. A key that is one already is not deleted meanwhile:
-- while its slot moves to another server of a cluster, a script may not write a key that is missing here.
local function replace(key, ...)
  local set = redis.pcall('HSET', key, ...)
  if type(set) == 'table' and set.err then
    if string.find(set.err, 'WRONGTYPE', 1, true) then redis.call('DEL', key) end
    redis.call('HSET', key, ...) -- or it fails again, and the script with it
  end
  local wanted, all = {}, redis.call('HGETALL', key)
  for i = 1, select('#', ...), 2 do
    wanted[select(i, ...)] = true
  end
  for i = 1, #all, 2 do
    if not wanted[all[i]] then redis.call('HDEL', key, all[i]) end
  end
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stored = redis.call('HMGET', KEYS[1], 'version', 'token', 'document')
local version = tonumber(stored[1] or 0)

-- Before the deadline is looked at: what was made in time stays made. It is written once more in so far that a WAIT that
-- follows on this connection waits for the change as well.
if stored[2] == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  return answer('DUP', now, version, '')
end
if now >= tonumber(ARGV[2]) then
  return answer('LATE', now, 0, '')
end
local use = use_of(6)
local is = standing(KEYS[2], use, now)
if is == 'REPLAY' then
  return answer('REPLAY', now, 0, '')
end
if is == 'TAKEN' then
  return answer('TAKEN', now, 0, '')
end
if is == 'MADE' then
  return answer('MADE', now, version, stored[3] or '')
end
if version ~= tonumber(ARGV[3]) then
  return answer('STALE', now, version, stored[3] or '')
end
-- A retransmission finds its change made. One that would make another is none.
if is == 'AGAIN' then
  return answer('REPLAY', now, 0, '')
end

local at, place = 12, nil
local millisecond = math.floor(now / 1000)
while ARGV[at] do
  local words = tonumber(ARGV[at])
  if ARGV[at + 1] == 'CENSUS' then
    place = {unpack(ARGV, at + 2, at + words)}
    if not room(millisecond, unpack(place)) then
      return answer('FULL', now, version, '')
    end
  elseif ARGV[at + 1] == 'HASH' then
    replace(unpack(ARGV, at + 2, at + words))
  else
    redis.call(unpack(ARGV, at + 1, at + words))
  end
  at = at + 1 + words
end
if place then
  enter(millisecond, unpack(place))
end
if use.nonce ~= '' then
  spend(KEYS[2], use, now, true)
end

-- The clock makes the version greater than any that an expired key had. The binding set comes last: had a command
-- failed, the change could be made again.
version = math.max(version + 1, millisecond)
redis.call('HSET', KEYS[1], 'version', string.format('%.0f', version), 'token', ARGV[1], 'document', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return answer('OK', now, version, '')
