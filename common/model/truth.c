/*
 * truth — see truth.h; truth_decide is the whole policy.
 */
#include "model/truth.h"

#include <stddef.h>
#include <string.h>

const char *const TRUTH_CHOICE_NAMES[] = {"old", "new", "newest", "review", NULL};
_Static_assert(sizeof(TRUTH_CHOICE_NAMES) / sizeof(TRUTH_CHOICE_NAMES[0]) == TRUTH_CHOICE_COUNT + 1,
               "a name per choice");

const char *truth_choice_name(enum truth_choice choice)
{
    return choice < TRUTH_CHOICE_COUNT ? TRUTH_CHOICE_NAMES[choice] : "?";
}

int truth_choice_parse(const char *name)
{
    for (int i = 0; i < TRUTH_CHOICE_COUNT; i++)
        if (strcmp(name, TRUTH_CHOICE_NAMES[i]) == 0)
            return i;
    return -1;
}

/* The last of its scope that has begun. */
static const struct truth_rule *in_scope(const struct entity *entity, int scope, int64_t moment_ms)
{
    const struct truth_rule *rule = NULL;
    for (int i = 0; i < entity->truth_count; i++)
        if (entity->truth[i].field == scope && entity->truth[i].from_ms <= moment_ms)
            rule = &entity->truth[i];
    return rule;
}

const struct truth_rule *truth_rule_at(const struct entity *entity, int field, int64_t moment_ms)
{
    const struct truth_rule *rule = in_scope(entity, field, moment_ms);
    return rule ? rule : in_scope(entity, TRUTH_EVERY_FIELD, moment_ms);
}

/* ---- times ---- */

static bool is_known(struct truth_time time)
{
    return time.known && time.after_ms < time.until_ms;
}

struct truth_time truth_time_between(int64_t previous_ms, int64_t this_ms)
{
    return (struct truth_time){.known = true, .after_ms = previous_ms, .until_ms = this_ms};
}

struct truth_time truth_time_of_history(const struct truth_edit *edits, int count)
{
    struct truth_time time = {0};
    for (int i = 0; i < count; i++)
        if (!edits[i].ours && (!time.known || edits[i].at_ms > time.until_ms))
            time = truth_time_between(edits[i].at_ms - 1, edits[i].at_ms);
    return time;
}

struct truth_time truth_time_of_old(const struct version *applied, const struct version *now,
                                    bool seen_before, bool is_volatile)
{
    if (!applied || is_volatile)
        return truth_time_between(INT64_MIN, now->modified_ms);
    if (!seen_before && now->modified_ms != applied->modified_ms)
        return truth_time_between(applied->modified_ms, now->modified_ms);
    /* It may have been a silent change: all that is sure is when it was seen. */
    const struct version *seen = seen_before ? applied : now;
    if (seen->observed_to_ms == INT64_MAX)
        return (struct truth_time){0};
    return truth_time_between(seen_before ? INT64_MIN : applied->observed_from_ms,
                              seen->observed_to_ms);
}

/* later is later than earlier, whatever the two clocks say. The sum would overflow for an open end. */
static bool surely_later(struct truth_time later, struct truth_time earlier, int64_t skew_ms)
{
    return earlier.until_ms <= INT64_MAX - skew_ms && later.after_ms >= earlier.until_ms + skew_ms;
}

static enum truth_choice newest(const struct truth_facts *facts, int64_t skew_ms)
{
    if (!is_known(facts->new_time))
        return TRUTH_REVIEW; /* the old system's is known: it is the moment of the rule */
    if (surely_later(facts->old_time, facts->new_time, skew_ms))
        return TRUTH_OLD;
    return surely_later(facts->new_time, facts->old_time, skew_ms) ? TRUTH_NEW : TRUTH_REVIEW;
}

/* ---- the policy ---- */

enum merge_verdict truth_decide(const struct entity *entity, int field, enum merge_verdict verdict,
                                const struct truth_facts *facts)
{
    bool question = verdict == MERGE_HOLD_CONFLICT || verdict == MERGE_HOLD_FIRST;
    if (!question && verdict != MERGE_KEEP)
        return verdict;
    bool by_new = verdict == MERGE_KEEP && is_known(facts->new_time);
    struct truth_time when = by_new ? facts->new_time : facts->old_time;
    if (!is_known(when))
        return verdict;
    const struct truth_rule *rule = truth_rule_at(entity, field, when.until_ms);
    if (!rule)
        return verdict;
    if (verdict == MERGE_KEEP)
        return rule->enforce && rule->choice == TRUTH_OLD ? MERGE_TRUTH_OLD : MERGE_KEEP;

    enum truth_choice choice = rule->choice;
    if (choice == TRUTH_NEWEST)
        choice = newest(facts, entity->clock_skew_ms);
    if (choice == TRUTH_REVIEW)
        return verdict;
    return choice == TRUTH_OLD ? MERGE_TRUTH_OLD : MERGE_TRUTH_NEW;
}
