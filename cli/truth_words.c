/*
 * truth_words — the declaration as sentences that people can be sent.
 */
#include <string.h>
#include <time.h>

#include "base/zone.h"
#include "cli/truth.h"

enum { MS_PER_S = 1000 };

/* "1 March 2027", and the time of day where it is not midnight. */
static void put_moment(struct buf *out, const struct migration *migration, int64_t ms)
{
    static const char *const MONTHS[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    time_t local = (time_t)(ms / MS_PER_S + zone_offset_s(migration->zone, ms / MS_PER_S));
    struct tm tm;
    (void)gmtime_r(&local, &tm);
    buf_printf(out, "%d %s %d", tm.tm_mday, MONTHS[tm.tm_mon], tm.tm_year + 1900);
    if (tm.tm_hour || tm.tm_min)
        buf_printf(out, ", %02d:%02d (%s)", tm.tm_hour, tm.tm_min, migration->time_zone);
}

/* The rule that follows in the same scope, NULL: none. */
static const struct truth_rule *next_of(const struct entity *entity, int at)
{
    for (int i = at + 1; i < entity->truth_count; i++)
        if (entity->truth[i].field == entity->truth[at].field)
            return &entity->truth[i];
    return NULL;
}

static bool has_own_rules(const struct entity *entity)
{
    for (int i = 0; i < entity->truth_count; i++)
        if (entity->truth[i].field != TRUTH_EVERY_FIELD)
            return true;
    return false;
}

static void put_scope(struct buf *out, const struct entity *entity, const struct truth_rule *rule)
{
    if (rule->field != TRUTH_EVERY_FIELD)
        buf_printf(out, "the %s of a %s", entity->fields[rule->field].name, entity->name);
    else
        buf_printf(out, "every %sfield of a %s", has_own_rules(entity) ? "other " : "",
                   entity->name);
}

static void put_rule(struct buf *out, const struct migration *migration,
                     const struct entity *entity, const struct truth_rule *rule)
{
    const char *old = migration->old_system->name, *new = migration->new_system->name;
    switch (rule->choice) {
    case TRUTH_OLD:
    case TRUTH_NEW:
        buf_printf(out, "%s is right about ", rule->choice == TRUTH_OLD ? old : new);
        put_scope(out, entity, rule);
        buf_printf(out, ": where both systems were changed, its value counts%s%s%s",
                   rule->enforce ? ", and what is changed in " : "", rule->enforce ? new : "",
                   rule->enforce ? " alone is written over" : "");
        break;
    case TRUTH_NEWEST:
        buf_puts(out, "the later change counts for ");
        put_scope(out, entity, rule);
        buf_puts(out, "; where nobody can tell which one that is, a person decides");
        break;
    case TRUTH_REVIEW:
    case TRUTH_CHOICE_COUNT:
        buf_puts(out, "a person decides about ");
        put_scope(out, entity, rule);
        buf_puts(out, " where both systems were changed");
        break;
    }
    buf_puts(out, ".\n");
}

static void put_when(struct buf *out, const struct migration *migration,
                     const struct truth_rule *rule, const struct truth_rule *next)
{
    if (rule->from_ms != TRUTH_ALWAYS) {
        buf_puts(out, "As of ");
        put_moment(out, migration, rule->from_ms);
    } else if (next) {
        buf_puts(out, "Before ");
        put_moment(out, migration, next->from_ms);
    } else {
        buf_puts(out, "From the first day to the last");
    }
    buf_puts(out, ", ");
}

void truth_sentences(const struct migration *migration, const struct entity *entity,
                     struct buf *out)
{
    bool every = false;
    for (int i = 0; i < entity->truth_count; i++) {
        const struct truth_rule *rule = &entity->truth[i];
        every = every || rule->field == TRUTH_EVERY_FIELD;
        put_when(out, migration, rule, next_of(entity, i));
        put_rule(out, migration, entity, rule);
    }
    if (!every)
        buf_printf(out,
                   "Nothing is declared for %s of a %s: where both systems were changed, a "
                   "person decides.\n",
                   entity->truth_count ? "the other fields" : "the fields", entity->name);
}
