/*
 * outcome — see outcome.h.
 */
#include "stream/outcome.h"

static const char *const WHAT_NAMES[] = {
    "intent",    "created",   "updated",      "adopted",       "agreed",   "advanced",
    "stale",     "duplicate", "parked",       "hinted",        "held",     "waiting",
    "uncertain", "confirmed", "not-executed", "overwritten",   "repaired", "deleted",
    "archived",  "removed",   "merged",       "dead-lettered", "replayed",
};
_Static_assert(sizeof(WHAT_NAMES) / sizeof(WHAT_NAMES[0]) == OUTCOME_WHAT_COUNT,
               "a name per outcome");

const char *outcome_what_name(enum outcome_what what)
{
    return (unsigned)what < OUTCOME_WHAT_COUNT ? WHAT_NAMES[what] : "unknown";
}

int outcome_what_parse(struct span name)
{
    for (int what = 0; what < OUTCOME_WHAT_COUNT; what++)
        if (span_is(name, WHAT_NAMES[what]))
            return what;
    return -1;
}

static void put_text(struct buf *out, const char *name, struct span text)
{
    if (!text.data || text.len == 0)
        return;
    buf_putc(out, ',');
    buf_put_json_name(out, name);
    buf_put_json_string(out, text);
}

static void put_int(struct buf *out, const char *name, int64_t value)
{
    buf_putc(out, ',');
    buf_put_json_name(out, name);
    buf_put_int(out, value);
}

static void put_value(struct buf *out, const char *name, enum value_type type, struct value value)
{
    if (value.kind == VALUE_MISSING)
        return;
    buf_putc(out, ',');
    buf_put_json_name(out, name);
    value_put_json(out, type, value);
}

static void put_version(struct buf *out, const struct version *version)
{
    if (!version) {
        buf_puts(out, ",\"version\":null");
        return;
    }
    buf_puts(out, ",\"version\":{\"modified_ms\":");
    buf_put_int(out, version->modified_ms);
    put_int(out, "observed_from_ms", version->observed_from_ms);
    if (version->observed_to_ms == INT64_MAX)
        buf_puts(out, ",\"observed_to_ms\":null");
    else
        put_int(out, "observed_to_ms", version->observed_to_ms);
    put_int(out, "generation", version->generation);
    buf_putc(out, '}');
}

static void put_fields(struct buf *out, const struct outcome *outcome)
{
    buf_puts(out, ",\"fields\":[");
    for (int i = 0; i < outcome->field_count; i++) {
        const struct outcome_field *of = &outcome->fields[i];
        const struct field *field = &outcome->entity->fields[of->field];
        buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        buf_put_json_string(out, span_of(field->name));
        put_value(out, "old_now", field->rules.type, of->old_now);
        put_value(out, "new_now", field->rules.type, of->new_now);
        put_text(out, "verdict", span_of(of->verdict));
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

void outcome_encode(const struct outcome *outcome, struct buf *out)
{
    buf_puts(out, "{\"v\":");
    buf_put_int(out, OUTCOME_FORMAT_VERSION);
    buf_puts(out, ",\"what\":");
    buf_put_json_string(out, span_of(outcome_what_name(outcome->what)));
    put_text(out, "class", span_of(outcome->class_));
    put_text(out, "entity", span_of(outcome->entity->name));
    put_text(out, "key", outcome->key);
    put_text(out, "event_id", span_of(outcome->event_id));
    put_text(out, "target", outcome->target);
    put_text(out, "op", outcome->op);
    put_int(out, "epoch", outcome->epoch);
    put_text(out, "topic", span_of(outcome->topic));
    put_int(out, "partition", outcome->partition);
    put_int(out, "offset", outcome->offset);
    put_version(out, outcome->version);
    put_fields(out, outcome);
    put_text(out, "why", span_of(outcome->why));
    put_int(out, "ts_ms", outcome->ts_ms);
    buf_putc(out, '}');
}
