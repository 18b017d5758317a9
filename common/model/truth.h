/*
 * truth — which side is right where both changed. A migration declares, per entity or field, dated rules; the rule that held
 * at the moment of the change decides (design §6). Pure functions over facts that the caller gathers; what no rule decides
 * stays a question.
 */
#ifndef TANDEM_MODEL_TRUTH_H
#define TANDEM_MODEL_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "model/mapping.h"
#include "model/merge.h"
#include "model/version.h"

enum truth_choice {
    TRUTH_OLD,    /* what the old system says is written */
    TRUTH_NEW,    /* what stands in the new system stays */
    TRUTH_NEWEST, /* the later change, where the two times are known to be apart; else TRUTH_REVIEW */
    TRUTH_REVIEW, /* a person decides */
    TRUTH_CHOICE_COUNT
};
const char *truth_choice_name(enum truth_choice choice); /* "old", "new", "newest", "review" */
int truth_choice_parse(const char *name);                /* -1 unknown */
extern const char *const TRUTH_CHOICE_NAMES[];           /* NULL-terminated, for suggestions */

enum { TRUTH_EVERY_FIELD = -1 };
#define TRUTH_ALWAYS INT64_MIN

/*
 * One rule. Of each scope (one field, or every field) the first rule has no start date (from_ms = TRUTH_ALWAYS), so that each
 * moment has a rule; the others stand in the order of their dates, which differ. A field with rules of its own never looks at
 * those for every field. The configuration reader checks all this.
 */
struct truth_rule {
    int field;                /* index in entity->fields, or TRUTH_EVERY_FIELD */
    enum truth_choice choice; /* of conflicts and of first meetings */
    bool enforce; /* TRUTH_OLD only: an edit made in the new system alone is written over as well */
    int64_t from_ms; /* holds from this moment on (epoch ms; a bare date: midnight in time_zone) */
};

/* The rule of a field at a moment; NULL: none is declared, which is a question. */
const struct truth_rule *truth_rule_at(const struct entity *entity, int field, int64_t moment_ms);

/*
 * When one side's value was changed: within (after_ms, until_ms], on that system's clock.
 * after_ms ≥ until_ms: impossible, counts as not known at all.
 */
struct truth_time {
    bool known;
    int64_t after_ms, until_ms;
};

/* One entry of a field's history in the new system. */
struct truth_edit {
    int64_t at_ms;
    bool ours; /* written by Tandem itself: not an edit */
};
/* The field's own time: its latest change that is not ours. No such entry: not known. */
struct truth_time truth_time_of_history(const struct truth_edit *edits, int count);

/* (previous version, this one]: without a history, a change that was not in the one and is in the other. */
struct truth_time truth_time_between(int64_t previous_ms, int64_t this_ms);

/*
 * When the old system's value of a field changed, by the record's versions: applied is the version that was last merged and whose
 * record still said otherwise (NULL: none is known; a deleted or refused record's version was not merged), now the one that says
 * it. A silent change does not move modified-at: then what was observed counts, and without a Date it is not known.
 * seen_before: the value was a question already when applied was read, so it changed at some time before that. A volatile field may
 * have changed in a version that nobody merged (it is outside of the content hash): its beginning is never known.
 */
struct truth_time truth_time_of_old(const struct version *applied, const struct version *now,
                                    bool seen_before, bool is_volatile);

struct truth_facts {
    struct truth_time old_time, new_time;
};

/*
 * The verdict of merge_field, and what the truth makes of it:
 *   MERGE_HOLD_CONFLICT, MERGE_HOLD_FIRST  MERGE_TRUTH_OLD, MERGE_TRUTH_NEW, or as they are;
 *       the moment is the old system's change (old_time.until_ms, the event's modified-at)
 *   MERGE_KEEP                             MERGE_TRUTH_OLD where the rule is enforced;
 *       the moment is the edit in the new system (new_time.until_ms), where unknown the old system's
 *   every other verdict                    as it is: nothing is undecided there, and of an unconfirmed base nobody knows
 *                                          whether anything changed
 * No moment known, no rule: as it is. entity->clock_skew_ms: by how much the two systems' clocks may differ.
 */
enum merge_verdict truth_decide(const struct entity *entity, int field, enum merge_verdict verdict,
                                const struct truth_facts *facts);

#endif
