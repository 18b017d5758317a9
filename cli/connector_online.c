/*
 * connector_online — what a system says to a connector file, asked with the account of a migration.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/command.h"
#include "cli/connector.h"
#include "remote/rest_recorded.h"

enum { IDS_MAX = 5, ID_MAX = 256, PAGE_RECORDS = 20 };
static const int64_t DAY_MS = 24LL * 3600 * 1000;

struct trial {
    const struct connector_file *file;
    struct rest *rest;
    const char *object;
    const char *properties[ENTITY_FIELDS_MAX];
    int property_count;
    bool filled[ENTITY_FIELDS_MAX]; /* some record had a value for it */
    char ids[IDS_MAX][ID_MAX];      /* of the first page with records */
    int id_count;
    int64_t date_ms;
    int records, wrong;
};

/* The line where the operation stands. */
static int line_of(const struct trial *trial, enum rest_kind kind)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "objects.%.80s.operations.%s", trial->object,
                   rest_kind_name(kind));
    config_setting_t *setting = config_setting_lookup(trial->file->group, path);
    (void)snprintf(path, sizeof(path), "operations.%s", rest_kind_name(kind));
    if (!setting)
        setting = config_setting_lookup(trial->file->group, path);
    return (int)config_setting_source_line(setting ? setting : trial->file->group);
}

static void note(struct trial *trial, const struct rest_op *op)
{
    if (op->date_ms >= 0)
        trial->date_ms = op->date_ms;
    for (int i = 0; i < op->record_count; i++) {
        const struct rest_record *record = &op->records[i];
        for (int f = 0; f < op->property_count && op->kind != REST_PROPERTIES; f++)
            trial->filled[f] |= record->values[f].type != JSON_NONE_ &&
                                record->values[f].type != JSON_NULL_ && record->values[f].text.len;
        if (op->kind != REST_PROPERTIES && trial->id_count < IDS_MAX && op->kind != REST_READ &&
            record->id.len < ID_MAX) {
            bool known = false;
            for (int k = 0; k < trial->id_count; k++)
                known |= span_is(record->id, trial->ids[k]);
            if (!known)
                (void)snprintf(trial->ids[trial->id_count++], ID_MAX, "%.*s", (int)record->id.len,
                               record->id.data);
        }
    }
    if (op->kind != REST_PROPERTIES)
        trial->records += op->record_count;
}

static void say(const struct rest_op *op)
{
    printf("ok       %s %s: ", rest_kind_name(op->kind), op->object);
    if (op->kind == REST_COUNT)
        printf("%" PRId64 " records there", op->total);
    else
        printf("%d %s%s", op->record_count, op->kind == REST_PROPERTIES ? "propert" : "record",
               op->kind == REST_PROPERTIES ? (op->record_count == 1 ? "y" : "ies")
               : op->record_count == 1     ? ""
                                           : "s");
    if (op->kind == REST_BACKFILL || op->kind == REST_INCREMENTAL || op->kind == REST_LIST)
        printf("%s", op->more ? ", more follow" : ", the last page");
    if (op->next_cursor.len)
        printf(" (next %.*s)", (int)(op->next_cursor.len < 40 ? op->next_cursor.len : 40),
               op->next_cursor.data);
    printf(", %" PRId64 " ms\n", op->duration_ms);
}

/* One question. False: it failed, which has been said. */
static bool ask(struct trial *trial, struct rest_op *op)
{
    struct err err = ERR_INIT;
    int64_t retry_after_ms = 0;
    op->object = trial->object;
    op->properties = trial->properties;
    op->property_count = op->kind == REST_PROPERTIES ? 0 : trial->property_count;
    op->priority = BUDGET_LIVE;
    if (rest_start(trial->rest, op, &err) == 0 &&
        rest_finish(trial->rest, op, &retry_after_ms, &err) == REST_DONE) {
        note(trial, op);
        say(op);
        return true;
    }
    printf("%s:%d: %s %s: %s\n", trial->file->path, line_of(trial, op->kind),
           rest_kind_name(op->kind), trial->object, err.text);
    if (retry_after_ms)
        printf("        it says to come back in %" PRId64 " s\n", (retry_after_ms + 999) / 1000);
    trial->wrong++;
    return false;
}

static void ask_pages(struct trial *trial, enum rest_kind kind)
{
    struct rest_op op;
    char behind[ID_MAX];
    if (!rest_knows(trial->rest, kind, trial->object))
        return;
    rest_op_init(&op);
    op.kind = kind;
    op.page_records = PAGE_RECORDS;
    if (ask(trial, &op) && op.more) {
        struct span place = kind == REST_LIST ? op.next_cursor : rest_op_place(&op);
        (void)snprintf(behind, sizeof(behind), "%.*s", (int)place.len, place.len ? place.data : "");
        op.cursor = op.after_id = span_of(behind);
        (void)ask(trial, &op);
    }
    rest_op_clear(&op);
}

static void ask_changes(struct trial *trial)
{
    struct rest_op op;
    if (!rest_knows(trial->rest, REST_INCREMENTAL, trial->object))
        return;
    rest_op_init(&op);
    op.kind = REST_INCREMENTAL;
    op.to_ms = trial->date_ms - rest_traits(trial->rest)->settle_ms;
    op.from_ms = (op.to_ms - DAY_MS) / 1000 * 1000;
    if (trial->date_ms < 0) {
        printf("%s:%d: incremental: the system sends no Date, so its clock cannot be known\n",
               trial->file->path, line_of(trial, REST_INCREMENTAL));
        trial->wrong++;
    } else {
        (void)ask(trial, &op);
    }
    rest_op_clear(&op);
}

/* What a page showed is found by its id. */
static void ask_ids(struct trial *trial)
{
    struct rest_op op;
    struct span ids[IDS_MAX];
    int most = rest_max(trial->rest, REST_READ, trial->object, NULL);
    if (!trial->id_count || most < 1)
        return;
    rest_op_init(&op);
    op.kind = REST_READ;
    op.ids = ids;
    for (; op.id_count < trial->id_count && op.id_count < most; op.id_count++)
        ids[op.id_count] = span_of(trial->ids[op.id_count]);
    if (ask(trial, &op) && op.record_count < op.id_count) {
        printf("%s:%d: read: %d of %d ids that pages showed were not found\n", trial->file->path,
               line_of(trial, REST_READ), op.id_count - op.record_count, op.id_count);
        trial->wrong++;
    }
    rest_op_clear(&op);
}

static void ask_simply(struct trial *trial, enum rest_kind kind)
{
    struct rest_op op;
    if (!rest_knows(trial->rest, kind, trial->object))
        return;
    rest_op_init(&op);
    op.kind = kind;
    (void)ask(trial, &op);
    rest_op_clear(&op);
}

static void try_object(struct trial *trial)
{
    trial->date_ms = -1;
    ask_simply(trial, REST_PROPERTIES);
    ask_simply(trial, REST_COUNT);
    ask_pages(trial, REST_LIST);
    ask_pages(trial, REST_BACKFILL);
    ask_changes(trial);
    ask_ids(trial);
    for (int i = 0; trial->records && i < trial->property_count; i++)
        if (!trial->filled[i])
            printf("empty    %s: none of the records read had a value for %s\n", trial->object,
                   trial->properties[i]);
}

/* The properties of one side of an entity. */
static void take_entity(struct trial *trial, const struct entity *entity, bool old)
{
    trial->object = old ? entity->old_object : entity->new_object;
    for (int i = 0; i < entity->field_count; i++) {
        const char *name = old ? entity->fields[i].old_name : entity->fields[i].new_name;
        if (name)
            trial->properties[trial->property_count++] = name;
    }
}

static void try_all(const struct migration *migration, const struct system_settings *system,
                    const struct connector_account *account, struct trial *trial)
{
    const struct trial fresh = *trial;
    if (account->object) {
        char *fields = strdup(account->fields ? account->fields : ""), *save = NULL;
        trial->object = account->object;
        for (char *word = fields ? strtok_r(fields, ", ", &save) : NULL;
             word && trial->property_count < ENTITY_FIELDS_MAX; word = strtok_r(NULL, ", ", &save))
            trial->properties[trial->property_count++] = word;
        try_object(trial);
        free(fields);
        return;
    }
    for (int i = 0; i < migration->entity_count; i++) {
        int wrong = trial->wrong;
        *trial = fresh;
        trial->wrong = wrong;
        take_entity(trial, &migration->entities[i], system == migration->old_system);
        try_object(trial);
    }
}

static const struct system_settings *find_system(const struct migration *migration,
                                                 const char *name)
{
    if (!name)
        return migration->old_system;
    for (int i = 0; i < migration->system_count; i++)
        if (strcmp(migration->systems[i].name, name) == 0)
            return &migration->systems[i];
    return NULL;
}

int connector_online(const struct connector_file *file, const struct connector_account *account)
{
    int code = 0;
    struct migration *migration = command_migration(account->config, &code);
    if (!migration)
        return code;
    const struct system_settings *system = find_system(migration, account->system);
    struct err err = ERR_INIT;
    struct trial trial = {.file = file};
    if (!system) {
        (void)fprintf(stderr, "tandem: %s names no system \"%s\"\n", account->config,
                      account->system);
        code = EX_USAGE;
    } else {
        struct system_settings settings = *system;
        settings.connector = file->group;
        trial.rest = rest_open(migration, &settings, &CLOCK_SYSTEM, &err);
        if (trial.rest)
            try_all(migration, system, account, &trial);
        else
            code = command_fail(&err);
        rest_close(trial.rest);
    }
    migration_close(migration);
    if (trial.wrong)
        printf("%d of these went wrong\n", trial.wrong);
    return code ? code : trial.wrong ? EX_UNAVAILABLE : 0;
}
