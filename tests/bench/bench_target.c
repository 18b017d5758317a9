/*
 * bench_target — a HubSpot-shaped system in memory, fast enough not to be what is measured: properties, list, batch read, create,
 * update, upsert and histories of contacts, found by id, by e-mail or by one unique custom property. No faults, no limits, no ledger, no conflicts: for
 * those there is tests/sandbox.
 *
 *   bench-target <records, at most>
 *   GET /admin/stats   {"records","requests","read","created","updated","first_ms","last_ms"}; items, and wall clock
 *                      of the first and the last batch
 *   POST /admin/clear  forgets the records and the numbers
 */
#include <inttypes.h>

#include "base/clock.h"
#include "tests/bench/bench_server.h"
#include "tests/bench/bench_target_store.h"

/* ---- properties ---- */

static struct MHD_Response *properties(struct target *target, const struct bench_request *request)
{
    struct buf *out = &target->out;
    struct err err = ERR_INIT;
    if (strcmp(request->method, "POST") == 0 &&
        json_parse(&target->tape, buf_span(&request->body), &err) == 0) {
        struct span name = SPAN_NONE;
        bool unique = false;
        (void)json_string_at(&target->tape, 0, "name", &name);
        (void)json_bool_at(&target->tape, 0, "hasUniqueValue", &unique);
        int at = property_add(target, name);
        target->unique = unique ? at : target->unique;
    }
    buf_puts(out, "{\"results\":[");
    for (int i = 0; i < target->name_count; i++)
        buf_printf(out, "%s{\"name\":\"%s\",\"type\":\"string\",\"hasUniqueValue\":%s}",
                   i ? "," : "", target->names[i],
                   i == target->unique || i == target->email ? "true" : "false");
    buf_puts(out, "]}");
    return bench_reply(out);
}

/* ---- batches ---- */

struct batch {
    struct target *target;
    struct span id_property;
    int wanted[WANTED_MAX];
    int wanted_count;
    int histories[WANTED_MAX];
    int history_count;
    struct buf missing;
    int missing_count;
};

static void read_one(struct batch *batch, uint32_t input)
{
    struct target *target = batch->target;
    struct buf *out = &target->out;
    struct span id = SPAN_NONE;
    (void)json_string_at(&target->tape, input, "id", &id);
    const struct record *record = record_find(target, batch->id_property, id);
    target->read++;
    if (!record) {
        if (batch->missing_count++)
            buf_putc(&batch->missing, ',');
        buf_put_json_string(&batch->missing, id);
        return;
    }
    if (out->data[out->len - 1] != '[')
        buf_putc(out, ',');
    put_head(target, record);
    for (int i = 0; i < batch->wanted_count; i++) {
        buf_putc(out, ',');
        put_property(out, target->names[batch->wanted[i]], record->values[batch->wanted[i]]);
    }
    buf_puts(out, "}");
    for (int i = 0; i < batch->history_count; i++) {
        buf_puts(out, i ? "," : ",\"propertiesWithHistory\":{");
        put_history(out, target->names[batch->histories[i]], record, batch->histories[i]);
    }
    buf_puts(out, batch->history_count ? "}}" : "}");
}

/* The answer to a write has the properties that were written, as the real one. */
static void put_written(struct target *target, const struct record *record, uint32_t input,
                        uint32_t values, bool created)
{
    struct buf *out = &target->out;
    const struct json_tape *tape = &target->tape;
    struct span trace = SPAN_NONE;
    int hint = 0;
    if (out->data[out->len - 1] != '[')
        buf_putc(out, ',');
    put_head(target, record);
    for (uint32_t key = json_first(tape, values); key < json_end(tape, values);
         key = tape->tokens[key + 1].next) {
        int property = property_find(target, json_text(tape, key), hint);
        if (property < 0)
            continue;
        hint = property + 1;
        buf_putc(out, ',');
        put_property(out, target->names[property], record->values[property]);
    }
    buf_puts(out, created ? "},\"new\":true" : "},\"new\":false");
    if (json_string_at(tape, input, "objectWriteTraceId", &trace)) {
        buf_puts(out, ",\"objectWriteTraceId\":");
        buf_put_json_string(out, trace);
    }
    buf_putc(out, '}');
}

/* verb: c create, u update, s upsert */
static void write_one(struct batch *batch, uint32_t input, char verb)
{
    struct target *target = batch->target;
    struct span id = SPAN_NONE, id_property = SPAN_NONE;
    (void)json_string_at(&target->tape, input, "id", &id);
    (void)json_string_at(&target->tape, input, "idProperty", &id_property);
    struct record *record = verb == 'c' ? NULL : record_find(target, id_property, id);
    bool created = !record && verb != 'u';
    uint32_t values = json_get(&target->tape, input, "properties");
    if (created)
        record = record_new(target);
    if (created && record)
        record->created_ms = target->last_ms;
    if (!record || !values) {
        if (batch->missing_count++)
            buf_putc(&batch->missing, ',');
        buf_put_json_string(&batch->missing, id);
        return;
    }
    set_values(target, record, values);
    if (created && id_property.len && target->unique >= 0)
        record->values[target->unique] = json_copy(target, id);
    if (created)
        index_value(&target->by_unique, record, target->unique);
    target->created += created;
    target->updated += !created;
    put_written(target, record, input, values, created);
}

static int read_names(const struct target *target, const char *member, int found[WANTED_MAX])
{
    const struct json_tape *tape = &target->tape;
    uint32_t names = json_get(tape, 0, member);
    int count = 0;
    for (uint32_t i = json_first(tape, names); names && i < json_end(tape, names);
         i = tape->tokens[i].next) {
        int property = property_find(target, json_text(tape, i), count);
        if (property >= 0 && count < WANTED_MAX)
            found[count++] = property;
    }
    return count;
}

static struct MHD_Response *run_batch(struct target *target, const struct bench_request *request,
                                      const char *verb, unsigned *status)
{
    struct batch batch = {.target = target};
    struct err err = ERR_INIT;
    struct buf *out = &target->out;
    *status = 400;
    if (json_parse(&target->tape, buf_span(&request->body), &err) != 0)
        return bench_reply(&request->body);
    int64_t now_ms = clock_wall_ms(&CLOCK_SYSTEM);
    target->first_ms = target->first_ms ? target->first_ms : now_ms;
    target->last_ms = now_ms; /* what is written is written now */
    bool read = strcmp(verb, "read") == 0;
    char kind = strcmp(verb, "upsert") == 0 ? 's' : verb[0];
    uint32_t inputs = json_get(&target->tape, 0, "inputs");
    buf_init(&batch.missing, 0);
    (void)json_string_at(&target->tape, 0, "idProperty", &batch.id_property);
    batch.wanted_count = read_names(target, "properties", batch.wanted);
    batch.history_count = read_names(target, "propertiesWithHistory", batch.histories);
    buf_puts(out, "{\"status\":\"COMPLETE\",\"results\":[");
    for (uint32_t i = json_first(&target->tape, inputs);
         inputs && i < json_end(&target->tape, inputs); i = target->tape.tokens[i].next) {
        if (read)
            read_one(&batch, i);
        else
            write_one(&batch, i, kind);
    }
    buf_puts(out, "]");
    if (batch.missing_count)
        buf_printf(
            out,
            ",\"numErrors\":1,\"errors\":[{\"status\":\"error\",\"category\":\"OBJECT_NOT_FOUND\","
            "\"message\":\"Could not get some contacts\",\"context\":{\"ids\":[%s]}}]",
            batch.missing.data);
    buf_puts(out, "}");
    *status = batch.missing_count ? 207 : 200;
    buf_clear(&batch.missing);
    target->last_ms = clock_wall_ms(&CLOCK_SYSTEM);
    return bench_reply(out);
}

/* ---- the rest ---- */

static struct MHD_Response *list(struct target *target, const struct bench_request *request)
{
    struct buf *out = &target->out;
    const char *after =
        MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "after");
    const char *limit =
        MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "limit");
    int64_t at = after ? strtoll(after, NULL, 10) : 0, n = limit ? strtoll(limit, NULL, 10) : 10;
    buf_puts(out, "{\"results\":[");
    for (int64_t i = at; i >= 0 && i < target->count && i < at + n; i++) {
        if (i > at)
            buf_putc(out, ',');
        put_head(target, &target->records[i]);
        for (int p = 0; p < target->name_count; p++) {
            buf_putc(out, ',');
            put_property(out, target->names[p], target->records[i].values[p]);
        }
        buf_puts(out, "}}");
    }
    buf_puts(out, "]");
    if (at + n < target->count)
        buf_printf(out, ",\"paging\":{\"next\":{\"after\":\"%" PRId64 "\"}}", at + n);
    buf_puts(out, "}");
    return bench_reply(out);
}

static struct MHD_Response *stats(struct target *target)
{
    buf_printf(&target->out,
               "{\"records\":%" PRId64 ",\"requests\":%" PRId64 ",\"read\":%" PRId64
               ",\"created\":%" PRId64 ",\"updated\":%" PRId64 ",\"first_ms\":%" PRId64
               ",\"last_ms\":%" PRId64 "}",
               target->count, target->requests, target->read, target->created, target->updated,
               target->first_ms, target->last_ms);
    return bench_reply(&target->out);
}

static void clear(struct target *target)
{
    arena_clear(&target->arena);
    arena_init(&target->arena);
    map_init(&target->by_email, (size_t)target->max, &target->arena);
    map_init(&target->by_unique, (size_t)target->max, &target->arena);
    memset(target->records, 0, sizeof(*target->records) * (size_t)target->count);
    target->count = target->requests = target->read = target->created = target->updated = 0;
    target->first_ms = target->last_ms = 0;
}

static struct MHD_Response *answer(void *self, struct bench_request *request, unsigned *status)
{
    static const char OBJECTS[] = "/crm/v3/objects/contacts", BATCH[] = "/batch/";
    struct target *target = self;
    const char *path = request->path;
    buf_reset(&target->out);
    if (strcmp(path, "/admin/clear") == 0)
        clear(target);
    if (strncmp(path, "/admin/", 7) == 0)
        return stats(target);
    target->requests++;
    if (strncmp(path, "/crm/v3/properties/contacts", 27) == 0)
        return properties(target, request);
    if (strncmp(path, OBJECTS, sizeof(OBJECTS) - 1) != 0)
        return NULL;
    path += sizeof(OBJECTS) - 1;
    if (strncmp(path, BATCH, sizeof(BATCH) - 1) == 0)
        return run_batch(target, request, path + sizeof(BATCH) - 1, status);
    if (strcmp(path, "/search") == 0) {
        buf_printf(&target->out, "{\"total\":%" PRId64 ",\"results\":[]}", target->count);
        return bench_reply(&target->out);
    }
    return path[0] == '\0' ? list(target, request) : NULL;
}

int main(int argc, char **argv)
{
    static const char *const NAMES[] = {
        "email",   "firstname", "lastname", "phone",   "mobilephone",       "jobtitle",
        "message", "address",   "city",     "zip",     "country",           "date_of_birth",
        "region",  "opted_out", "source",   "revenue", "numberofemployees", "lead_source"};
    static struct target target;
    target.max = argc == 2 ? strtoll(argv[1], NULL, 10) : 0;
    target.unique = -1;
    target.records = target.max > 0 ? calloc((size_t)target.max, sizeof(*target.records)) : NULL;
    if (!target.records) {
        (void)fprintf(stderr, "usage: bench-target <records, at most>\n");
        return 64;
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES)[0]; i++)
        (void)property_add(&target, span_of(NAMES[i]));
    arena_init(&target.arena);
    json_tape_init(&target.tape);
    buf_init(&target.out, 0);
    buf_init(&target.scratch, 0);
    clear(&target);
    int code = bench_serve(answer, &target);
    buf_clear(&target.out);
    buf_clear(&target.scratch);
    json_tape_clear(&target.tape);
    arena_clear(&target.arena);
    free(target.records);
    return code;
}
