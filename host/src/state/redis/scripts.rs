//! What the server does in one step, as scripts: it runs each whole, with nothing else in between.
//!
//! Every one that writes begins with the same lines: `KEYS[1]` is the operation's own number, under which its result is kept for a
//! minute. An operation that is asked for again, because its answer was lost, gets that result and is not done twice; nor is
//! one that was held up on its way and comes after its repetition. `KEYS[2]` is what it is about, `KEYS[3]` the lock that it is
//! done under, and `ARGV[1]` what has to stand there.

/// A script that writes. A minute is longer than anybody asks again.
macro_rules! once {
    ($rest:literal) => {
        concat!(
            "local seen = redis.call('GET', KEYS[1])
if seen then return {'ok', seen} end
if ARGV[1] ~= '' and redis.call('GET', KEYS[3]) ~= ARGV[1] then return {'lost'} end
local function done(result)
  redis.call('SET', KEYS[1], result, 'PX', 60000)
  return {'ok', result}
end
",
            $rest
        )
    };
}

/// A value and its lifetime, `0` for ever.
pub(super) const PUT: &str = once!(
    "if ARGV[3] == '0' then redis.call('SET', KEYS[2], ARGV[2]) else redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return done('')"
);

/// As [`PUT`], and the version that has to stand there, none for nothing.
pub(super) const COMPARE: &str = once!(
    "local stands = redis.call('GET', KEYS[2])
local version = ''
if stands then version = string.sub(stands, 3, 34) end
if version ~= ARGV[4] then return {'conflict'} end
if ARGV[3] == '0' then redis.call('SET', KEYS[2], ARGV[2]) else redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return done('')"
);

/// Whatever stands under a key.
pub(super) const DELETE: &str = once!(
    "redis.call('DEL', KEYS[2])
return done('')"
);

/// A counter's name, how many, how far at most, the lifetime, how many counters at most. A counter is its value and a checksum.
pub(super) const COUNT: &str = once!(
    "local function sum(value) return redis.sha1hex(KEYS[2] .. ' ' .. ARGV[2] .. ' ' .. value) end
local stands = redis.call('HGET', KEYS[2], ARGV[2])
local others = redis.call('HLEN', KEYS[2])
local value = 0
if stands then
  local digits, check = string.match(stands, '^(%d+) (%x+)$')
  if not digits or check ~= sum(digits) then return {'corrupted'} end
  value = tonumber(digits)
elseif others >= tonumber(ARGV[6]) then
  return {'crowded'}
end
local after = value + tonumber(ARGV[3])
if after > tonumber(ARGV[4]) then return {'ok', string.format('1 %.0f', value)} end
local digits = string.format('%.0f', after)
redis.call('HSET', KEYS[2], ARGV[2], digits .. ' ' .. sum(digits))
if others == 0 and ARGV[5] ~= '0' then redis.call('PEXPIRE', KEYS[2], ARGV[5]) end
return done('0 ' .. digits)"
);

/// All counters of `KEYS[1]`, each with its value behind it.
pub(super) const COUNTERS: &str = "local stands = redis.call('HGETALL', KEYS[1])
local counters = {'ok'}
if #stands > 2 * tonumber(ARGV[1]) then return {'corrupted'} end
for at = 1, #stands, 2 do
  local digits, check = string.match(stands[at + 1], '^(%d+) (%x+)$')
  if not digits or check ~= redis.sha1hex(KEYS[1] .. ' ' .. stands[at] .. ' ' .. digits) then return {'corrupted'} end
  counters[at + 1] = stands[at]
  counters[at + 2] = digits
end
return counters";

/// An item, how many at most, and `drop` or `refuse` for when there are so many. An item has its number in front.
pub(super) const APPEND: &str = once!(
    "local last = redis.call('LINDEX', KEYS[2], -1)
local number = 0
if last then
  local digits = string.match(last, '^(%d+) ')
  number = tonumber(digits or '') or -1
  if number < 0 or number > 9007199254740000 then return {'corrupted'} end
  number = number + 1
end
local length = redis.call('LLEN', KEYS[2])
local most = tonumber(ARGV[3])
if length >= most then
  if ARGV[4] == 'refuse' then return {'crowded'} end
  redis.call('LTRIM', KEYS[2], length - most + 1, -1)
end
local digits = string.format('%.0f', number)
redis.call('RPUSH', KEYS[2], digits .. ' ' .. ARGV[2])
return done(digits)"
);

/// Where to begin and how many: the number of the oldest item, how many there are, and the items.
pub(super) const READ: &str = "local oldest = redis.call('LINDEX', KEYS[1], 0)
if not oldest then return {'ok', '0', '0', {}} end
local digits = string.match(oldest, '^(%d+) ')
local first = tonumber(digits or '')
if not first or #digits > 16 then return {'corrupted'} end
local length = redis.call('LLEN', KEYS[1])
local start = math.min(math.max(tonumber(ARGV[1]) - first, 0), length)
local items = {}
if ARGV[2] ~= '0' then
  items = redis.call('LRANGE', KEYS[1], string.format('%.0f', start), string.format('%.0f', start + tonumber(ARGV[2]) - 1))
end
return {'ok', digits, string.format('%.0f', length), items}";

/// A lock, by whoever asks: `KEYS[3]` is where the largest token stands; a nonce, a name, how long, and from which
/// token it is taken, `any` from whoever has it. What stands under a lock is token, nonce and name.
pub(super) const ACQUIRE: &str = once!(
    "local stands = redis.call('GET', KEYS[2])
if stands then
  local token, nonce, name = string.match(stands, '^(%d+) (%x+) (.+)$')
  local left = redis.call('PTTL', KEYS[2])
  if token and nonce == ARGV[2] then
    redis.call('PEXPIRE', KEYS[2], ARGV[4])
    return done(token)
  end
  if ARGV[5] ~= 'any' and ARGV[5] ~= token then
    if not token or left < 0 then return {'corrupted'} end
    return {'held', token, name, string.format('%.0f', left)}
  end
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local last = tonumber(redis.call('GET', KEYS[3]) or '0')
if not last or last < 0 or last > 9007199254740000 then return {'corrupted'} end
local token = string.format('%.0f', math.max(last + 1, now))
redis.call('SET', KEYS[3], token)
redis.call('SET', KEYS[2], token .. ' ' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', ARGV[4])
return done(token)"
);

/// What has to stand under the lock, and how long it is held from now on.
pub(super) const RENEW: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lost'} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'ok'}";

/// What has to stand under the lock if it is to go.
pub(super) const RELEASE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return {'ok'}";

/// Who holds a lock.
pub(super) const HELD: &str = "local stands = redis.call('GET', KEYS[1])
if not stands then return {'ok'} end
local token, nonce, name = string.match(stands, '^(%d+) (%x+) (.+)$')
local left = redis.call('PTTL', KEYS[1])
if not token or left < 0 then return {'corrupted'} end
return {'held', token, name, string.format('%.0f', left)}";
