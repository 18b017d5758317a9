/*
 * fake_target — rest.h over the records in the world, with what hurts: conditional writes (T1) or none (T3), an index that lags,
 * values stored otherwise than they were sent, lost replies, requests that are executed late, refusals, a twin that is gone.
 */
#include <ctype.h>
#include <string.h>

#include "remote/rest.h"
#include "simulator.h"

struct rest {
    int process;
};
static struct rest rests[SIM_PROCESSES];

static const char *const PROPERTIES[SIM_FIELDS] = {"email", "title", "city"};
static const char EXTERNAL_ID[] = "old_id", MARKER[] = "marker";

static void note(struct target_record *record, int field, struct value value, bool ours)
{
    struct target_change *change = arena_new(&world.arena, struct target_change, 1);
    *change = (struct target_change){value, world.now_ms, ours, record->histories[field]};
    record->histories[field] = change;
}

static void store(struct target_record *record, int field, struct value value, bool ours)
{
    note(record, field, value, ours);
    record->values[field] = value;
    int token = sim_token_of(value);
    if (!ours && token >= 0)
        world.entered[token] = world.edits + 1;
    /* What we put back is the person's again. */
    bool back = (token >= 0 && world.human[token]) || model_puts_back(record->histories[field]);
    int64_t entered = token >= 0 ? world.entered[token] : world.edits;
    record->human_at[field] = !ours ? ++world.edits : back ? entered : 0;
}

static struct target_record *add(void)
{
    struct target_record *target = &world.targets[world.target_count++];
    *target = (struct target_record){.exists = true, .version = 1, .created_ms = world.now_ms};
    target->id = arena_printf(&world.arena, "%d", 500 + world.target_count);
    for (int f = 0; f < SIM_FIELDS; f++)
        target->values[f] = (struct value){VALUE_BLANK, SPAN_NONE};
    return target;
}

void target_add(int r)
{
    struct target_record *target = add();
    store(target, F_EMAIL, world.source[r].values[F_EMAIL], false);
    store(target, F_CITY, sim_value(F_CITY, sim_token(true), true), false);
    target->human_at[F_EMAIL] = 0; /* the same in both systems */
    world.collided[r] = world.collided[r] || world.email_edits[r] > 1;
    sim_log("a person has entered target %s, %.*s", target->id,
            (int)target->values[F_EMAIL].text.len, target->values[F_EMAIL].text.data);
}

void target_init(void)
{
    for (int r = 0; r < SIM_RECORDS; r++)
        if (world.source[r].ever && sim_chance(4)) /* it was there before us: a first meeting */
            target_add(r);
}

struct value target_stores(int field, struct value sent)
{
    if (field != F_TITLE || sent.kind != VALUE_SET)
        return sent;
    char *text = arena_printf(&world.arena, "%.*s", (int)sent.text.len, sent.text.data);
    for (char *c = text; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return (struct value){VALUE_SET, span_of(text)};
}

/* ---- people ---- */

/* Whatever became of what a person had entered: it is not looked for any more. */
static void decides_anew(const struct target_record *record, int field)
{
    for (const struct target_change *was = record->histories[field]; was; was = was->before)
        if (sim_token_of(was->value) >= 0)
            world.owed[sim_token_of(was->value)] = false;
}

void target_edit(int target)
{
    struct target_record *record = &world.targets[target];
    if (!record->exists)
        return;
    int field = (int)sim_below(SIM_FIELDS);
    if (field == F_EMAIL && !sim_chance(3))
        field = F_CITY;
    int r = (int)sim_below(SIM_RECORDS);
    struct value value = sim_value(field, sim_token(true), true);
    if (sim_chance(6)) /* the same edit in both systems */
        value = target_stores(field, world.source[r].values[field]);
    if (value.kind == VALUE_MISSING) /* nobody has entered anything there */
        value.kind = VALUE_BLANK;
    if (field == F_EMAIL && sim_chance(2))
        return;
    for (int t = 0; field == F_EMAIL && t < world.target_count; t++)
        if (world.targets[t].exists && value_equal(world.targets[t].values[F_EMAIL], value))
            return; /* the target refuses it */
    target_set(target, field, value);
}

void target_set(int target, int field, struct value value)
{
    struct target_record *record = &world.targets[target];
    decides_anew(record, field);
    store(record, field, value, false);
    record->version++;
    for (int r = 0; field == F_EMAIL && r < SIM_RECORDS; r++)
        world.collided[r] = true;
    sim_log("a person sets %s of target %s to %.*s", PROPERTIES[field], record->id,
            (int)value.text.len, value.text.data);
}

void target_remove(int target)
{
    struct target_record *record = &world.targets[target];
    if (!record->exists)
        return;
    record->exists = false;
    for (int f = 0; f < SIM_FIELDS; f++)
        decides_anew(record, f);
    for (int r = 0; r < SIM_RECORDS; r++)
        if (span_is(record->external_id, world.source[r].id) || record->external_id.len == 0) {
            world.twin_deleted[r] = true;
            memset(world.ours[r], 0,
                   sizeof world.ours[r]); /* what is created now is another record */
        }
    sim_log("a person deletes target %s", record->id);
}

static bool email_taken(struct value email, const struct target_record *but)
{
    for (int t = 0; t < world.target_count; t++)
        if (&world.targets[t] != but && world.targets[t].exists && email.kind == VALUE_SET &&
            value_equal(world.targets[t].values[F_EMAIL], email))
            return true;
    return false;
}

void target_create(void)
{
    int r = (int)sim_below(SIM_RECORDS);
    bool taken = email_taken(world.source[r].values[F_EMAIL], NULL);
    if (world.target_count == SIM_TARGETS_MAX || !world.source[r].ever || taken)
        return;
    target_add(r);
    world.collided[r] = true;
}

/* ---- executing a write ---- */

static struct target_record *by_id(struct span id)
{
    for (int t = 0; t < world.target_count; t++)
        if (world.targets[t].exists && span_is(id, world.targets[t].id))
            return &world.targets[t];
    return NULL;
}

static struct target_record *by_external_id(struct span id)
{
    for (int t = 0; t < world.target_count; t++)
        if (world.targets[t].exists && span_equal(world.targets[t].external_id, id))
            return &world.targets[t];
    return NULL;
}

static int record_of(struct span external_id)
{
    for (int r = 0; r < SIM_RECORDS; r++)
        if (span_is(external_id, world.source[r].id))
            return r;
    return -1;
}

/* Another record that has a value of this write in a unique property. */
static struct target_record *refuses(const struct target_write *write,
                                     const struct target_record *but)
{
    for (int i = 0; i < write->count; i++)
        for (int t = 0; t < world.target_count; t++) {
            struct target_record *record = &world.targets[t];
            bool email = span_is(write->names[i], "email") && write->values[i].len &&
                         sim_entity.fields[F_EMAIL].unique_in_new &&
                         span_equal(record->values[F_EMAIL].text, write->values[i]);
            bool external_id = span_is(write->names[i], EXTERNAL_ID) &&
                               span_equal(record->external_id, write->values[i]);
            if (record->exists && record != but && (email || external_id))
                return record;
        }
    return NULL;
}

static void set_values(struct target_record *record, const struct target_write *write,
                       bool overtaken)
{
    world.now_ms++; /* no two requests of one record are executed in one millisecond */
    int r = record_of(record->external_id);
    for (int i = 0; i < write->count; i++) {
        if (span_is(write->names[i], EXTERNAL_ID) && r >= 0)
            world.taken_over[r] |= overtaken && !span_equal(write->values[i], record->external_id);
        if (span_is(write->names[i], EXTERNAL_ID))
            record->external_id = write->values[i];
        if (span_is(write->names[i], MARKER)) {
            record->marker = write->values[i];
            note(record, SIM_FIELDS, (struct value){VALUE_SET, record->marker}, true);
        }
    }
    int fields = 0, again = 0;
    r = record_of(record->external_id);
    if (r >= 0) /* its marker alone makes what a person edits look like the late request's */
        world.was_late[r] |= overtaken;
    for (int i = 0; i < write->count; i++)
        for (int f = 0; f < SIM_FIELDS; f++) {
            if (!span_is(write->names[i], PROPERTIES[f]))
                continue;
            struct value sent = {write->values[i].len ? VALUE_SET : VALUE_BLANK, write->values[i]};
            struct value now = target_stores(f, sent);
            if (r >= 0)
                again += model_write(r, f, record, now, overtaken);
            fields++;
            store(record, f, now, true);
        }
    if (fields > 0 && again == fields)
        sim_violation(VIOLATION_DOUBLE, true, "record %d: written again", r);
    record->version++;
}

/* Put aside or removed, whatever stands there: nothing is compared, on no tier. */
static enum rest_item_result end(const struct target_write *write)
{
    struct target_record *record = by_id(write->id);
    if (record) {
        record->exists = false;
        model_archive(record, record->version != write->read_version);
        sim_log("target %s: archived", record->id);
    }
    return REST_ITEM_OK;
}

/* One item takes effect, or says why not. A conditional write (T1) would refuse what is `overtaken`. */
static enum rest_item_result execute(const struct target_write *write,
                                     struct target_record **ret_record)
{
    bool update = write->kind == REST_UPDATE;
    struct target_record *record = update ? by_id(write->id) : by_external_id(write->external_id);
    *ret_record = record;
    if (write->kind == REST_ARCHIVE || write->kind == REST_DELETE)
        return end(write);
    if (update && !record)
        return REST_ITEM_GONE;
    bool overtaken = record && record->version != write->read_version;
    if (write->kind == REST_CREATE && record)
        return REST_ITEM_EXISTS;
    if (world.t1 && overtaken)
        return REST_ITEM_MISMATCH;
    struct target_record *other = refuses(write, record);
    if (other) {
        *ret_record = other;
        return REST_ITEM_EXISTS;
    }
    if (!record) {
        if (world.target_count == SIM_TARGETS_MAX)
            return REST_ITEM_BUSY;
        record = add();
        record->ours = true;
        set_values(record, write, false);
        model_create(record);
    } else {
        set_values(record, write, overtaken);
    }
    *ret_record = record;
    sim_log("target %s: executed%s, marker %.*s", record->id, overtaken ? " over a newer one" : "",
            (int)record->marker.len, record->marker.data);
    return REST_ITEM_OK;
}

void target_execute_late(bool all)
{
    for (int i = 0; i < world.late_count; i++) {
        struct target_record *record = NULL;
        if (!all && sim_chance(2))
            continue;
        struct target_write write = world.late[i];
        world.late[i--] = world.late[--world.late_count];
        if (world.now_ms <= write.until_ms) {
            sim_log("a late request");
            (void)execute(&write, &record);
        }
    }
}

static void execute_later(const struct target_write *write)
{
    if (world.late_count < SIM_LATE_MAX) {
        world.late[world.late_count] = *write;
        world.late[world.late_count++].until_ms = world.now_ms + SIM_LIFETIME_MS - 1;
    }
}

/* ---- rest.h ---- */

struct rest *rest_open(const struct migration *migration, const struct system_settings *settings,
                       const struct clock *clock, struct err *err)
{
    (void)migration, (void)settings, (void)clock, (void)err;
    rests[process_current()].process = process_current();
    return &rests[process_current()];
}

void rest_close(struct rest *rest)
{
    (void)rest;
}

const struct rest_traits *rest_traits(const struct rest *rest)
{
    static struct rest_traits traits = {.page_max = 100,
                                        .read_max = 100,
                                        .lookup_max = 100,
                                        .write_max = 100,
                                        .request_lifetime_ms = SIM_LIFETIME_MS,
                                        .index_lag_ms = SIM_INDEX_LAG_MS,
                                        .writes_in_flight = 1};
    (void)rest;
    traits.history_max = world.histories ? 50 : 0;
    traits.tier = world.t1 ? REST_TIER_T1 : REST_TIER_T3;
    return &traits;
}

int rest_max(const struct rest *rest, enum rest_kind kind, const char *object,
             const char *id_property)
{
    (void)rest, (void)kind, (void)object, (void)id_property;
    return 100;
}

void rest_op_init(struct rest_op *op)
{
    memset(op, 0, sizeof *op);
    arena_init(&op->arena);
}

void rest_op_reset(struct rest_op *op)
{
    struct arena arena = op->arena;
    arena_reset(&arena);
    memset(op, 0, sizeof *op);
    op->arena = arena;
}

void rest_op_clear(struct rest_op *op)
{
    if (op)
        arena_clear(&op->arena);
}

static struct raw_value raw_of(struct value value)
{
    if (value.kind != VALUE_SET)
        return (struct raw_value){.type = JSON_NULL_};
    return (struct raw_value){.type = JSON_STRING_, .text = value.text};
}

static struct raw_value *values_of(struct rest_op *op, const struct target_record *record)
{
    struct raw_value *values = arena_new(&op->arena, struct raw_value, op->property_count);
    for (int p = 0; p < op->property_count; p++) {
        for (int f = 0; f < SIM_FIELDS; f++)
            if (strcmp(op->properties[p], PROPERTIES[f]) == 0)
                values[p] = raw_of(record->values[f]);
        struct span own = strcmp(op->properties[p], EXTERNAL_ID) == 0 ? record->external_id
                          : strcmp(op->properties[p], MARKER) == 0    ? record->marker
                                                                      : SPAN_NONE;
        if (own.len)
            values[p] = raw_of((struct value){VALUE_SET, own});
        else if (values[p].type == JSON_NONE_)
            values[p].type = JSON_NULL_;
    }
    return values;
}

static struct rest_history *histories_of(struct rest_op *op, const struct target_record *record)
{
    struct rest_history *histories = arena_new(&op->arena, struct rest_history, op->property_count);
    for (int p = 0; p < op->property_count; p++)
        for (int f = 0; f <= SIM_FIELDS; f++) {
            struct rest_history *history = &histories[p];
            if (strcmp(op->properties[p], f < SIM_FIELDS ? PROPERTIES[f] : MARKER) != 0)
                continue;
            history->changes = arena_new(&op->arena, struct rest_change, REST_CHANGES_MAX);
            const struct target_change *change = record->histories[f];
            for (; change && history->count < REST_CHANGES_MAX; change = change->before)
                history->changes[history->count++] =
                    (struct rest_change){raw_of(change->value), change->at_ms, change->ours};
        }
    return histories;
}

static void give(struct rest_op *op, const struct target_record *record)
{
    struct rest_record *out = &op->records[op->record_count++];
    *out = (struct rest_record){.id = span_of(record->id), .modified_ms = -1};
    out->version = span_of(arena_printf(&op->arena, "%lld", (long long)record->version));
    out->values = values_of(op, record);
    if (op->kind == REST_HISTORY)
        out->histories = histories_of(op, record);
}

static bool looked_up(const struct rest_op *op, const struct target_record *record)
{
    if (op->kind == REST_LIST)
        return true;
    /* What is not unique there has to be searched: the search finds what was written a while ago. */
    bool searched = op->id_property && strcmp(op->id_property, "email") == 0 &&
                    !sim_entity.fields[F_EMAIL].unique_in_new;
    if (searched && world.now_ms < record->created_ms + SIM_INDEX_LAG_MS)
        return false;
    struct span value = !op->id_property                            ? span_of(record->id)
                        : strcmp(op->id_property, EXTERNAL_ID) == 0 ? record->external_id
                                                                    : record->values[F_EMAIL].text;
    for (int i = 0; i < op->id_count; i++)
        if (value.len && span_equal(op->ids[i], value))
            return true;
    return false;
}

static enum rest_outcome read(struct rest_op *op)
{
    op->records = arena_new(&op->arena, struct rest_record, SIM_TARGETS_MAX);
    op->record_count = 0;
    for (int t = 0; t < world.target_count; t++)
        if (world.targets[t].exists && looked_up(op, &world.targets[t]))
            give(op, &world.targets[t]);
    return REST_DONE;
}

static struct target_write write_of(const struct rest_op *op, const struct rest_item *item)
{
    struct arena *arena = &world.arena;
    struct target_write write = {.kind = (int)op->kind, .read_version = -1};
    write.id = arena_copy(arena, item->id);
    write.external_id = arena_copy(arena, item->external_id);
    for (size_t i = 0; i < item->version.len; i++)
        write.read_version = (i ? write.read_version * 10 : 0) + (item->version.data[i] - '0');
    for (int i = 0; i < item->count; i++) {
        write.names[i] = arena_copy(arena, item->names[i]);
        write.values[i] = arena_copy(arena, item->values[i]);
    }
    write.count = item->count;
    if (op->kind != REST_UPDATE &&
        write.external_id.len) { /* our id in the target is part of the request itself */
        write.names[write.count] = span_of(EXTERNAL_ID);
        write.values[write.count++] = write.external_id;
    }
    return write;
}

static void answer(struct rest_op *op, struct rest_item *item, const struct target_write *write)
{
    struct target_record *record = NULL;
    int before = world.target_count;
    item->result = execute(write, &record);
    item->created = world.target_count > before;
    if (record)
        item->ret_id = span_of(record->id);
    if (op->kind == REST_ARCHIVE || op->kind == REST_DELETE)
        item->ret_id = item->id;
    bool silent = world.script.on ? world.script.no_values : sim_chance(8);
    if (record && item->result == REST_ITEM_OK && !silent)
        item->ret_values = values_of(op, record);
}

static enum sim_fate fate_of_request(void)
{
    struct sim_script *script = &world.script;
    if (script->fate_next < script->fate_count)
        return script->fates[script->fate_next++];
    if (world.quiet || !sim_chance(3))
        return FATE_FINE;
    return (enum sim_fate)sim_below(FATE_BUSY + 1);
}

static enum rest_outcome write_all(struct rest_op *op, struct err *err)
{
    enum sim_fate fate = fate_of_request();
    if (world.now_ms > op->send_by_ms) {
        (void)err_set(err, ERR_RETRY, "not sent in time");
        return REST_LATER;
    }
    process_yield("target.sending");
    bool beyond = world.now_ms > op->send_by_ms; /* a process that was stopped */
    if (fate == FATE_LATER) {
        (void)err_set(err, ERR_RETRY, "429");
        return REST_LATER;
    }
    for (int i = 0; i < op->item_count; i++) {
        struct target_write write = write_of(op, &op->items[i]);
        write.beyond = beyond;
        int record = record_of(write.external_id);
        if (beyond && record >= 0)
            world.beyond[record] = true;
        if (fate == FATE_LATE)
            execute_later(&write);
        else if (fate == FATE_BUSY && i == 0)
            op->items[i].result = REST_ITEM_BUSY;
        else if (fate != FATE_NOT_SENT)
            answer(op, &op->items[i], &write);
    }
    process_yield("target.answered");
    if (fate != FATE_FINE && fate != FATE_BUSY)
        sim_log("no answer from the target (%s)", fate == FATE_REPLY_LOST ? "executed"
                                                  : fate == FATE_LATE     ? "executed late"
                                                                          : "not executed");
    return fate == FATE_FINE || fate == FATE_BUSY ? REST_DONE : REST_UNCERTAIN;
}

void rest_run(struct rest *rest, struct rest_op *ops[], int n, enum rest_outcome outcomes[],
              int64_t *ret_retry_after_ms, struct err *err)
{
    (void)rest;
    *ret_retry_after_ms = 1;
    for (int i = 0; i < n; i++)
        outcomes[i] =
            ops[i]->kind == REST_READ || ops[i]->kind == REST_LIST || ops[i]->kind == REST_HISTORY
                ? read(ops[i])
                : write_all(ops[i], err);
}
