/*
 * scripts — see scripts.h. Redis 7: script effects are replicated, so TIME may be asked.
 */
#include "scripts.h"

/* A script is one literal; 4,095 bytes are what C99 promises, our compilers take any. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

#define GUARD                                                                                    \
    "local P, inc, e = ARGV[1], ARGV[2], ARGV[3]\n"                                              \
    "if redis.call('GET', P..'incarnation') ~= inc then return 'CLOSED' end\n"                   \
    "local i = 5\n"                                                                              \
    "for _ = 1, tonumber(ARGV[4]) do\n"                                                          \
    "  if redis.call('HGET', P..'epoch:'..e, ARGV[i]) ~= ARGV[i + 1] then return 'FENCED' end\n" \
    "  i = i + 2\n"                                                                              \
    "end\n"

#define UNGUARDED "local P, e, i = ARGV[1], ARGV[3], 5\n"

#define NOW                          \
    "local t = redis.call('TIME')\n" \
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

/*
 * A call from Lua costs several times what the command does, and a word in a Lua table several times what it costs in ARGV: so a
 * script makes one call for many fields, of ARGV itself where the caller laid them side by side. get(hash, fields) → their values, false
 * where there is none; many(command, hash, words); straight(command, hash, from, count): the same of ARGV. unpack takes
 * at most 8,000.
 */
#define MANY                                                                           \
    "local function get(hash, fields)\n"                                               \
    "  local n = #fields\n"                                                            \
    "  if n == 0 then return {} end\n"                                                 \
    "  if n <= 4000 then return redis.call('HMGET', P..hash..e, unpack(fields)) end\n" \
    "  local out = {}\n"                                                               \
    "  for a = 1, n, 4000 do\n"                                                        \
    "    local to = math.min(a + 3999, n)\n"                                           \
    "    local part = redis.call('HMGET', P..hash..e, unpack(fields, a, to))\n"        \
    "    for k = 1, #part do out[a + k - 1] = part[k] end\n"                           \
    "  end\n"                                                                          \
    "  return out\n"                                                                   \
    "end\n"                                                                            \
    "local function many(command, hash, words)\n"                                      \
    "  local n = #words\n"                                                             \
    "  for a = 1, n, 4000 do\n"                                                        \
    "    redis.call(command, P..hash..e, unpack(words, a, math.min(a + 3999, n)))\n"   \
    "  end\n"                                                                          \
    "end\n"                                                                            \
    "local function straight(command, hash, from, count)\n"                            \
    "  local last, out = from + count - 1, {}\n"                                       \
    "  for a = from, last, 4000 do\n"                                                  \
    "    local to = math.min(a + 3999, last)\n"                                        \
    "    out[#out + 1] = redis.call(command, P..hash..e, unpack(ARGV, a, to))\n"       \
    "  end\n"                                                                          \
    "  return out\n"                                                                   \
    "end\n"

/*
 * add(p, key, line), take(p, key, line): one line of an index text takes effect, or stops to have it. wake(key): this record has a twin, which
 * references waited for, whatever the entity that holds them. One script makes at most `wakes` of them due: where more wait, waking:<e> says so,
 * and SCRIPT_DUE goes through the set by its cursor, a part at a time. Who begins to wait meanwhile sees the twin and needs no waking.
 */
#define LINES                                                                                \
    "local function release(claim, key)\n"                                                   \
    "  if redis.call('HGET', P..'claims:'..e, claim) ~= key then return end\n"               \
    "  redis.call('HDEL', P..'claims:'..e, claim)\n"                                         \
    "  for _, w in ipairs(redis.call('SMEMBERS', P..'waits:'..e..':'..claim)) do\n"          \
    "    local wp, wk = string.match(w, '^(%d+) (.*)$')\n"                                   \
    "    redis.call('ZADD', P..'due:'..e..':'..wp, now, wk)\n"                               \
    "  end\n"                                                                                \
    "end\n"                                                                                  \
    "local wakes = 1000\n"                                                                   \
    "local function rouse(waiters)\n"                                                        \
    "  for _, w in ipairs(waiters) do\n"                                                     \
    "    local we, wp, wk = string.match(w, '^(%S+) (%d+) (.*)$')\n"                         \
    "    redis.call('ZADD', P..'due:'..we..':'..wp, now, wk)\n"                              \
    "  end\n"                                                                                \
    "  wakes = wakes - #waiters\n"                                                           \
    "end\n"                                                                                  \
    "local function wake(key)\n"                                                             \
    "  local refs = P..'refs:'..e..':'..key\n"                                               \
    "  if redis.call('SCARD', refs) > wakes then\n"                                          \
    "    redis.call('HSET', P..'waking:'..e, key, '0')\n"                                    \
    "  else rouse(redis.call('SMEMBERS', refs)) end\n"                                       \
    "end\n"                                                                                  \
    "local function await(p, key, rest)\n"                                                   \
    "  local to, target = string.match(rest, '^([^:]+):(.*)$')\n"                            \
    "  redis.call('SADD', P..'refs:'..rest, e..' '..p..' '..key)\n"                          \
    "  redis.call('HSET', P..'refs:'..to, target, '1')\n"                                    \
    "  local known = redis.call('HGET', P..'index:'..to, target)\n"                          \
    "  if known and string.find(known, '\\ncid=', 1, true) then\n"                           \
    "    redis.call('ZADD', P..'due:'..e..':'..p, now, key)\n"                               \
    "  end\n"                                                                                \
    "end\n"                                                                                  \
    "local function unawait(p, key, rest)\n"                                                 \
    "  redis.call('SREM', P..'refs:'..rest, e..' '..p..' '..key)\n"                          \
    "  if redis.call('EXISTS', P..'refs:'..rest) == 0 then\n"                                \
    "    local to, target = string.match(rest, '^([^:]+):(.*)$')\n"                          \
    "    redis.call('HDEL', P..'refs:'..to, target)\n"                                       \
    "  end\n"                                                                                \
    "end\n"                                                                                  \
    "local waited = false\n"                                                                 \
    "local function take(p, key, line)\n"                                                    \
    "  local kind, rest = string.sub(line, 1, 1), string.sub(line, 2)\n"                     \
    "  if kind == 'c' then release(rest, key)\n"                                             \
    "  elseif kind == 'w' then redis.call('SREM', P..'waits:'..e..':'..rest, p..' '..key)\n" \
    "  elseif kind == 'r' then unawait(p, key, rest)\n"                                      \
    "  elseif kind == 'd' then redis.call('ZREM', P..'due:'..e..':'..p, key) end\n"          \
    "end\n"                                                                                  \
    "local function add(p, key, line)\n"                                                     \
    "  local kind, rest = string.sub(line, 1, 1), string.sub(line, 2)\n"                     \
    "  if kind == 'c' then\n"                                                                \
    "    redis.call('HSETNX', P..'claims:'..e, rest, key)\n"                                 \
    "    if waited and string.sub(rest, 1, 3) == 'id=' then wake(key) end\n"                 \
    "  elseif kind == 'r' then await(p, key, rest)\n"                                        \
    "  elseif kind == 'w' then\n"                                                            \
    "    redis.call('SADD', P..'waits:'..e..':'..rest, p..' '..key)\n"                       \
    "    local holder = redis.call('HGET', P..'claims:'..e, rest)\n"                         \
    "    if not holder or holder == key then\n"                                              \
    "      redis.call('ZADD', P..'due:'..e..':'..p, now, key)\n"                             \
    "    end\n"                                                                              \
    "  elseif kind == 'd' then redis.call('ZADD', P..'due:'..e..':'..p, rest, key) end\n"    \
    "end\n"

/* The operation of a record is over: claims that it made and the index text does not name are given up. */
#define DROP_OP                                                                      \
    "local function release_op(key, op, wanted)\n"                                   \
    "  local first = true\n"                                                         \
    "  for line in string.gmatch(op, '[^\\n]+') do\n"                                \
    "    if not first and not wanted['c'..line] then release(line, key) end\n"       \
    "    first = false\n"                                                            \
    "  end\n"                                                                        \
    "end\n"                                                                          \
    "local function lines_of(text)\n"                                                \
    "  local lines = {}\n"                                                           \
    "  for line in string.gmatch(text or '', '[^\\n]+') do lines[line] = true end\n" \
    "  return lines\n"                                                               \
    "end\n"

/* The match index' text with one id more; nil: it is in. */
/* The match index' text with one id more. */
#define MATCH_ADD                                                               \
    "local function match_add(name, id)\n"                                      \
    "  local known = redis.call('HGET', P..'match:'..e, name)\n"                \
    "  local ids = known and known..','..id or id\n"                            \
    "  if known and string.find(','..known..',', ','..id..',', 1, true) then\n" \
    "    return\n"                                                              \
    "  end\n"                                                                   \
    "  redis.call('HSET', P..'match:'..e, name, ids)\n"                         \
    "end\n"

struct redis_script SCRIPT_TAKE = {
    .name = "take",
    .text = GUARD "local p, epoch = ARGV[i], ARGV[i + 1]\n"
                  "local known = redis.call('HGET', P..'epoch:'..e, p)\n"
                  "if known and tonumber(known) > tonumber(epoch) then return 'FENCED' end\n"
                  "redis.call('HSET', P..'epoch:'..e, p, epoch)\n"
                  "return {redis.call('HGET', P..'mark:'..e, p) or '0'}\n"};

/*
 * Nearly always nobody holds what is wanted and no older operation is open: then all of it is two commands. Else record by record.
 */
struct redis_script SCRIPT_BEGIN = {
    .name = "begin",
    .text = GUARD NOW MANY LINES DROP_OP
    "local n, m = tonumber(ARGV[i]), tonumber(ARGV[i + 1])\n"
    "local at = i + 2\n"
    "local claims_at = at + 2 * n\n"
    "local keys, names, mine, clean = {}, {}, {}, true\n"
    "for r = 1, n do keys[r] = ARGV[at + 2 * r - 2] end\n"
    "for k = 1, m do names[k] = ARGV[claims_at + 2 * k - 2] end\n"
    "local last, held = get('ops:', keys), get('claims:', names)\n"
    "for r = 1, n do if last[r] then clean = false end end\n"
    "for k = 1, m do\n"
    "  local name, key = names[k], ARGV[claims_at + 2 * k - 1]\n"
    "  local holder = held[k] or mine[name]\n"
    "  if holder and holder ~= key then clean = false break end\n"
    "  mine[name] = key\n"
    "end\n"
    "if clean then\n"
    "  straight('HSET', 'claims:', claims_at, 2 * m)\n"
    "  straight('HSET', 'ops:', at, 2 * n)\n"
    "  return 'OK'\n"
    "end\n"
    "local out = {}\n"
    "for r = 1, n do\n"
    "  local key, op, wanted, want = keys[r], ARGV[at + 2 * r - 1], nil, {}\n"
    "  for line in string.gmatch(op, '[^\\n]+') do want[#want + 1] = line end\n"
    "  local holder, taken = '', ''\n"
    "  for k = 2, #want do\n"
    "    local h = redis.call('HGET', P..'claims:'..e, want[k])\n"
    "    if h and h ~= key then holder, taken = h, want[k] break end\n"
    "  end\n"
    "  if holder == '' then\n"
    "    local before = redis.call('HGET', P..'ops:'..e, key)\n"
    "    if before then\n"
    "      wanted = lines_of(redis.call('HGET', P..'index:'..e, key))\n"
    "      for k = 2, #want do wanted['c'..want[k]] = true end\n"
    "      release_op(key, before, wanted)\n"
    "    end\n"
    "    for k = 2, #want do redis.call('HSET', P..'claims:'..e, want[k], key) end\n"
    "    redis.call('HSET', P..'ops:'..e, key, op)\n"
    "  end\n"
    "  out[2 * r - 1], out[2 * r] = holder, taken\n"
    "end\n"
    "return out\n"};

/*
 * The rows themselves are written beside it, in the same transaction: a script takes each long text three times and more (store_transaction).
 * Nearly always a row's index text is what it was, or there was none, and its operation is the one that the caller began, all of whose
 * claims the row keeps: then nothing is done record by record. ends says what becomes of the record's operation: see scripts.h.
 */
struct redis_script SCRIPT_FINISH = {
    .name = "finish",
    .text = GUARD NOW MANY LINES DROP_OP
    "local marks = tonumber(ARGV[i])\n"
    "if marks > 0 then straight('HSET', 'mark:', i + 1, 2 * marks) end\n"
    "i = i + 1 + 2 * marks\n"
    "local n, at, keys = tonumber(ARGV[i]), i + 1, {}\n"
    "for r = 1, n do keys[r] = ARGV[at + 4 * r - 4] end\n"
    "local index_of, op_of = get('index:', keys), get('ops:', keys)\n"
    /* A replay brings one record more than once: what was read above is old from its second time on. */
    "local seen, over, new_index, claims, claimed, waits, born = {}, {}, {}, {}, {}, {}, {}\n"
    /* What can be done for all rows at once, and what needs every claim to be there. */
    "local function flush()\n"
    "  local free, mine = {}, {}\n"
    "  for k, holder in ipairs(get('claims:', claims)) do\n"
    "    local claim = claims[k]\n"
    "    if not holder and not mine[claim] then\n"
    "      mine[claim] = true\n"
    "      free[#free + 1] = claim\n"
    "      free[#free + 1] = claimed[k]\n"
    "    end\n"
    "  end\n"
    "  many('HSET', 'claims:', free)\n"
    "  many('HSET', 'index:', new_index)\n"
    "  many('HDEL', 'ops:', over)\n"
    "  for _, w in ipairs(waits) do add(w[1], w[2], w[3]) end\n"
    "  if #born > 0 and redis.call('EXISTS', P..'refs:'..e) == 1 then\n"
    "    for k, wanted in ipairs(get('refs:', born)) do if wanted then wake(born[k]) end end\n"
    "  end\n"
    "  over, new_index, claims, claimed, waits, born = {}, {}, {}, {}, {}, {}\n"
    "end\n"
    "for r = 1, n do\n"
    "  local key, p = keys[r], ARGV[at + 4 * r - 3]\n"
    "  local index, ends = ARGV[at + 4 * r - 2], ARGV[at + 4 * r - 1]\n"
    "  local old, op, wanted = index_of[r], op_of[r], nil\n"
    "  if seen[key] then\n"
    "    flush()\n"
    "    old = redis.call('HGET', P..'index:'..e, key)\n"
    "    op = redis.call('HGET', P..'ops:'..e, key)\n"
    "  end\n"
    "  seen[key] = true\n"
    "  if old ~= index then\n"
    "    wanted = lines_of(index)\n"
    "    local had = lines_of(old)\n"
    "    for line in pairs(had) do if not wanted[line] then take(p, key, line) end end\n"
    "    for line in pairs(wanted) do\n"
    "      local kind = string.byte(line)\n"
    "      if kind == 99 and not had[line] then\n"
    "        claims[#claims + 1], claimed[#claims + 1] = string.sub(line, 2), key\n"
    "        if string.sub(line, 2, 4) == 'id=' then born[#born + 1] = key end\n"
    "      elseif kind == 100 and not had[line] then add(p, key, line) end\n"
    "    end\n"
    "    new_index[#new_index + 1] = key\n"
    "    new_index[#new_index + 1] = index\n"
    "  end\n"
    /* Only a record whose index text had a line d, w or r was ever put into the due set. */
    "  if old and string.find(old, '\\n[dwr]') and not string.find(index, '\\nd') then\n"
    "    redis.call('ZREM', P..'due:'..e..':'..p, key)\n"
    "  end\n"
    /* A wait is looked at each time: its claim may be free by now. */
    "  local wait = string.find(index, '\\nw', 1, true)\n"
    "  if wait then waits[#waits + 1] = {p, key, string.match(index, '[^\\n]+', wait)} end\n"
    "  if string.find(index, '\\nr', 1, true) then\n"
    "    for line in string.gmatch(index, '\\n(r[^\\n]+)') do waits[#waits + 1] = {p, key, line} "
    "end\n"
    "  end\n"
    "  if op == ends then\n"
    "    over[#over + 1] = key\n"
    "  elseif op and ends ~= '!' then\n"
    "    local how, marker, epoch = string.match(ends, '^([=<])(%S*) (%S*)$')\n"
    "    local function of(start) return string.sub(op, 1, #start) == start end\n"
    "    local function earlier()\n"
    "      local begun, row = '^(%d+)%.(%d+)%.', '^(%d+)%.(%d+)$'\n"
    "      local part, number = string.match(op, begun)\n"
    "      local own, last = string.match(epoch, row)\n"
    "      return part and part == own and tonumber(number) < tonumber(last)\n"
    "    end\n"
    "    if not marker or of(marker..' ') or (epoch ~= '' and of(epoch..'.')) or\n"
    "       (how == '<' and earlier()) then\n"
    "      release_op(key, op, wanted or lines_of(index))\n"
    "      over[#over + 1] = key\n"
    "    end\n"
    "  end\n"
    "end\n"
    "flush()\n"
    "return 'OK'\n"};

struct redis_script SCRIPT_CANCEL = {
    .name = "cancel",
    .text = GUARD NOW LINES DROP_OP
    "for k = i + 1, i + tonumber(ARGV[i]) do\n"
    "  local op = redis.call('HGET', P..'ops:'..e, ARGV[k])\n"
    "  if op then\n"
    "    release_op(ARGV[k], op, lines_of(redis.call('HGET', P..'index:'..e, ARGV[k])))\n"
    "    redis.call('HDEL', P..'ops:'..e, ARGV[k])\n"
    "  end\n"
    "end\n"
    "return 'OK'\n"};

struct redis_script SCRIPT_TWINS = {
    .name = "twins",
    .text = GUARD MANY "return straight('HMGET', 'index:', i + 1, tonumber(ARGV[i]))\n"};

struct redis_script SCRIPT_DUE = {
    .name = "due",
    .text = GUARD NOW LINES
    "local waking = redis.call('HSCAN', P..'waking:'..e, '0', 'COUNT', 1)[2]\n"
    "for k = 1, #waking, 2 do\n"
    "  if wakes <= 0 then break end\n"
    "  local page = redis.call('SSCAN', P..'refs:'..e..':'..waking[k], waking[k + 1], 'COUNT', "
    "wakes)\n"
    "  rouse(page[2])\n"
    "  if page[1] == '0' then redis.call('HDEL', P..'waking:'..e, waking[k])\n"
    "  else redis.call('HSET', P..'waking:'..e, waking[k], page[1]) end\n"
    "end\n"
    "local set, out = P..'due:'..e..':'..ARGV[i], {}\n"
    "local keys = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, ARGV[i + 1])\n"
    "for _, key in ipairs(keys) do\n"
    "  if redis.call('HEXISTS', P..'rows:'..e, key) == 1 then out[#out + 1] = key\n"
    "  else redis.call('ZREM', set, key) end\n"
    "end\n"
    "return out\n"};

struct redis_script SCRIPT_MATCH = {.name = "match",
                                    .text =
                                        UNGUARDED MATCH_ADD "local n = tonumber(ARGV[i])\n"
                                                            "i = i + 1\n"
                                                            "for _ = 1, n do\n"
                                                            "  match_add(ARGV[i], ARGV[i + 1])\n"
                                                            "  i = i + 2\n"
                                                            "end\n"
                                                            "return 'OK'\n"};

struct redis_script SCRIPT_DERIVE = {
    .name = "derive",
    .text = UNGUARDED NOW LINES
    "waited = redis.call('EXISTS', P..'refs:'..e) == 1\n"
    "local page = redis.call('HSCAN', P..'index:'..e, ARGV[i], 'COUNT', ARGV[i + 1])\n"
    "for k = 1, #page[2], 2 do\n"
    "  local p = nil\n"
    "  for line in string.gmatch(page[2][k + 1], '[^\\n]+') do\n"
    "    if p == nil then p = line else add(p, page[2][k], line) end\n"
    "  end\n"
    "end\n"
    "return page[1]\n"};
