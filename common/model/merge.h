/*
 * merge — three-way, per field: what the old system says now, what the new
 * system says now, and the base they last agreed on. The base is a pair,
 * because targets normalise what they store: each side is compared with its own last
 * agreed form (design §6). Pure functions; nothing is overwritten blindly.
 */
#ifndef TANDEM_MODEL_MERGE_H
#define TANDEM_MODEL_MERGE_H

#include "model/mapping.h"
#include "model/value.h"

/* One side of a base: a value, or for texts over BASE_INLINE_BYTES its hash and length. */
enum { BASE_INLINE_BYTES = 1024 };
struct base_side {
    enum value_kind kind;
    struct span text; /* the text; or the 64 hex digits of its SHA-256 when bytes > 0 */
    size_t bytes;     /* 0 = text is the value itself */
};
struct base_side base_of(struct value value, struct arena *arena);
bool base_is(struct base_side base, struct value value);

struct base_pair {
    bool known;       /* false: this field never met */
    bool unconfirmed; /* new_side is what we sent; nobody saw what the target stored */
    struct base_side old_side, new_side;
};

enum merge_verdict {
    MERGE_NOTHING,       /* old side missing (unknown), or neither side moved: base stays */
    MERGE_AGREE,         /* both say the same, or the target shows what we sent: the base moves */
    MERGE_WRITE,         /* only old moved (or first meeting fills a blank new): write */
    MERGE_KEEP,          /* only new moved: keep it; class edited-in-new, explained */
    MERGE_HOLD_CONFLICT, /* both moved, to different values: a question; class conflict */
    MERGE_HOLD_FIRST,    /* first meeting, both set, different: a question; class first-meeting */
    MERGE_HOLD_UNCONFIRMED, /* the base is what we sent, the target says otherwise: a question; class unconfirmed */
    /* Only from truth_decide (model/truth.h), instead of a question (or, enforced, of MERGE_KEEP): */
    MERGE_TRUTH_OLD, /* write the old system's value; the other one stands in an intent and in the outcome */
    MERGE_TRUTH_NEW, /* keep the new system's value; the base moves to the two values, else it is asked again */
    MERGE_VERDICT_COUNT
};
const char *merge_verdict_name(enum merge_verdict verdict);

/* What follows from a verdict, so that nobody lists them again: */
bool merge_writes(enum merge_verdict verdict); /* the old value is to be written */
bool merge_moves_base(
    enum merge_verdict verdict); /* the base becomes {old_now, new_now}; nothing is written */
bool merge_holds(enum merge_verdict verdict); /* the field is a question */

/*
 * old_now, new_now: canonical values read now. new_now MISSING = the twin does not exist yet
 * (create): every set old value is written. A property that an existing twin leaves out is BLANK,
 * and a field without a new name is not asked about.
 * MERGE_KEEP at a first meeting with old blank and new set: verdict MERGE_AGREE with base {blank, new}.
 */
enum merge_verdict merge_field(const struct base_pair *base, struct value old_now,
                               struct value new_now);

/* Did somebody edit this field of the new system since it was agreed on? An unconfirmed base counts as edited unless it stands there. */
bool merge_edited(const struct base_pair *base, struct value new_now);

/*
 * What becomes of the twin of a record that was deleted in the old system. edited: any field of the twin is merge_edited.
 * Deleted here and edited there is always a conflict (DELETES_REVIEW), whatever the policy.
 */
enum delete_policy merge_deleted(enum delete_policy policy, bool edited);

#endif
