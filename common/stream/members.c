/*
 * members — see members.h.
 */
#include "stream/members.h"

#include <string.h>
#include <sysexits.h>

static int find(const struct member *members, const size_t *lengths, int count, int expected,
                struct span key)
{
    for (int tried = 0; tried < count; tried++) {
        int i = (expected + tried) % count;
        if (lengths[i] == key.len && memcmp(members[i].name, key.data, key.len) == 0)
            return i;
    }
    return -1;
}

int members_find(const struct json_tape *tape, uint32_t object, const struct member *members,
                 int count, uint32_t *ret_at, struct err *err)
{
    if (tape->tokens[object].type != JSON_OBJECT_)
        return err_set(err, ERR_REJECT, "not an object");
    size_t lengths[MEMBERS_MAX];
    for (int i = 0; i < count; i++) {
        lengths[i] = strlen(members[i].name);
        ret_at[i] = 0;
    }
    int expected = 0;
    for (uint32_t k = json_first(tape, object); k < json_end(tape, object);
         k = tape->tokens[k + 1].next) {
        int i = find(members, lengths, count, expected, json_text(tape, k));
        if (i < 0)
            continue;
        expected = (i + 1) % count;
        enum json_type type = (enum json_type)tape->tokens[k + 1].type;
        if (type == JSON_NULL_ && members[i].nullable)
            continue;
        if (type != members[i].type)
            return err_set(err, ERR_REJECT, "\"%s\" has the wrong type", members[i].name);
        ret_at[i] = k + 1;
    }
    for (int i = 0; i < count; i++)
        if (!ret_at[i] && !members[i].nullable)
            return err_set(err, ERR_REJECT, "\"%s\" is missing", members[i].name);
    return 0;
}

int member_int(const struct json_tape *tape, uint32_t index, const char *name, int64_t absent,
               int64_t *ret_value, struct err *err)
{
    if (!index) {
        *ret_value = absent;
        return 0;
    }
    if (json_int_at(tape, index, "", ret_value))
        return 0;
    return err_set(err, ERR_REJECT, "\"%s\" is not an integer", name);
}

int members_version(const struct json_tape *tape, const char *what, int64_t ours, struct err *err)
{
    int64_t version;
    if (!json_int_at(tape, 0, "v", &version) || version < 1)
        return err_set(err, ERR_REJECT, "%s: no format version \"v\"", what);
    if (version > ours)
        return err_exit(
            err, EX_CONFIG,
            "%s has format version %lld, this process knows %lld: upgrade this process first", what,
            (long long)version, (long long)ours);
    return 0;
}
