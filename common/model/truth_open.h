/*
 * truth_open — what the declared truth would make of an open question, known from its row alone: for `tandem truth --dry-run`, before
 * apply looks at the record again. The decision itself is truth_decide's; here stand the facts, and why it stays a question.
 */
#ifndef TANDEM_MODEL_TRUTH_OPEN_H
#define TANDEM_MODEL_TRUTH_OPEN_H

#include "model/state.h"
#include "model/truth.h"

enum truth_open {
    TRUTH_OPEN_OLD, /* it closes: the old system's value is written */
    TRUTH_OPEN_NEW, /* it closes: the new system's value stays */
    TRUTH_OPEN_NOT_BY_RULE, /* of a class that no rule decides: identity, ambiguous, unconfirmed, …; a deleted record */
    TRUTH_OPEN_NO_RULE,   /* none is declared for this field at that moment */
    TRUTH_OPEN_REVIEW,    /* the rule is that a person decides */
    TRUTH_OPEN_NO_MOMENT, /* when the old system's value changed is not known: its answer had no Date, the record was partial */
    TRUTH_OPEN_NO_HISTORY, /* "newest", and no person's edit of this field is known to the new system's history */
    TRUTH_OPEN_NOT_APART, /* "newest", and the two changes are not known to be further apart than the clocks may differ */
    TRUTH_OPEN_COUNT
};
const char *truth_open_name(enum truth_open open); /* "old", "new", "no-rule", …: for scripts */
const char *truth_open_words(
    enum truth_open open); /* why it stays open, for people; "" where it closes */
bool truth_open_closes(enum truth_open open);

/* new_time: of the field's history in the new system; NULL: not asked for, which is TRUTH_OPEN_NO_HISTORY where it would count. */
enum truth_open truth_open(const struct entity *entity, const struct row *row,
                           const struct held *held, const struct truth_time *new_time);

#endif
