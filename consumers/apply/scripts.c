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
 * A call from Lua costs several times what the command does, so a script makes one for many fields: get(hash, fields) → their
 * values, false where there is none; set(hash, {field, value, …}), del(hash, fields). unpack takes at most 8,000.
 */
#define MANY                                                                        \
    "local function get(hash, fields)\n"                                            \
    "  local out, n = {}, #fields\n"                                                \
    "  for a = 1, n, 1000 do\n"                                                     \
    "    local to = math.min(a + 999, n)\n"                                         \
    "    local part = redis.call('HMGET', P..hash..e, unpack(fields, a, to))\n"     \
    "    for k = 1, #part do out[a + k - 1] = part[k] end\n"                        \
    "  end\n"                                                                       \
    "  return out\n"                                                                \
    "end\n"                                                                         \
    "local function many(command, hash, words)\n"                                   \
    "  local n = #words\n"                                                          \
    "  for a = 1, n, 1000 do\n"                                                     \
    "    redis.call(command, P..hash..e, unpack(words, a, math.min(a + 999, n)))\n" \
    "  end\n"                                                                       \
    "end\n"                                                                         \
    "local function set(hash, words) many('HSET', hash, words) end\n"               \
    "local function del(hash, fields) many('HDEL', hash, fields) end\n"

/* add(p, key, line), take(p, key, line): one line of an index text takes effect, or stops to have it. */
#define LINES                                                                                \
    "local function release(claim, key)\n"                                                   \
    "  if redis.call('HGET', P..'claims:'..e, claim) ~= key then return end\n"               \
    "  redis.call('HDEL', P..'claims:'..e, claim)\n"                                         \
    "  for _, w in ipairs(redis.call('SMEMBERS', P..'waits:'..e..':'..claim)) do\n"          \
    "    local wp, wk = string.match(w, '^(%d+) (.*)$')\n"                                   \
    "    redis.call('ZADD', P..'due:'..e..':'..wp, now, wk)\n"                               \
    "  end\n"                                                                                \
    "end\n"                                                                                  \
    "local function take(p, key, line)\n"                                                    \
    "  local kind, rest = string.sub(line, 1, 1), string.sub(line, 2)\n"                     \
    "  if kind == 't' then\n"                                                                \
    "    if redis.call('HGET', P..'twins:'..e, rest) == key then\n"                          \
    "      redis.call('HDEL', P..'twins:'..e, rest)\n"                                       \
    "    end\n"                                                                              \
    "  elseif kind == 'c' then release(rest, key)\n"                                         \
    "  elseif kind == 'w' then redis.call('SREM', P..'waits:'..e..':'..rest, p..' '..key)\n" \
    "  elseif kind == 'd' then redis.call('ZREM', P..'due:'..e..':'..p, key) end\n"          \
    "end\n"                                                                                  \
    "local function add(p, key, line)\n"                                                     \
    "  local kind, rest = string.sub(line, 1, 1), string.sub(line, 2)\n"                     \
    "  if kind == 't' then redis.call('HSET', P..'twins:'..e, rest, key)\n"                  \
    "  elseif kind == 'c' then redis.call('HSETNX', P..'claims:'..e, rest, key)\n"           \
    "  elseif kind == 'w' then\n"                                                            \
    "    redis.call('SADD', P..'waits:'..e..':'..rest, p..' '..key)\n"                       \
    "    if redis.call('HEXISTS', P..'claims:'..e, rest) == 0 then\n"                        \
    "      redis.call('ZADD', P..'due:'..e..':'..p, now, key)\n"                             \
    "    end\n"                                                                              \
    "  elseif kind == 'd' then redis.call('ZADD', P..'due:'..e..':'..p, rest, key) end\n"    \
    "end\n"

/* The operation of a record is over: claims that it made and the index text does not name are given up. */
#define DROP_OP                                                                \
    "local function release_op(key, op, wanted)\n"                             \
    "  local first = true\n"                                                   \
    "  for line in string.gmatch(op, '[^\\n]+') do\n"                          \
    "    if not first and not wanted['c'..line] then release(line, key) end\n" \
    "    first = false\n"                                                      \
    "  end\n"                                                                  \
    "end\n"                                                                    \
    "local function drop_op(key, op, wanted)\n"                                \
    "  release_op(key, op, wanted)\n"                                          \
    "  redis.call('HDEL', P..'ops:'..e, key)\n"                                \
    "end\n"

/* The match index' text with one id more; nil: it is in. */
#define MATCH_WITH                                                                   \
    "local function match_with(known, id)\n"                                         \
    "  if not known then return id end\n"                                            \
    "  if string.find(','..known..',', ','..id..',', 1, true) then return nil end\n" \
    "  return known..','..id\n"                                                      \
    "end\n"

#define MATCH_ADD                                                              \
    MATCH_WITH                                                                 \
    "local function match_add(name, id)\n"                                     \
    "  local ids = match_with(redis.call('HGET', P..'match:'..e, name), id)\n" \
    "  if ids then redis.call('HSET', P..'match:'..e, name, ids) end\n"        \
    "end\n"

struct redis_script SCRIPT_TAKE = {
    .name = "take",
    .text = GUARD "local p, epoch = ARGV[i], ARGV[i + 1]\n"
                  "local known = redis.call('HGET', P..'epoch:'..e, p)\n"
                  "if known and tonumber(known) > tonumber(epoch) then return 'FENCED' end\n"
                  "redis.call('HSET', P..'epoch:'..e, p, epoch)\n"
                  "return {redis.call('HGET', P..'mark:'..e, p) or '0'}\n"};

struct redis_script SCRIPT_LOAD = {
    .name = "load",
    .text = GUARD MANY "local out, n, keys, counts, names = {}, tonumber(ARGV[i]), {}, {}, {}\n"
                       "i = i + 1\n"
                       "for r = 1, n do\n"
                       "  keys[r], counts[r] = ARGV[i], tonumber(ARGV[i + 1])\n"
                       "  i = i + 2\n"
                       "  for k = i, i + counts[r] - 1 do names[#names + 1] = ARGV[k] end\n"
                       "  i = i + counts[r]\n"
                       "end\n"
                       "local rows, ops = get('rows:', keys), get('ops:', keys)\n"
                       "local match, claims = get('match:', names), get('claims:', names)\n"
                       "local at, to = 1, 1\n"
                       "for r = 1, n do\n"
                       "  out[to], out[to + 1] = rows[r], ops[r]\n"
                       "  to = to + 2\n"
                       "  for _ = 1, counts[r] do\n"
                       "    out[to], out[to + 1] = match[at], claims[at]\n"
                       "    at, to = at + 1, to + 2\n"
                       "  end\n"
                       "end\n"
                       "return out\n"};

struct redis_script SCRIPT_BEGIN = {
    .name = "begin",
    .text = GUARD NOW MANY LINES DROP_OP
    "local out, n = {}, tonumber(ARGV[i])\n"
    "local keys, names, first = {}, {}, i + 1\n"
    "i = first\n"
    "for r = 1, n do\n"
    "  keys[r] = ARGV[i]\n"
    "  local m = tonumber(ARGV[i + 2])\n"
    "  for k = i + 3, i + 2 + m do names[#names + 1] = ARGV[k] end\n"
    "  i = i + 3 + m\n"
    "end\n"
    /* What the loop below would find; what it changes itself is kept up to date. */
    "local ops, held = {}, {}\n"
    "for r, op in ipairs(get('ops:', keys)) do ops[keys[r]] = op end\n"
    "for k, holder in ipairs(get('claims:', names)) do held[names[k]] = holder end\n"
    "local new_claims, new_ops = {}, {}\n"
    "i = first\n"
    "for r = 1, n do\n"
    "  local key, op, m = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])\n"
    "  i = i + 3\n"
    "  local holder, taken = '', ''\n"
    "  for k = i, i + m - 1 do\n"
    "    local h = held[ARGV[k]]\n"
    "    if h and h ~= key then holder, taken = h, ARGV[k] break end\n"
    "  end\n"
    "  if holder == '' then\n"
    "    local last = ops[key]\n"
    "    if last then\n"
    "      set('claims:', new_claims)\n"
    "      set('ops:', new_ops)\n"
    "      new_claims, new_ops = {}, {}\n"
    "      local wanted = {}\n"
    "      local index = redis.call('HGET', P..'index:'..e, key) or ''\n"
    "      for line in string.gmatch(index, '[^\\n]+') do wanted[line] = true end\n"
    "      for k = i, i + m - 1 do wanted['c'..ARGV[k]] = true end\n"
    "      drop_op(key, last, wanted)\n"
    "      for line in string.gmatch(last, '[^\\n]+') do\n"
    "        held[line] = redis.call('HGET', P..'claims:'..e, line)\n"
    "      end\n"
    "    end\n"
    "    local text = op..' '..now\n"
    "    for k = i, i + m - 1 do\n"
    "      held[ARGV[k]] = key\n"
    "      new_claims[#new_claims + 1] = ARGV[k]\n"
    "      new_claims[#new_claims + 1] = key\n"
    "      text = text..'\\n'..ARGV[k]\n"
    "    end\n"
    "    ops[key] = text\n"
    "    new_ops[#new_ops + 1] = key\n"
    "    new_ops[#new_ops + 1] = text\n"
    "  end\n"
    "  i = i + m\n"
    "  out[#out + 1] = holder\n"
    "  out[#out + 1] = taken\n"
    "end\n"
    "set('claims:', new_claims)\n"
    "set('ops:', new_ops)\n"
    "return out\n"};

struct redis_script SCRIPT_FINISH = {
    .name = "finish",
    .text = GUARD NOW MANY LINES DROP_OP MATCH_WITH
    "local marks = tonumber(ARGV[i])\n"
    "i = i + 1\n"
    "for _ = 1, marks do\n"
    "  redis.call('HSET', P..'mark:'..e, ARGV[i], ARGV[i + 1])\n"
    "  i = i + 2\n"
    "end\n"
    "local n, keys, names = tonumber(ARGV[i]), {}, {}\n"
    "local first = i + 1\n"
    "i = first\n"
    "for r = 1, n do\n"
    "  keys[r] = ARGV[i + 1]\n"
    "  local m = tonumber(ARGV[i + 6])\n"
    "  for k = i + 7, i + 6 + m do names[#names + 1] = ARGV[k] end\n"
    "  i = i + 7 + m\n"
    "end\n"
    /* As in begin. A replay brings one record more than once. */
    "local olds, ops, match = {}, {}, {}\n"
    "for r, old in ipairs(get('index:', keys)) do olds[keys[r]] = old end\n"
    "for r, op in ipairs(get('ops:', keys)) do ops[keys[r]] = op end\n"
    "for k, ids in ipairs(get('match:', names)) do match[names[k]] = ids end\n"
    "local new_rows, new_index, new_match, over = {}, {}, {}, {}\n"
    "i = first\n"
    "for r = 1, n do\n"
    "  local p, key, row, index = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]\n"
    "  local keep_op, id, m = ARGV[i + 4], ARGV[i + 5], tonumber(ARGV[i + 6])\n"
    "  i = i + 7\n"
    "  index = p..'\\n'..index\n"
    "  new_rows[2 * r - 1], new_rows[2 * r] = key, row\n"
    "  local old, op = olds[key], ops[key]\n"
    "  local wanted, had, due = {}, {}, false\n"
    "  for line in string.gmatch(index, '[^\\n]+') do\n"
    "    wanted[line] = true\n"
    "    if string.sub(line, 1, 1) == 'd' then due = true end\n"
    "  end\n"
    "  if old and old ~= index then\n"
    "    for line in string.gmatch(old, '[^\\n]+') do\n"
    "      had[line] = true\n"
    "      if not wanted[line] then take(p, key, line) end\n"
    "    end\n"
    "  end\n"
    /* Only a record whose index text has a line d or w is ever put into the due set. */
    "  if not due and old and string.find(old, '\\n[dw]') then\n"
    "    redis.call('ZREM', P..'due:'..e..':'..p, key)\n"
    "  end\n"
    "  for line in pairs(wanted) do\n"
    "    if (old ~= index and not had[line]) or string.sub(line, 1, 1) == 'w' then\n"
    "      add(p, key, line)\n"
    "    end\n"
    "  end\n"
    "  if old ~= index then\n"
    "    olds[key] = index\n"
    "    new_index[#new_index + 1] = key\n"
    "    new_index[#new_index + 1] = index\n"
    "  end\n"
    "  local marker = string.sub(keep_op, 2)..' '\n"
    "  if op and (keep_op == '0' or\n"
    "      (string.sub(keep_op, 1, 1) == '=' and string.sub(op, 1, #marker) == marker)) then\n"
    "    over[#over + 1], ops[key] = key, false\n"
    "    release_op(key, op, wanted)\n"
    "  end\n"
    "  for k = i, i + m - 1 do\n"
    "    local ids = match_with(match[ARGV[k]], id)\n"
    "    if ids then\n"
    "      match[ARGV[k]] = ids\n"
    "      new_match[#new_match + 1] = ARGV[k]\n"
    "      new_match[#new_match + 1] = ids\n"
    "    end\n"
    "  end\n"
    "  i = i + m\n"
    "end\n"
    "set('rows:', new_rows)\n"
    "set('index:', new_index)\n"
    "set('match:', new_match)\n"
    "del('ops:', over)\n"
    "return 'OK'\n"};

struct redis_script SCRIPT_CANCEL = {
    .name = "cancel",
    .text = GUARD NOW LINES DROP_OP
    "for k = i + 1, i + tonumber(ARGV[i]) do\n"
    "  local op = redis.call('HGET', P..'ops:'..e, ARGV[k])\n"
    "  local wanted = {}\n"
    "  local index = redis.call('HGET', P..'index:'..e, ARGV[k]) or ''\n"
    "  for line in string.gmatch(index, '[^\\n]+') do wanted[line] = true end\n"
    "  if op then drop_op(ARGV[k], op, wanted) end\n"
    "end\n"
    "return 'OK'\n"};

struct redis_script SCRIPT_DUE = {
    .name = "due",
    .text = GUARD NOW
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
    "local page = redis.call('HSCAN', P..'index:'..e, ARGV[i], 'COUNT', ARGV[i + 1])\n"
    "for k = 1, #page[2], 2 do\n"
    "  local p = nil\n"
    "  for line in string.gmatch(page[2][k + 1], '[^\\n]+') do\n"
    "    if p == nil then p = line else add(p, page[2][k], line) end\n"
    "  end\n"
    "end\n"
    "return page[1]\n"};
