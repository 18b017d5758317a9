/*
 * truth_open — see truth_open.h.
 */
#include "model/truth_open.h"

static const struct {
    const char *name, *words;
} OPENS[] = {
    [TRUTH_OPEN_OLD] = {"old", ""},
    [TRUTH_OPEN_NEW] = {"new", ""},
    [TRUTH_OPEN_NOT_BY_RULE] = {"not-by-rule", "of a kind that no rule decides"},
    [TRUTH_OPEN_NO_RULE] = {"no-rule", "no rule holds for the moment of the change"},
    [TRUTH_OPEN_REVIEW] = {"review", "the rule is that a person decides"},
    [TRUTH_OPEN_NO_MOMENT] = {"no-moment", "when the old system's value changed is not known"},
    [TRUTH_OPEN_NO_HISTORY] = {"no-history", "newest: no history tells when the new one changed"},
    [TRUTH_OPEN_NOT_APART] = {"not-apart", "newest: which change is the later one is not sure"},
};
_Static_assert(sizeof(OPENS) / sizeof(OPENS[0]) == TRUTH_OPEN_COUNT, "a name per answer");

const char *truth_open_name(enum truth_open open)
{
    return open < TRUTH_OPEN_COUNT ? OPENS[open].name : "?";
}

const char *truth_open_words(enum truth_open open)
{
    return open < TRUTH_OPEN_COUNT ? OPENS[open].words : "?";
}

bool truth_open_closes(enum truth_open open)
{
    return open == TRUTH_OPEN_OLD || open == TRUTH_OPEN_NEW;
}

/* What apply will know when the record is read again and has not changed: the question was there before. */
static struct truth_time old_time(const struct entity *entity, const struct row *row, int field)
{
    bool merged = row->hash[0] != '\0';
    if (!row->has_version)
        return (struct truth_time){0};
    return truth_time_of_old(merged ? &row->version : NULL, &row->version, true,
                             entity->fields[field].is_volatile);
}

enum truth_open truth_open(const struct entity *entity, const struct row *row,
                           const struct held *held, const struct truth_time *new_time)
{
    bool first = held->class_ == HELD_FIRST_MEETING;
    if (held->field < 0 || row->deleted || (!first && held->class_ != HELD_CONFLICT))
        return TRUTH_OPEN_NOT_BY_RULE;
    struct truth_facts facts = {.old_time = old_time(entity, row, held->field),
                                .new_time = new_time ? *new_time : (struct truth_time){0}};
    if (!facts.old_time.known)
        return TRUTH_OPEN_NO_MOMENT;
    const struct truth_rule *rule = truth_rule_at(entity, held->field, facts.old_time.until_ms);
    if (!rule)
        return TRUTH_OPEN_NO_RULE;
    enum merge_verdict decided =
        truth_decide(entity, held->field, first ? MERGE_HOLD_FIRST : MERGE_HOLD_CONFLICT, &facts);
    if (!merge_holds(decided))
        return decided == MERGE_TRUTH_OLD ? TRUTH_OPEN_OLD : TRUTH_OPEN_NEW;
    if (rule->choice == TRUTH_REVIEW)
        return TRUTH_OPEN_REVIEW;
    return facts.new_time.known ? TRUTH_OPEN_NOT_APART : TRUTH_OPEN_NO_HISTORY;
}
