/*
 * budget_script — see budget_script.h.
 */
#include "remote/budget_script.h"

struct redis_script BUDGET_TAKE = {
    .name = "budget_take",
    .text =
        "local t = redis.call('TIME')\n"
        "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
        "local h = redis.call('HMGET', KEYS[1], 'requests', 'window', 'used', 'max', 'until', "
        "'why', 'known', 'told')\n"
        "local reserve = tonumber(ARGV[8])\n"
        "local requests, window = tonumber(h[1] or 0), tonumber(h[2] or 0)\n"
        "local declared, period = tonumber(ARGV[6]), tonumber(ARGV[7])\n"
        /* the lower of the two rates */
        "if declared > 0 and (requests == 0 or declared * window < requests * period) then\n"
        "  requests, window = declared, period\n"
        "end\n"
        "if not h[7] then\n"
        "  redis.call('HSET', KEYS[1], 'known', '1')\n"
        "  if requests > 0 then\n"
        "    h[5], h[6] = now + window, 'what was used before is not known'\n"
        "    redis.call('HSET', KEYS[1], 'until', h[5], 'why', h[6])\n"
        "  end\n"
        "end\n"
        "local open = tonumber(h[5] or 0)\n"
        "if open > now then return {open - now, 1, 0, 0, h[6] or ''} end\n"
        "local used, max = tonumber(h[3] or 0), tonumber(h[4] or 0)\n"
        "if max > 0 then\n"
        "  local cap = max - math.floor(max * reserve / 100)\n"
        "  local pace = tonumber(ARGV[4])\n"
        "  cap = math.floor(cap * (pace + (100 - pace) * (now % 86400000) / 86400000) / 100)\n"
        "  if used >= cap then\n"
        /* What was said a minute ago may be over: one request sees whether the day has moved on. */
        "    local told = tonumber(h[8] or 0)\n"
        "    if told + 60000 > now then return {told + 60000 - now, 2, used, max, ''} end\n"
        "    redis.call('HSET', KEYS[1], 'told', now)\n"
        "  end\n"
        "end\n"
        "if requests > 0 then\n"
        "  local ours = math.max(1, requests - math.ceil(requests * reserve / 100))\n"
        "  local share = math.max(1, math.floor(ours * tonumber(ARGV[3]) / 100))\n"
        "  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)\n"
        "  local taken = redis.call('ZCARD', KEYS[2])\n"
        "  if taken >= share then\n"
        "    local first = redis.call('ZRANGE', KEYS[2], taken - share, taken - share, "
        "'WITHSCORES')\n"
        "    return {math.max(1, math.min(window, first[2] - now)), 3, share, window, ''}\n"
        "  end\n"
        "  local keep = tonumber(ARGV[5]) + window\n"
        "  redis.call('ZADD', KEYS[2], now + keep, ARGV[1])\n"
        "  redis.call('PEXPIRE', KEYS[2], keep)\n"
        "end\n"
        "local day = KEYS[1] .. ':' .. math.floor(now / 86400000)\n"
        "redis.call('HINCRBY', day, ARGV[2], ARGV[9])\n"
        "redis.call('EXPIRE', day, 172800)\n"
        "return {0, 0, (requests == 0 and max == 0) and 1 or 0, 0, ''}\n",
};

struct redis_script BUDGET_GIVE = {
    .name = "budget_give",
    .text =
        "local t = redis.call('TIME')\n"
        "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
        "local requests, window = tonumber(ARGV[2]), tonumber(ARGV[3])\n"
        "local remaining, gate, why = tonumber(ARGV[4]), tonumber(ARGV[7]), ARGV[8]\n"
        "redis.call('HSET', KEYS[1], 'known', '1')\n"
        "if requests > 0 then\n"
        "  redis.call('HSET', KEYS[1], 'requests', requests, 'window', window)\n"
        "end\n"
        "if tonumber(ARGV[6]) > 0 then\n"
        "  redis.call('HSET', KEYS[1], 'used', ARGV[5], 'max', ARGV[6], 'told', now)\n"
        "end\n"
        "local busy = math.max(tonumber(ARGV[9]), tonumber(redis.call('HGET', KEYS[1], 'window') "
        "or 0))\n"
        "if ARGV[1] ~= '' and busy > 0 then\n"
        "  redis.call('ZADD', KEYS[2], now + busy, ARGV[1])\n"
        "  if redis.call('PTTL', KEYS[2]) < busy then redis.call('PEXPIRE', KEYS[2], busy) end\n"
        "end\n"
        /* Fewer are left than we leave: others use the account, too. A tenth of the window, then the next answer tells. */
        "if gate == 0 and requests > 0 and remaining >= 0 and\n"
        "   remaining < math.floor(requests * tonumber(ARGV[10]) / 100) then\n"
        "  gate = math.ceil(window / 10)\n"
        "  why = remaining .. ' of ' .. requests .. ' requests are left: others use this account, "
        "too'\n"
        "end\n"
        "if gate > 0 and now + gate > tonumber(redis.call('HGET', KEYS[1], 'until') or 0) then\n"
        "  redis.call('HSET', KEYS[1], 'until', now + gate, 'why', why)\n"
        "end\n"
        "return 0\n",
};
