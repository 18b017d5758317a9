/*
 * tandem explain — what became of one record, or of one event, and why.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/explain.h"
#include "cli/scan.h"

enum { KEY_BYTES = 1024 };

struct explain_options {
    bool as_json, unmask;
};

/* ---- whose journey ---- */

struct wanted {
    struct span event_id;        /* empty: a record is named */
    const struct entity *entity; /* NULL: any */
    char key[KEY_BYTES];
};

static int on_change(void *self, const struct log_message *message, struct err *err)
{
    struct wanted *wanted = self;
    if (wanted->key[0] || !message->value.data ||
        !memmem(message->value.data, message->value.len, wanted->event_id.data,
                wanted->event_id.len))
        return 0;
    if (message->key.len >= KEY_BYTES)
        return err_set(err, ERR_REJECT, "a record key of %zu bytes", message->key.len);
    (void)snprintf(wanted->key, KEY_BYTES, "%.*s", (int)message->key.len, message->key.data);
    return 0;
}

/* The record of an event: every partition is looked through. */
static int find_event(const struct migration *migration, struct wanted *wanted, struct err *err)
{
    for (int i = 0; i < migration->entity_count && !wanted->key[0]; i++) {
        char topic[TOPIC_NAME_BYTES];
        topic_name(migration, TOPIC_CHANGES, &migration->entities[i], topic);
        if (scan_topic(migration, topic, on_change, wanted, err) < 0)
            return -1;
        wanted->entity = &migration->entities[i];
    }
    return 0;
}

static bool is_event_id(const char *text)
{
    return strlen(text) == HASH_HEX_BYTES - 1 &&
           strspn(text, "0123456789abcdef") == HASH_HEX_BYTES - 1;
}

/* "contact/salesforce:003A", "salesforce:003A" or "003A", which is the old system's. */
static void take_record(struct migration *migration, const char *word, struct wanted *wanted)
{
    const char *slash = strchr(word, '/');
    char name[128];
    if (slash && (size_t)(slash - word) < sizeof(name)) {
        (void)snprintf(name, sizeof(name), "%.*s", (int)(slash - word), word);
        wanted->entity = migration_entity(migration, name);
        word = wanted->entity ? slash + 1 : word;
    }
    (void)snprintf(wanted->key, KEY_BYTES, "%s%s%s",
                   strchr(word, ':') ? "" : migration->old_system->name,
                   strchr(word, ':') ? "" : ":", word);
}

/* ---- as text ---- */

static void print_text(struct journey *journey, const struct row *row, struct span event_id)
{
    struct buf text;
    char time[TIMESTAMP_BYTES];
    buf_init(&text, 0);
    printf("%s %.*s\n", journey->entity->name, (int)journey->key.len, journey->key.data);
    for (int i = 0; i < journey->count; i++) {
        const struct journey_step *step = &journey->steps[i];
        timestamp_format(step->ts_ms, time);
        printf("%s %s %-9s %s  [%d@%" PRId64 "]\n",
               event_id.len && span_equal(step->event_id, event_id) ? ">" : " ", time,
               TOPIC_RULES[step->kind].name, step->text, (int)step->partition, step->offset);
    }
    if (journey->dropped)
        printf("  … and %" PRId64 " later steps\n", journey->dropped);
    printf("now%s\n", row ? "" : ": no row; apply has not settled anything about it");
    if (row)
        explain_row(journey, row, &text);
    (void)fputs(text.data ? text.data : "", stdout);
    if (row)
        printf("  (row %" PRId64 " of this record)\n", journey->rows);
    buf_clear(&text);
}

/* ---- as JSON ---- */

static json_t *step_json(const struct journey_step *step)
{
    json_t *object = json_pack("{s:I,s:s,s:i,s:I,s:s}", "ts_ms", (json_int_t)step->ts_ms, "topic",
                               TOPIC_RULES[step->kind].name, "partition", (int)step->partition,
                               "offset", (json_int_t)step->offset, "text", step->text);
    if (step->event_id.len)
        (void)json_object_set_new(object, "event_id",
                                  json_stringn(step->event_id.data, step->event_id.len));
    return object;
}

static json_t *row_json(const struct journey *journey, const struct row *row)
{
    if (!row)
        return json_null();
    json_t *object =
        json_pack("{s:s,s:b,s:I,s:[]}", "status", state_status_name(row->status), "deleted",
                  (int)row->deleted, "rows", (json_int_t)journey->rows, "open");
    if (row->twin.len)
        (void)json_object_set_new(object, "twin", json_stringn(row->twin.data, row->twin.len));
    if (row->has_version)
        (void)json_object_set_new(object, "modified_ms", json_integer(row->version.modified_ms));
    if (row->why.len)
        (void)json_object_set_new(object, "why", json_stringn(row->why.data, row->why.len));
    if (row->await_count)
        (void)json_object_set_new(object, "waits", json_object());
    for (int i = 0; i < row->await_count; i++)
        (void)json_object_set_new(
            json_object_get(object, "waits"), journey->entity->fields[row->awaits[i].field].name,
            json_stringn(row->awaits[i].old_now.text.data, row->awaits[i].old_now.text.len));
    for (int i = 0; i < row->held_count; i++) {
        json_t *open = json_pack("{s:s}", "class", held_class_name(row->held[i].class_));
        if (row->held[i].field >= 0)
            (void)json_object_set_new(
                open, "field", json_string(journey->entity->fields[row->held[i].field].name));
        (void)json_array_append_new(json_object_get(object, "open"), open);
    }
    return object;
}

static void print_json(const struct journey *journey, const struct row *row)
{
    json_t *root =
        json_pack("{s:i,s:s,s:o,s:[],s:I,s:o}", "v", 1, "entity", journey->entity->name, "key",
                  json_stringn(journey->key.data, journey->key.len), "steps", "steps_left_out",
                  (json_int_t)journey->dropped, "now", row_json(journey, row));
    for (int i = 0; i < journey->count; i++)
        (void)json_array_append_new(json_object_get(root, "steps"), step_json(&journey->steps[i]));
    (void)json_dumpf(root, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(root);
}

/* ---- the command ---- */

/* 1: there was something to tell. */
static int tell(struct migration *migration, const struct entity *entity,
                const struct wanted *wanted, const struct explain_options *options, struct err *err)
{
    struct journey journey;
    struct row row;
    int result = -1;
    journey_init(&journey, migration, options->unmask);
    if (journey_read(&journey, entity, span_of(wanted->key), err) == 0 &&
        (!journey.has_row || row_decode(entity, buf_span(&journey.row), &journey.tape,
                                        &journey.arena, &row, err) == 0)) {
        const struct row *now = journey.has_row ? &row : NULL;
        result = journey.count > 0 || now;
        if (result && options->as_json)
            print_json(&journey, now);
        else if (result)
            print_text(&journey, now, wanted->event_id);
    }
    journey_clear(&journey);
    return result;
}

static int explain(struct migration *migration, const char *word,
                   const struct explain_options *options)
{
    struct err err = ERR_INIT;
    struct wanted wanted = {.entity = NULL};
    int found = 0;
    if (scan_ready(migration, &err) != 0)
        return command_fail(&err);
    if (is_event_id(word)) {
        wanted.event_id = span_of(word);
        if (find_event(migration, &wanted, &err) != 0)
            return command_fail(&err);
    } else {
        take_record(migration, word, &wanted);
    }
    for (int i = 0; i < migration->entity_count && wanted.key[0]; i++) {
        const struct entity *entity = &migration->entities[i];
        if (wanted.entity && entity != wanted.entity)
            continue;
        int told = tell(migration, entity, &wanted, options, &err);
        if (told < 0)
            return command_fail(&err);
        found |= told;
    }
    if (found)
        return 0;
    (void)fprintf(stderr,
                  "tandem: nothing is known of %s %s; a record is named by its system and full id, "
                  "such as %s:<id> (Salesforce: all 18 characters)\n",
                  wanted.event_id.len ? "event" : "record", wanted.key[0] ? wanted.key : word,
                  migration->old_system->name);
    return EX_NOINPUT;
}

static int run_explain(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default();
    struct explain_options options = {.as_json = false};
    const struct flag flags[] = {
        FLAG_CONFIG(&path),
        {"json", FLAG_BOOL, &options.as_json, 0, 0, NULL, "one JSON object an entity and line"},
        {"unmask", FLAG_BOOL, &options.unmask, 0, 0, NULL, "show the values of pii fields"},
        {0}};
    int exit_code = 0;
    int first = command_parse(self, flags, argc, argv, &exit_code);
    if (first < 0)
        return exit_code;
    if (first + 1 != argc || !*argv[first] || strlen(argv[first]) > KEY_BYTES / 2) {
        (void)fputs("tandem: explain wants a record, such as salesforce:0035g00000XyZ12AAF, or an "
                    "event id\n",
                    stderr);
        return EX_USAGE;
    }
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    exit_code = explain(migration, argv[first], &options);
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_EXPLAIN = {
    "explain", "<record|event>", "tell what became of one record, and why",
    "The whole journey in order: each version that was captured, each hint and decision, what was\n"
    "done or asked or refused for it, field by field, dead letters, and where it stands now. The\n"
    "record is \"<system>:<id>\", with \"<entity>/\" in front where two entities share ids; an id\n"
    "alone is the old system's. An event is named by its id (64 hex digits, as in logs and "
    "headers);\n"
    "its steps are marked with >. [2@17] is partition and offset, for kcat.\n\n"
    "Reads one partition of changes, hints, decisions, state, outcomes and dlq from the beginning\n"
    "(for an event all of changes first), with little memory; on a terminal it says how far it "
    "is.\n"
    "Values of pii fields show as *** unless --unmask is said. Exits 66 when nothing is known.\n\n"
    "  tandem explain salesforce:0035g00000XyZ12AAF --config acme.cfg",
    run_explain};
