/*
 * tandem preview — a few records on their whole way, shown and not sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/check.h"
#include "cli/columns.h"
#include "cli/command.h"
#include "cli/preview_references.h"
#include "cli/preview_rows.h"
#include "cli/preview_twin.h"
#include "stream/control.h"
#include "stream/kafka.h"

enum { PREVIEW_MAX = 200, NAME_COLUMNS = 24, VALUE_COLUMNS = 32, KAFKA_TIMEOUT_MS = 4000 };

struct preview {
    struct migration *migration;
    const struct entity *entity;
    struct rest *old_rest, *new_rest;
    bool mask, by_external_id, prepared;
    struct rest_op page;
    const char *properties[ENTITY_FIELDS_MAX + 1];
    int field_of[ENTITY_FIELDS_MAX + 1];
    struct span keys[PREVIEW_MAX], rows[PREVIEW_MAX];
    struct record records[PREVIEW_MAX]; /* values NULL: it fails its mapping */
    struct err bad[PREVIEW_MAX];
    struct span *references[PREVIEW_MAX];
    struct arena arena;
    struct json_tape tape;
};

static int open_preview(struct preview *preview, struct err *err)
{
    struct migration *migration = preview->migration;
    struct control control = {.exists = false};
    struct property_gap gaps[2];
    preview->old_rest = rest_open(migration, migration->old_system, &CLOCK_SYSTEM, err);
    preview->new_rest =
        preview->old_rest ? rest_open(migration, migration->new_system, &CLOCK_SYSTEM, err) : NULL;
    if (!preview->new_rest)
        return -1;
    /* Before the topics exist there are no rows, and a preview is what one wants to see first. */
    struct err none = ERR_INIT;
    preview->prepared = kafka_probe(migration, KAFKA_TIMEOUT_MS, &none) == 0 &&
                        control_read(migration, &control, &none) == 0 && control.exists;
    int count = check_own_properties(preview->new_rest, preview->entity, gaps, err);
    if (count < 0)
        return -1;
    preview->by_external_id = true;
    for (int i = 0; i < count; i++) {
        printf("the property %s does not exist yet; `tandem run --go` creates it\n", gaps[i].name);
        preview->by_external_id &= !gaps[i].unique;
    }
    return 0;
}

/* The first records by id, their keys, and their rows. */
static int read_records(struct preview *preview, int limit, struct err *err)
{
    const struct entity *entity = preview->entity;
    struct rest_op *page = &preview->page;
    int64_t retry_after_ms = 0;
    page->kind = REST_BACKFILL;
    page->object = entity->old_object;
    page->properties = preview->properties;
    page->page_records = limit;
    for (int i = 0; i < entity->field_count; i++) {
        if (!entity->fields[i].old_name)
            continue;
        preview->properties[page->property_count] = entity->fields[i].old_name;
        preview->field_of[page->property_count++] = i;
    }
    if (rest_start(preview->old_rest, page, err) != 0 ||
        rest_finish(preview->old_rest, page, &retry_after_ms, err) != REST_DONE)
        return -1;
    if (page->record_count > limit)
        page->record_count = limit;
    for (int i = 0; i < page->record_count; i++)
        preview->keys[i] =
            span_of(arena_printf(&preview->arena, "%s:%.*s", preview->migration->old_system->name,
                                 (int)page->records[i].id.len, page->records[i].id.data));
    if (!preview->prepared)
        return 0;
    return preview_rows(preview->migration, entity, preview->keys, page->record_count,
                        &preview->arena, preview->rows, err);
}

static void print_source(const struct preview *preview, const struct rest_record *record)
{
    struct buf line;
    buf_init(&line, 0);
    printf("  source\n");
    for (int i = 0; i < preview->page.property_count; i++) {
        const struct field *field = &preview->entity->fields[preview->field_of[i]];
        const struct raw_value *raw = &record->values[i];
        struct span text = raw->text;
        if (preview->mask && field->pii && text.len && raw->type != JSON_NULL_)
            text = span_of("***");
        if (raw->type == JSON_NONE_)
            text = span_of("(not said)");
        buf_reset(&line);
        columns_put(&line, span_of(preview->properties[i]), NAME_COLUMNS, 0);
        buf_putc(&line, ' ');
        columns_put(&line, text, 0, 0);
        printf("    %s\n", line.data ? line.data : "");
    }
    buf_clear(&line);
}

/* One cell and the blank behind it. */
static void put_value(struct buf *line, const struct preview *preview, int field,
                      struct value value)
{
    struct buf cell;
    buf_init(&cell, 0);
    if (value.kind == VALUE_MISSING)
        buf_putc(&cell, '-');
    else if (preview->mask && value.kind == VALUE_SET && preview->entity->fields[field].pii)
        buf_puts(&cell, "***");
    else
        buf_printf(&cell, "\"%.*s\"", (int)value.text.len, value.text.data ? value.text.data : "");
    columns_put(line, buf_span(&cell), VALUE_COLUMNS, VALUE_COLUMNS);
    buf_putc(line, ' ');
    buf_clear(&cell);
}

static void print_fields(const struct preview *preview, const struct record *record,
                         const struct preview_twin *twin, const enum merge_verdict *verdicts)
{
    struct buf line;
    buf_init(&line, 0);
    printf("  canonical, twin, and what would be done\n");
    for (int i = 0; i < preview->entity->field_count; i++) {
        struct value new_now =
            twin->found ? twin->values[i] : (struct value){VALUE_MISSING, SPAN_NONE};
        buf_reset(&line);
        columns_put(&line, span_of(preview->entity->fields[i].name), NAME_COLUMNS, 0);
        buf_putc(&line, ' ');
        put_value(&line, preview, i, record->values[i]);
        put_value(&line, preview, i, new_now);
        printf("    %s%s\n", line.data ? line.data : "", merge_verdict_name(verdicts[i]));
    }
    buf_clear(&line);
}

static int print_request(struct preview *preview, const struct record *record,
                         struct span source_id, const struct preview_twin *twin,
                         const enum merge_verdict *verdicts, struct err *err)
{
    struct buf text;
    buf_init(&text, 0);
    int failed = preview_request(preview->new_rest, preview->entity, record, source_id, twin,
                                 verdicts, preview->mask, &preview->arena, &text, err);
    if (!failed)
        printf("  request\n    %s\n", text.len ? text.data : "none: there is nothing to write");
    buf_clear(&text);
    return failed;
}

/* What apply would make of this record. */
static int print_plan(struct preview *preview, const struct record *record, int64_t modified_ms,
                      struct span source_id, struct span row_text, struct err *err)
{
    const struct entity *entity = preview->entity;
    struct row row;
    struct preview_twin twin;
    enum merge_verdict verdicts[ENTITY_FIELDS_MAX];
    if (row_text.data && row_decode(entity, row_text, &preview->tape, &preview->arena, &row, err))
        return -1;
    const struct row *known = row_text.data ? &row : NULL;
    if (preview_find_twin(preview->new_rest, entity, record, source_id, known,
                          preview->by_external_id, &preview->arena, &twin, err) != 0)
        return -1;
    if (twin.candidates > 1) {
        printf("  twin: %d candidates by %s: a question, nothing would be written\n",
               twin.candidates, twin.how);
        return 0;
    }
    if (twin.found)
        printf("  twin %.*s, found by %s\n", (int)twin.id.len, twin.id.data, twin.how);
    else
        printf("  twin: none yet, it would be created\n");
    if (known)
        printf("  row: %s\n", state_status_name(known->status));
    (void)preview_merge(entity, record, modified_ms, known, &twin, verdicts);
    print_fields(preview, record, &twin, verdicts);
    if (twin.found && twin.external_id.len && !span_equal(twin.external_id, source_id)) {
        printf("  the twin carries another record's id: a question, nothing would be written\n");
        return 0;
    }
    return print_request(preview, record, source_id, &twin, verdicts, err);
}

static int print_record(struct preview *preview, int at, struct err *err)
{
    const struct rest_record *read = &preview->page.records[at];
    struct record *record = &preview->records[at];
    printf("%.*s\n", (int)preview->keys[at].len, preview->keys[at].data);
    print_source(preview, read);
    if (!record->values) {
        printf("  would become a dead letter: %s\n\n", preview->bad[at].text);
        return 0;
    }
    preview_references_print(preview->entity, record, preview->references[at]);
    preview_references_put(preview->entity, record, preview->references[at]);
    int failed = print_plan(preview, record, read->modified_ms, read->id, preview->rows[at], err);
    printf("\n");
    return failed;
}

/* Through the mapping, with what they refer to. */
static int map_records(struct preview *preview, struct err *err)
{
    const struct entity *entity = preview->entity;
    const struct preview_systems systems = {preview->migration, preview->old_rest,
                                            preview->new_rest, preview->prepared};
    for (int at = 0; at < preview->page.record_count; at++) {
        struct raw_value *raw =
            arena_new(&preview->arena, struct raw_value, (size_t)entity->field_count + 1);
        for (int i = 0; i < preview->page.property_count; i++)
            raw[preview->field_of[i]] = preview->page.records[at].values[i];
        if (mapping_read(entity, SIDE_OLD, raw, &preview->arena, &preview->records[at], NULL,
                         &preview->bad[at]) != 0)
            preview->records[at].values = NULL;
    }
    return preview_references_read(&systems, entity, preview->records, preview->page.record_count,
                                   &preview->arena, preview->references, err);
}

static int print_all(struct preview *preview, int limit, struct err *err)
{
    if (open_preview(preview, err) != 0 || read_records(preview, limit, err) != 0 ||
        map_records(preview, err) != 0)
        return -1;
    if (preview->page.record_count == 0)
        printf("%s has no %s\n", preview->migration->old_system->name, preview->entity->old_object);
    for (int i = 0; i < preview->page.record_count; i++) {
        if (print_record(preview, i, err) != 0)
            return err_wrap(err, "%.*s", (int)preview->keys[i].len, preview->keys[i].data);
    }
    return 0;
}

static int preview_entity(struct migration *migration, const char *name, int limit, bool mask)
{
    struct err err = ERR_INIT;
    struct preview preview = {.migration = migration, .mask = mask};
    preview.entity = migration_entity(migration, name);
    if (!preview.entity) {
        (void)fprintf(stderr, "tandem: the migration has no entity \"%s\"; it has:", name);
        for (int i = 0; i < migration->entity_count; i++)
            (void)fprintf(stderr, " %s", migration->entities[i].name);
        (void)fputs("\n", stderr);
        return EX_USAGE;
    }
    arena_init(&preview.arena);
    json_tape_init(&preview.tape);
    rest_op_init(&preview.page);
    int failed = print_all(&preview, limit, &err);
    rest_op_clear(&preview.page);
    rest_close(preview.old_rest);
    rest_close(preview.new_rest);
    json_tape_clear(&preview.tape);
    arena_clear(&preview.arena);
    return failed ? command_fail(&err) : 0;
}

static int run_preview(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default();
    int64_t limit = 3;
    bool unmask = false;
    const struct flag flags[] = {
        FLAG_CONFIG(&path),
        {"limit", FLAG_INT, &limit, 1, PREVIEW_MAX, "N", "how many records (3)"},
        {"unmask", FLAG_BOOL, &unmask, 0, 0, NULL, "show the values of pii fields"},
        {0}};
    int exit_code = 0;
    int first = command_parse(self, flags, argc, argv, &exit_code);
    if (first < 0)
        return exit_code;
    if (first + 1 != argc) {
        (void)fputs("tandem: preview wants an entity, such as contact\n", stderr);
        return EX_USAGE;
    }
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    exit_code = preview_entity(migration, argv[first], (int)limit, !unmask);
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_PREVIEW = {
    "preview", "<entity>", "show a few records on their whole way; writes nothing",
    "For the first records by id: what the old system says, the canonical record, the twin in the\n"
    "new system and how it was found (row, external id, unique match field), what would be done\n"
    "with each field, and the exact request. It reads both systems and the state topic; it sends\n"
    "nothing that writes. References are shown by the record of the new system that they lead to,\n"
    "or with what they wait for. Twins that only a field without uniqueness would find are not "
    "looked "
    "for.\n"
    "Values of pii fields are shown as *** unless --unmask is said.\n\n"
    "  tandem preview contact --config acme.cfg --limit 5",
    run_preview};
