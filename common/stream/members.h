/*
 * members — the members of one JSON object found in one pass, by a table. Members in the table's order cost one comparison each; those that the
 * table does not name are skipped. Private to common/stream.
 */
#ifndef TANDEM_STREAM_MEMBERS_H
#define TANDEM_STREAM_MEMBERS_H

#include "base/json.h"

struct member {
    const char *name;
    enum json_type type;
    bool nullable; /* null, or not there at all, is fine: index 0 */
};
enum { MEMBERS_MAX = 24 };

/*
 * ret_at[i]: the index of members[i]'s value in the tape, 0 for one that is null or absent. Returns 0, or -1 with ERR_REJECT naming the
 * member that is missing or of another type.
 */
int members_find(const struct json_tape *tape, uint32_t object, const struct member *members,
                 int count, uint32_t *ret_at, struct err *err);

/* An integer of at most 63 bits; -1 with ERR_REJECT naming it. index 0: *ret_value = absent. */
int member_int(const struct json_tape *tape, uint32_t index, const char *name, int64_t absent,
               int64_t *ret_value, struct err *err);

/*
 * Read "v" of the object at 0: -1 with ERR_REJECT when there is none, ERR_FATAL EX_CONFIG when it is above ours:
 * a newer Tandem wrote it, this process must be upgraded first (design §9).
 */
int members_version(const struct json_tape *tape, const char *what, int64_t ours, struct err *err);

#endif
