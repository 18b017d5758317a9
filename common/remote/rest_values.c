/*
 * rest_values — property name → index, fast: the objects of one answer list
 * their members in the same order, so the last object's order is tried first;
 * only a name that is not where it was last time is looked up.
 */
#include <string.h>

#include "remote/rest_internal.h"

enum { KEYS_MAX = 1024, NOT_WANTED = -1 };

void rest_values_start(struct rest_call *call)
{
    struct rest_op *op = call->op;
    map_init(&call->names, (size_t)op->property_count + 1, &op->arena);
    for (int i = 0; i < op->property_count; i++)
        (void)map_put(&call->names, span_of(op->properties[i]), (void *)&op->properties[i]);
    call->keys = NULL;
    call->key_count = call->key_max = 0;
}

static int look_up(const struct rest_call *call, struct span key)
{
    const char *const *found = map_get(&call->names, key);
    return found ? (int)(found - call->op->properties) : NOT_WANTED;
}

/* Room to remember one object's order. */
static void remember(struct rest_call *call, int members)
{
    int max = members < KEYS_MAX ? members : KEYS_MAX;
    if (max <= call->key_max)
        return;
    struct span *keys = arena_new(&call->op->arena, struct span, max);
    int *indexes = arena_new(&call->op->arena, int, max);
    if (call->key_count) {
        memcpy(keys, call->keys, sizeof(keys[0]) * (size_t)call->key_count);
        memcpy(indexes, call->key_index, sizeof(indexes[0]) * (size_t)call->key_count);
    }
    call->keys = keys;
    call->key_index = indexes;
    call->key_max = max;
}

struct raw_value *rest_values_read(struct rest_call *call, uint32_t at)
{
    struct rest_op *op = call->op;
    const struct json_token *tokens = op->tape.tokens;
    struct raw_value *values = arena_new(&op->arena, struct raw_value, op->property_count + 1);
    if (tokens[at].type != JSON_OBJECT_)
        return values;
    uint32_t end = tokens[at].next;
    int place = 0;
    for (uint32_t key = at + 1; key < end; key = tokens[key + 1].next, place++) {
        struct span name = tokens[key].text;
        int index;
        if (place < call->key_count && call->keys[place].len == name.len &&
            memcmp(call->keys[place].data, name.data, name.len) == 0) {
            index = call->key_index[place];
        } else {
            index = look_up(call, name);
            if (place >= call->key_max)
                remember(call, 2 * place + 32);
            if (place < call->key_max) {
                call->keys[place] = name;
                call->key_index[place] = index;
                if (place >= call->key_count)
                    call->key_count = place + 1;
            }
        }
        if (index != NOT_WANTED)
            values[index] =
                (struct raw_value){(enum json_type)tokens[key + 1].type, tokens[key + 1].text};
    }
    return values;
}

struct span rest_scalar(const struct json_tape *tape, uint32_t at, const char *path)
{
    uint32_t found = path ? json_path(tape, at, path) : 0;
    if (!found)
        return SPAN_NONE;
    uint8_t type = tape->tokens[found].type;
    bool scalar = type == JSON_STRING_ || type == JSON_NUMBER_ || type == JSON_BOOL_;
    return scalar ? tape->tokens[found].text : SPAN_NONE;
}

bool rest_time_parse(const struct rest *rest, struct span text, int64_t *ret_ms)
{
    if (!text.len)
        return false;
    if (rest->connector->time_form == TIME_RFC3339)
        return timestamp_parse(text.data, text.len, ret_ms);
    int64_t number = 0;
    if (text.len > 15)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (text.data[i] - '0');
    }
    *ret_ms = rest->connector->time_form == TIME_EPOCH_S ? number * 1000 : number;
    return true;
}
