-- What the scripts do with the nonces of one address of record. They stand in one hash: for each nonce that was used its
-- count, its minting, the time of the use (both in milliseconds) and who used it, and the floor, at or below whose minting no other nonce is
-- taken. Whatever is dropped raises the floor to its minting: so few are kept, none can come again, and a client whose
-- nonce is below the floor is challenged once more.

local KEPT = 16              -- nonces per address of record
local REPEAT = 32 * 1000     -- milliseconds in which a retransmission comes: 64 * T1 (RFC 3261, 17.1.2.2)

-- use_of reads the six words of a use from ARGV: nonce ('' = nothing is spent), count, minted and life in milliseconds,
-- request, transaction.
local function use_of(at)
  return {
    nonce = ARGV[at], count = tonumber(ARGV[at + 1]), minted = tonumber(ARGV[at + 2]), life = tonumber(ARGV[at + 3]),
    request = ARGV[at + 4], transaction = ARGV[at + 5]
  }
end

-- base is a transaction without the node that works on it, which follows a slash where there are several.
local function base(transaction) return string.match(transaction, '^[^/!]*') end

-- standing tells what a use is, now in microseconds:
--   NEW     the first with a count so high: to be spent
--   OWN     this very transaction has spent it, or there is nothing to spend
--   TAKEN   another node has spent it for this very transaction, and may yet make a change of its own
--   MADE    this very transaction has spent it, and its change is made
--   AGAIN   the same request has spent it, a moment ago: a retransmission
--   REPLAY  another request has spent it, or it cannot be told any more
local function standing(key, use, now)
  if use.nonce == '' then return 'OWN' end
  local known = redis.call('HMGET', key, use.nonce, 'floor')
  if not known[1] then
    if known[2] and use.minted <= tonumber(known[2]) then return 'REPLAY' end
    return 'NEW'
  end
  local count, _, at, request, transaction = string.match(known[1], '^(%d+) (%d+) (%d+) (%S+) (%S+)$')
  count = tonumber(count)
  if use.count > count then return 'NEW' end
  if use.count < count then return 'REPLAY' end
  if use.transaction == transaction then return 'OWN' end
  local whole, made = string.match(transaction, '^([^!]*)(!?)$')
  if base(whole) == base(use.transaction) then
    return made == '!' and 'MADE' or 'TAKEN'
  end
  if use.request == request and now / 1000 - tonumber(at) <= REPEAT then return 'AGAIN' end
  return 'REPLAY'
end

-- drop forgets nonces that are too old or too many, but for one that was just used: whoever works on the same request looks for it.
local function drop(key, kept, life, now)
  local nonces, floor, raised = {}, 0, false
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] == 'floor' then
      floor = tonumber(all[i + 1])
    else
      nonces[#nonces + 1] = {name = all[i], minted = tonumber(string.match(all[i + 1], '^%d+ (%d+)'))}
    end
  end
  table.sort(nonces, function(a, b) return a.minted > b.minted end)
  for i, nonce in ipairs(nonces) do
    if nonce.name ~= kept and (i > KEPT or nonce.minted + life < now / 1000) then
      redis.call('HDEL', key, nonce.name)
      floor, raised = math.max(floor, nonce.minted), true
    end
  end
  if raised then
    redis.call('HSET', key, 'floor', string.format('%.0f', floor))
  end
end

-- spend remembers a use, and whether a change was made with it (an exclamation mark behind the transaction). The hash lives
-- as long as the youngest of its nonces can.
local function spend(key, use, now, made)
  redis.call('HSET', key, use.nonce,
    string.format('%.0f %.0f %.0f %s %s%s', use.count, use.minted, now / 1000, use.request, use.transaction, made and '!' or ''))
  redis.call('PEXPIRE', key, use.life)
  drop(key, use.nonce, use.life, now)
end

