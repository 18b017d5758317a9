/*
 * merge — see merge.h; the whole policy is merge_field.
 */
#include "model/merge.h"

#include <string.h>

#include "base/hash.h"

static const char *const VERDICT_NAMES[] = {"nothing",     "agree",     "write",
                                            "keep",        "conflict",  "first-meeting",
                                            "unconfirmed", "truth-old", "truth-new"};
_Static_assert(sizeof(VERDICT_NAMES) / sizeof(VERDICT_NAMES[0]) == MERGE_VERDICT_COUNT,
               "a name per verdict");

const char *merge_verdict_name(enum merge_verdict verdict)
{
    return verdict < MERGE_VERDICT_COUNT ? VERDICT_NAMES[verdict] : "?";
}

bool merge_writes(enum merge_verdict verdict)
{
    return verdict == MERGE_WRITE || verdict == MERGE_TRUTH_OLD;
}

bool merge_moves_base(enum merge_verdict verdict)
{
    return verdict == MERGE_AGREE || verdict == MERGE_TRUTH_NEW;
}

bool merge_holds(enum merge_verdict verdict)
{
    return verdict == MERGE_HOLD_CONFLICT || verdict == MERGE_HOLD_FIRST ||
           verdict == MERGE_HOLD_UNCONFIRMED;
}

static void digest(struct span text, char ret_hex[HASH_HEX_BYTES])
{
    hash_start();
    hash_put(text.data, text.len);
    hash_hex(ret_hex);
}

struct base_side base_of(struct value value, struct arena *arena)
{
    struct base_side base = {value.kind, value.text, 0};
    if (value.kind == VALUE_SET && value.text.len > BASE_INLINE_BYTES) {
        char *hex = arena_alloc(arena, HASH_HEX_BYTES);
        digest(value.text, hex);
        base.text = (struct span){hex, HASH_HEX_BYTES - 1};
        base.bytes = value.text.len;
    }
    return base;
}

bool base_is(struct base_side base, struct value value)
{
    if (base.kind != value.kind)
        return false;
    if (base.kind != VALUE_SET)
        return true;
    if (base.bytes == 0)
        return span_equal(base.text, value.text);
    if (base.bytes != value.text.len)
        return false;
    char hex[HASH_HEX_BYTES];
    digest(value.text, hex);
    return span_is(base.text, hex);
}

/* The two never agreed on anything. */
static enum merge_verdict first_meeting(struct value old_now, struct value new_now)
{
    if (value_equal(old_now, new_now) || old_now.kind == VALUE_BLANK)
        return MERGE_AGREE;
    return new_now.kind == VALUE_BLANK ? MERGE_WRITE : MERGE_HOLD_FIRST;
}

enum merge_verdict merge_field(const struct base_pair *base, struct value old_now,
                               struct value new_now)
{
    if (old_now.kind == VALUE_MISSING)
        return MERGE_NOTHING;
    if (new_now.kind == VALUE_MISSING)
        return old_now.kind == VALUE_SET ? MERGE_WRITE : MERGE_AGREE;
    if (!base->known)
        return first_meeting(old_now, new_now);

    bool old_moved = !base_is(base->old_side, old_now);
    bool new_moved = !base_is(base->new_side, new_now);
    if (!old_moved && !new_moved)
        return base->unconfirmed ? MERGE_AGREE : MERGE_NOTHING;
    if (value_equal(old_now, new_now))
        return MERGE_AGREE;
    if (!new_moved)
        return MERGE_WRITE;
    if (base->unconfirmed)
        return MERGE_HOLD_UNCONFIRMED;
    return old_moved ? MERGE_HOLD_CONFLICT : MERGE_KEEP;
}

bool merge_edited(const struct base_pair *base, struct value new_now)
{
    return base->known && !base_is(base->new_side, new_now);
}

enum delete_policy merge_deleted(enum delete_policy policy, bool edited)
{
    return edited ? DELETES_REVIEW : policy;
}
