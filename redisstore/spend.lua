-- spend: read the binding set of one address of record for a request, and spend the nonce of that request.
--
-- KEYS[1]  hash of the binding set: version, token, document
-- KEYS[2]  hash of the spent nonces
--
-- ARGV[1..6]  the use of a nonce (see use_of)
-- ARGV[7]     1 = no other node is to make a change for this transaction from now on
--
-- Returns one text, 'status time version document', with this server's time in microseconds:
--   OK      spent, by this run, an earlier one of the same transaction, or the request that this one repeats
--   MADE    likewise, and the change of this very transaction was made
--   REPLAY  another request has spent it; nothing is changed, version is 0, document is empty

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local use = use_of(1)
local is = standing(KEYS[2], use, now)

local closes = ARGV[7] == '1'

if is == 'REPLAY' and not closes then
  return string.format('REPLAY %.0f 0 ', now)
end
if is == 'NEW' or closes and (is == 'TAKEN' or is == 'OWN') then
  spend(KEYS[2], use, now)
end
if is ~= 'MADE' then
  is = 'OK'
end
local stored = redis.call('HMGET', KEYS[1], 'version', 'document')
return string.format('%s %.0f %.0f ', is, now, tonumber(stored[1] or 0)) .. (stored[2] or '')
