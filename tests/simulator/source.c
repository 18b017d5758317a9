/*
 * source — the old system: people edit, delete and enter records again; a poller reads them and publishes what it read, late, twice
 * and in any order; what hints ask for is read again.
 */
#include <string.h>

#include "simulator.h"

int sim_token(bool human)
{
    if (world.tokens == SIM_TOKENS_MAX - 1)
        world.tokens--; /* a run is far shorter */
    world.human[world.tokens] = human;
    return world.tokens++;
}

struct value sim_value(int field, int token, bool human)
{
    const char *letter = !human ? "s" : field == F_TITLE ? "H" : "h";
    const char *end = field == F_EMAIL ? "@x.org" : "";
    return (struct value){VALUE_SET,
                          span_of(arena_printf(&world.arena, "%s%d%s", letter, token, end))};
}

int sim_token_of(struct value value)
{
    int token = 0;
    size_t i = 1;
    for (; i < value.text.len && value.text.data[i] >= '0' && value.text.data[i] <= '9'; i++)
        token = token * 10 + (value.text.data[i] - '0');
    return value.kind == VALUE_SET && i > 1 && token < world.tokens ? token : -1;
}

static void set(struct source_record *record, int field, struct value value)
{
    int token = sim_token_of(value);
    record->values[field] = value;
    world.edits++;
    world.email_edits[record - world.source] += field == F_EMAIL;
    world.blanked[record - world.source][field] |= value.kind == VALUE_BLANK;
    if (token < 0)
        return;
    if (world.first[token] == 0)
        world.first[token] = world.edits;
    world.last[token] = world.edits;
    world.human[token] = false;
}

/* A value that stands in the new system, or one of before, or another record's, else a new one. */
static struct value choose(int r, int field)
{
    struct source_record *record = &world.source[r];
    for (int t = 0; t < world.target_count && sim_chance(8); t++)
        if (span_is(world.targets[t].external_id, record->id) && field == F_CITY &&
            world.targets[t].values[field].kind == VALUE_SET)
            return world.targets[t].values[field];
    if (record->ever && field != F_EMAIL && sim_chance(12))
        return (struct value){VALUE_BLANK, SPAN_NONE};
    struct value other = world.source[sim_below(SIM_RECORDS)].values[F_EMAIL];
    if (field == F_EMAIL && other.kind == VALUE_SET && sim_chance(10)) {
        for (int i = 0; i < SIM_RECORDS; i++)
            world.collided[i] = true;
        return other;
    }
    return sim_value(field, sim_token(false), false);
}

void source_edit(int r)
{
    struct source_record *record = &world.source[r];
    if (!record->exists) {
        sim_log("old: %s exists%s", record->id, record->ever ? " again" : "");
        record->exists = true;
    }
    for (int f = 0; f < SIM_FIELDS; f++) {
        if (record->ever && !sim_chance(f == F_EMAIL ? 6 : 2))
            continue;
        struct value value =
            record->ever && f != F_EMAIL && sim_chance(6) && record->before[f].text.data
                ? record->before[f] /* A, B, A */
                : choose(r, f);
        record->before[f] =
            record->ever ? record->values[f] : (struct value){VALUE_MISSING, SPAN_NONE};
        set(record, f, value);
        sim_log("old: %s.%d = %.*s", record->id, f, (int)value.text.len,
                value.text.data ? value.text.data : "");
    }
    /* Now and then silently, now and then in the same moment as before. */
    if (!record->ever || !sim_chance(8))
        record->modified_ms = world.now_ms;
    else
        world.silent[r] = true;
    record->ever = true;
    record->read = false;
}

void source_set(int r, int field, bool blank)
{
    struct source_record *record = &world.source[r];
    record->before[field] =
        record->ever ? record->values[field] : (struct value){VALUE_MISSING, SPAN_NONE};
    set(record, field,
        blank ? (struct value){VALUE_BLANK, SPAN_NONE} : sim_value(field, sim_token(false), false));
    record->exists = record->ever = true;
    record->read = false;
    record->modified_ms = world.now_ms;
    sim_log("old: %s.%d = %.*s", record->id, field, (int)record->values[field].text.len,
            blank ? "" : record->values[field].text.data);
}

void source_delete(int r)
{
    struct source_record *record = &world.source[r];
    if (!record->exists)
        return;
    record->exists = record->read = false;
    if (record->modified_ms < world.now_ms)
        record->modified_ms = world.now_ms;
    sim_log("old: %s is deleted", record->id);
}

void source_capture(int r, enum event_pass pass)
{
    struct source_record *record = &world.source[r];
    if (!record->ever)
        return;
    record->read = true;
    struct event event = {.op = record->exists ? 'u' : 'd', .pass = pass, .ts_ms = world.now_ms};
    event.id = span_of(record->id);
    event.system = span_of("old");
    event.key = span_of(arena_printf(&world.arena, "old:%s", record->id));
    event.version = version_observed(record->modified_ms, world.now_ms / 1000 * 1000,
                                     (int64_t)sim_below(500), 1);
    event.after = record_new(&sim_entity, &world.arena);
    for (int f = 0; f < SIM_FIELDS && record->exists; f++)
        event.after.values[f] = record->values[f];
    event_identify(&event);
    struct buf text;
    buf_init(&text, 0);
    event_encode(&event, &sim_entity, "sim", "poll", &text);
    if (world.captured_count == world.captured_cap) {
        int cap = world.captured_cap ? 2 * world.captured_cap : 32;
        struct sim_message *more = arena_new(&world.arena, struct sim_message, cap);
        if (world.captured_count)
            memcpy(more, world.captured, sizeof *more * (size_t)world.captured_count);
        world.captured = more;
        world.captured_cap = cap;
    }
    world.captured[world.captured_count++] =
        (struct sim_message){.key = event.key, .value = arena_copy(&world.arena, buf_span(&text))};
    buf_clear(&text);
    sim_log("old: %s read (%s)", record->id, event_pass_name(pass));
}

static void publish(int at, bool keep)
{
    struct sim_message message = world.captured[at];
    sim_log("changes[%d] %.*s", world.changes.count, (int)message.value.len, message.value.data);
    kafka_append(&world.changes, message.key, message.value, SPAN_NONE);
    if (!keep)
        world.captured[at] = world.captured[--world.captured_count];
}

void source_publish(bool all)
{
    if (world.captured_count == 0)
        return;
    do
        publish((int)sim_below((uint32_t)world.captured_count), !all && sim_chance(8));
    while (all && world.captured_count > 0);
}

bool source_hydrate(void)
{
    if (world.hints_done == world.hints.count)
        return false;
    static struct json_tape tape;
    struct hint hint;
    struct err err = ERR_INIT;
    struct sim_message *message = &world.hints.messages[world.hints_done];
    if (hint_decode(message->key, message->value, &tape, &world.arena, &hint, &err) != 0) {
        sim_violation(VIOLATION_STUCK, false, "a hint cannot be read: %s", err.text);
        return false;
    }
    if (hint.not_before_ms > world.now_ms)
        return true;
    world.hints_done++;
    for (int r = 0; r < SIM_RECORDS; r++)
        if (span_is(hint.id, world.source[r].id))
            source_capture(r, PASS_HYDRATE);
    return true;
}
