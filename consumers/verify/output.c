/*
 * output — counts as JSON.
 */
#include "consumers/verify/output.h"

static void put_count(struct buf *out, bool *first, const char *name, int64_t count)
{
    if (!*first)
        buf_putc(out, ',');
    *first = false;
    buf_put_json_name(out, name);
    buf_put_int(out, count);
}

static void put_judged(struct buf *out, const int64_t *counts, bool explained)
{
    bool first = true;
    buf_puts(out, explained ? "\"explained\":{" : "\"unexplained\":{");
    for (int i = JUDGE_IDENTICAL + 1; i < JUDGE_CLASS_COUNT; i++) {
        if (counts[i] && judge_explained((enum judge_class)i) == explained)
            put_count(out, &first, judge_class_name((enum judge_class)i), counts[i]);
    }
    buf_putc(out, '}');
}

static void put_orphans(struct buf *out, const int64_t *counts, bool explained)
{
    bool first = true;
    buf_puts(out, explained ? "\"explained\":{" : "\"unexplained\":{");
    for (int i = 0; i < ORPHAN_CLASS_COUNT; i++) {
        if (counts[i] && orphan_explained((enum orphan_class)i) == explained)
            put_count(out, &first, orphan_class_name((enum orphan_class)i), counts[i]);
    }
    buf_putc(out, '}');
}

static void put_systems(struct buf *out, const struct result *result)
{
    const struct tally *tally = &result->tally;
    buf_puts(out, ",\"old_records\":");
    buf_put_int(out, result->counts.old_records);
    buf_puts(out, ",\"new_records\":");
    buf_put_int(out, result->counts.new_records);
    buf_puts(out, ",\"identical\":");
    buf_put_int(out, tally->both[JUDGE_IDENTICAL]);
    buf_puts(out, ",\"different\":{");
    put_judged(out, tally->both, true);
    buf_putc(out, ',');
    put_judged(out, tally->both, false);
    buf_puts(out, "},\"only_in_old\":{");
    put_judged(out, tally->only_old, true);
    buf_putc(out, ',');
    put_judged(out, tally->only_old, false);
    buf_puts(out, "},\"only_in_new\":{");
    put_orphans(out, tally->only_new, true);
    buf_putc(out, ',');
    put_orphans(out, tally->only_new, false);
    buf_puts(out, "},\"unexplained\":");
    buf_put_int(out, tally_unexplained(tally));
    buf_puts(out, ",\"read_again\":");
    buf_put_int(out, result->read_again);
    buf_puts(out, ",\"examples\":[");
    compare_examples(result->compare, out);
    buf_putc(out, ']');
}

struct reasons {
    struct buf *out;
    bool first;
};

static int put_reason(void *self, struct span reason, int64_t records, struct err *err)
{
    (void)err;
    struct reasons *reasons = self;
    if (!reasons->first)
        buf_putc(reasons->out, ',');
    reasons->first = false;
    buf_put_json_string(reasons->out, reason);
    buf_putc(reasons->out, ':');
    buf_put_int(reasons->out, records);
    return 0;
}

int output_entity(struct buf *out, const struct result *result, struct err *err)
{
    buf_puts(out, "{\"entity\":");
    buf_put_json_string(out, span_of(result->entity->name));
    if (result->systems)
        put_systems(out, result);
    buf_puts(out, ",\"rows\":{");
    bool first = true;
    for (int i = 0; i < STATE_STATUS_COUNT; i++)
        put_count(out, &first, state_status_name((enum state_status)i), result->counts.rows[i]);
    buf_puts(out, "},\"held\":{");
    first = true;
    for (int i = 0; i < HELD_CLASS_COUNT; i++) {
        if (result->counts.held[i])
            put_count(out, &first, held_class_name((enum held_class)i), result->counts.held[i]);
    }
    buf_puts(out, "},\"dead_letters\":{");
    struct reasons reasons = {out, true};
    if (table_each_reason(result->table, put_reason, &reasons, err) != 0)
        return -1;
    buf_puts(out, "}}");
    return 0;
}
