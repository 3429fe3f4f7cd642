-- leases: who is a member of a cluster, and until when. All times are milliseconds of this server's clock.
--
-- KEYS[1]  hash: what each member says of itself, as JSON with address and name; the field is its id, here and below
-- KEYS[2]  hash: what is known of each member: since when it is one, a space, and 1 if it is draining, else 0
-- KEYS[3]  sorted set: the end of each lease
-- KEYS[4]  sorted set: leases that were ended, by when that may be forgotten
-- KEYS[5]  hash: revision, of the view; beaten, when the last beat was
--
-- ARGV[1]  operation
-- ARGV[2]  the newest revision that the caller knows; 0 = none
-- ARGV[3]  how long it is remembered that a lease was ended
-- ARGV[4]… of the operation:
--   beat   id, length of the lease, KEYS[1] and KEYS[2] of it; since may be 0, for now
--   leave  id
--   drain  id or name, 1 or 0
--   view
--
-- Returns {status, revision, silent, members}. Status is ok, fenced (beat: the lease was ended) or none (drain: no such member);
-- with the last two nothing else. Silent are the ids of those whose lease is over. Members are, one after the other, id, KEYS[1] and
-- KEYS[2] of each; none when the caller knows the revision.

local members, facts, leases, gone, state = unpack(KEYS)
local operation, known, remembered = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local revision = tonumber(redis.call('HMGET', state, 'revision')[1] or 0)
local changed = false

local function text(number) return string.format('%.0f', number) end

local function finish(id)
  changed = redis.call('ZREM', leases, id) == 1 or changed
  redis.call('HDEL', members, id)
  redis.call('HDEL', facts, id)
  redis.call('ZADD', gone, text(now + remembered), id)
  redis.call('ZREMRANGEBYSCORE', gone, '-inf', text(now))
end

-- Without the clock, revisions would begin anew with a server that has lost its data; with the clock alone, two changes in a microsecond
-- would have the same.
local function bump()
  revision = math.max(revision + 1, known + 1, time[1] * 1000000 + time[2])
  redis.call('HSET', state, 'revision', text(revision))
end

-- Nobody has beaten for half a lease: that one has ended meanwhile says nothing, for nobody could renew it. Or the clock was put back, and
-- leases would last for as long as it was.
local function afterOutage(ttl)
  local beaten = tonumber(redis.call('HMGET', state, 'beaten')[1] or now)
  if now >= beaten and now - beaten <= ttl / 2 then return end
  local shorter = now >= beaten and text(now + ttl) or '+inf'
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', shorter)) do
    redis.call('ZADD', leases, text(now + ttl), id)
  end
end

local function enter(id, said, fact)
  local since, draining = string.match(fact, '^(%d+) ([01])$')
  if since == '0' then since = text(now) end
  local address = cjson.decode(said).address
  local all = redis.call('HGETALL', members)
  for i = 1, #all, 2 do
    if cjson.decode(all[i + 1]).address == address then finish(all[i]) end
  end
  redis.call('HSET', facts, id, since .. ' ' .. draining)
end

local function beat(id, ttl, said, fact)
  if redis.call('ZSCORE', gone, id) then return 'fenced' end
  afterOutage(ttl)
  local before = redis.call('HMGET', members, id)[1]
  if not before then enter(id, said, fact) end
  -- Somebody has thrown a key away, such as a Redis that runs out of memory: what is known of us is entered again.
  if not redis.call('HMGET', facts, id)[1] then
    redis.call('HSET', facts, id, (string.gsub(fact, '^0 ', text(now) .. ' ')))
  end
  if before ~= said then
    redis.call('HSET', members, id, said)
    changed = true
  end
  redis.call('ZADD', leases, text(now + ttl), id)
  redis.call('HSET', state, 'beaten', text(now))
  for _, silent in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', '(' .. text(now))) do
    finish(silent)
  end
  -- A master that took over without the newest writes: what it says has another revision than what it would have had.
  if changed or known > revision then bump() end
  return 'ok'
end

local function drain(who, draining)
  local found = false
  local all = redis.call('HGETALL', members)
  for i = 1, #all, 2 do
    local id = all[i]
    if id == who or cjson.decode(all[i + 1]).name == who then
      found = true
      local before = redis.call('HMGET', facts, id)[1] or text(now) .. ' 0'
      local after = string.sub(before, 1, -2) .. draining
      if after ~= before then
        redis.call('HSET', facts, id, after)
        changed = true
      end
    end
  end
  if changed then bump() end
  return found and 'ok' or 'none'
end

local status = 'ok'
if operation == 'beat' then
  status = beat(ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7])
elseif operation == 'leave' then
  finish(ARGV[4])
  if changed then bump() end
elseif operation == 'drain' then
  status = drain(ARGV[4], ARGV[5])
end
if status ~= 'ok' then return {status} end

local list = {}
if revision ~= known then
  local all = redis.call('HGETALL', members)
  for i = 1, #all, 2 do
    list[#list + 1] = all[i]
    list[#list + 1] = all[i + 1]
    list[#list + 1] = redis.call('HMGET', facts, all[i])[1] or text(now) .. ' 0'
  end
end
return {status, text(revision), redis.call('ZRANGEBYSCORE', leases, '-inf', '(' .. text(now)), list}
