-- census: the registered users of one realm (rule 59). A sorted set has each user by the millisecond of this server's clock
-- at which the last of its bindings expires. Counting is ZCOUNT, and the expired are thrown out a few at a time, so that
-- no REGISTER takes longer than O(log n), not even the first one after a long pause.
--
-- Both functions take the time in milliseconds, then
--
--   key       of the set
--   user      the member
--   lifetime  how long the user is registered from now on, in milliseconds
--   limit     how many users may be registered at once; 0 = no limit
--   known     1 = the user is registered already, even if the set does not know it: it was written by an older program

-- room tells whether the user may be registered. All it changes is that it forgets some who have expired.
local function room(now, key, user, lifetime, limit, known)
  local gone = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 32)
  if #gone > 0 then
    redis.call('ZREM', key, unpack(gone))
  end
  if limit == '0' or known == '1' then
    return true
  end
  local expires = redis.call('ZSCORE', key, user)
  if expires and tonumber(expires) > now then
    return true
  end
  return redis.call('ZCOUNT', key, string.format('(%.0f', now), '+inf') < tonumber(limit)
end

-- enter counts the user until it expires. The set is gone when the last of its users is.
local function enter(now, key, user, lifetime)
  redis.call('ZADD', key, string.format('%.0f', now + lifetime), user)
  if redis.call('PTTL', key) < tonumber(lifetime) then
    redis.call('PEXPIRE', key, lifetime)
  end
end
