/*
 * scripts — see scripts.h. Redis 7: script effects are replicated, so TIME may be asked.
 */
#include "scripts.h"

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
    "local function drop_op(key, op, wanted)\n"                                \
    "  local first = true\n"                                                   \
    "  for line in string.gmatch(op, '[^\\n]+') do\n"                          \
    "    if not first and not wanted['c'..line] then release(line, key) end\n" \
    "    first = false\n"                                                      \
    "  end\n"                                                                  \
    "  redis.call('HDEL', P..'ops:'..e, key)\n"                                \
    "end\n"

#define MATCH_ADD                                                             \
    "local function match_add(name, id)\n"                                    \
    "  local known = redis.call('HGET', P..'match:'..e, name)\n"              \
    "  if not known then redis.call('HSET', P..'match:'..e, name, id)\n"      \
    "  elseif not string.find(','..known..',', ','..id..',', 1, true) then\n" \
    "    redis.call('HSET', P..'match:'..e, name, known..','..id)\n"          \
    "  end\n"                                                                 \
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
    .text = GUARD "local out, n = {}, tonumber(ARGV[i])\n"
                  "i = i + 1\n"
                  "for _ = 1, n do\n"
                  "  local key, m = ARGV[i], tonumber(ARGV[i + 1])\n"
                  "  i = i + 2\n"
                  "  out[#out + 1] = redis.call('HGET', P..'rows:'..e, key)\n"
                  "  out[#out + 1] = redis.call('HGET', P..'ops:'..e, key)\n"
                  "  for _ = 1, m do\n"
                  "    out[#out + 1] = redis.call('HGET', P..'match:'..e, ARGV[i])\n"
                  "    out[#out + 1] = redis.call('HGET', P..'claims:'..e, ARGV[i])\n"
                  "    i = i + 1\n"
                  "  end\n"
                  "end\n"
                  "return out\n"};

struct redis_script SCRIPT_BEGIN = {
    .name = "begin",
    .text = GUARD NOW LINES DROP_OP
    "local out, n = {}, tonumber(ARGV[i])\n"
    "i = i + 1\n"
    "for _ = 1, n do\n"
    "  local key, op, m = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])\n"
    "  i = i + 3\n"
    "  local holder, taken = '', ''\n"
    "  for k = i, i + m - 1 do\n"
    "    local h = redis.call('HGET', P..'claims:'..e, ARGV[k])\n"
    "    if h and h ~= key then holder, taken = h, ARGV[k] break end\n"
    "  end\n"
    "  if holder == '' then\n"
    "    local last = redis.call('HGET', P..'ops:'..e, key)\n"
    "    if last then\n"
    "      local wanted = {}\n"
    "      local index = redis.call('HGET', P..'index:'..e, key) or ''\n"
    "      for line in string.gmatch(index, '[^\\n]+') do wanted[line] = true end\n"
    "      for k = i, i + m - 1 do wanted['c'..ARGV[k]] = true end\n"
    "      drop_op(key, last, wanted)\n"
    "    end\n"
    "    local text = op..' '..now\n"
    "    for k = i, i + m - 1 do\n"
    "      redis.call('HSET', P..'claims:'..e, ARGV[k], key)\n"
    "      text = text..'\\n'..ARGV[k]\n"
    "    end\n"
    "    redis.call('HSET', P..'ops:'..e, key, text)\n"
    "  end\n"
    "  i = i + m\n"
    "  out[#out + 1] = holder\n"
    "  out[#out + 1] = taken\n"
    "end\n"
    "return out\n"};

struct redis_script SCRIPT_FINISH = {
    .name = "finish",
    .text = GUARD NOW LINES DROP_OP MATCH_ADD
    "local marks = tonumber(ARGV[i])\n"
    "i = i + 1\n"
    "for _ = 1, marks do\n"
    "  redis.call('HSET', P..'mark:'..e, ARGV[i], ARGV[i + 1])\n"
    "  i = i + 2\n"
    "end\n"
    "local n = tonumber(ARGV[i])\n"
    "i = i + 1\n"
    "for _ = 1, n do\n"
    "  local p, key, row, index = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]\n"
    "  local keep_op, id, m = ARGV[i + 4], ARGV[i + 5], tonumber(ARGV[i + 6])\n"
    "  i = i + 7\n"
    "  index = p..'\\n'..index\n"
    "  redis.call('HSET', P..'rows:'..e, key, row)\n"
    "  local old = redis.call('HGET', P..'index:'..e, key)\n"
    "  local op = redis.call('HGET', P..'ops:'..e, key)\n"
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
    "  if not due then redis.call('ZREM', P..'due:'..e..':'..p, key) end\n"
    "  for line in pairs(wanted) do\n"
    "    if (old ~= index and not had[line]) or string.sub(line, 1, 1) == 'w' then\n"
    "      add(p, key, line)\n"
    "    end\n"
    "  end\n"
    "  if old ~= index then redis.call('HSET', P..'index:'..e, key, index) end\n"
    "  local marker = string.sub(keep_op, 2)..' '\n"
    "  if op and (keep_op == '0' or\n"
    "      (string.sub(keep_op, 1, 1) == '=' and string.sub(op, 1, #marker) == marker)) then\n"
    "    drop_op(key, op, wanted)\n"
    "  end\n"
    "  for _ = 1, m do\n"
    "    match_add(ARGV[i], id)\n"
    "    i = i + 1\n"
    "  end\n"
    "end\n"
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
