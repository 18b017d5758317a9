/*
 * review_print — open questions for people, and as JSON.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/columns.h"
#include "cli/review.h"

enum { KEY_COLUMNS = 30, FIELD_COLUMNS = 16, CLASS_COLUMNS = 14, VALUE_COLUMNS = 24 };

/* What a class of question means, as a sentence, and what ends it. */
static const char *const MEANINGS[] = {
    [HELD_CONFLICT] = "both systems changed it, to different values; nothing was overwritten",
    [HELD_FIRST_MEETING] =
        "both systems said something different when they first met; nothing was overwritten",
    [HELD_UNCONFIRMED] = "what was written was never seen there, and something else stands there",
    [HELD_IDENTITY] = "the record found in the new system belongs to another one",
    [HELD_AMBIGUOUS] = "two records of the new system could be its twin",
    [HELD_TWIN_GONE] = "it lives in the old system, and its twin in the new one is gone",
    [HELD_DELETED] = "deleted in the old system: what becomes of its twin is for a person to say",
    [HELD_DUPLICATE_TWIN] = "merged in the old system into a record that has a twin of its own",
    [HELD_REJECTED] = "the new system refused the record; it lies in the dead-letter topic",
    [HELD_REFERENCE] = "what it refers to is not in the new system; written as soon as it is",
};
_Static_assert(sizeof(MEANINGS) / sizeof(MEANINGS[0]) == HELD_CLASS_COUNT, "a meaning per class");

static bool is_pii(struct migration *migration, struct span entity_name, struct span field_name)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "%.*s", (int)entity_name.len, entity_name.data);
    const struct entity *entity = migration_entity(migration, name);
    int field = entity && field_name.len ? entity_field(entity, field_name) : -1;
    /* Of a field that the mapping has no longer nobody knows. */
    return !entity || (field_name.len && field < 0) || (field >= 0 && entity->fields[field].pii);
}

static void put_value(struct buf *out, const struct review_value *value, bool mask)
{
    if (value->kind == VALUE_MISSING)
        buf_puts(out, "?");
    else if (value->kind == VALUE_BLANK)
        buf_puts(out, "(blank)");
    else if (mask)
        buf_puts(out, "***");
    else if (value->bytes)
        buf_printf(out, "(a text of %lld bytes)", (long long)value->bytes);
    else
        buf_printf(out, "\"%.*s\"", (int)value->text.len, value->text.data);
}

static void put_cell(struct buf *line, const struct review_value *value, bool mask)
{
    struct buf cell;
    buf_init(&cell, 0);
    put_value(&cell, value, mask);
    columns_put(line, buf_span(&cell), VALUE_COLUMNS, VALUE_COLUMNS);
    buf_clear(&cell);
}

static void put_span(struct buf *line, struct span text, int columns)
{
    columns_put(line, text, columns, 0);
    buf_putc(line, ' ');
}

static void put_time(struct buf *line, int64_t ms)
{
    char text[TIMESTAMP_BYTES];
    if (ms == 0) {
        buf_puts(line, "an unknown time");
        return;
    }
    timestamp_format(ms, text);
    buf_puts(line, text);
}

void review_print_line(struct migration *migration, const struct review *review,
                       const struct review_question *question, bool unmask)
{
    bool mask = !unmask && is_pii(migration, review->entity, question->field);
    struct buf line;
    buf_init(&line, 0);
    buf_printf(&line, "%.*s/", (int)review->entity.len, review->entity.data);
    buf_put_span(&line, review->key);
    for (int used = columns_of(buf_span(&line)); used <= KEY_COLUMNS; used++)
        buf_putc(&line, ' ');
    put_span(&line, question->field.len ? question->field : span_of("-"), FIELD_COLUMNS);
    put_span(&line, span_of(held_class_name(question->class_)), CLASS_COLUMNS);
    if (question->field.len) {
        put_cell(&line, &question->old_now, mask);
        buf_puts(&line, " ");
        put_cell(&line, &question->new_now, mask);
    } else {
        columns_put(&line, question->detail, 2 * VALUE_COLUMNS + 1, 2 * VALUE_COLUMNS + 1);
    }
    buf_puts(&line, " since ");
    put_time(&line, question->since_ms ? question->since_ms : review->ts_ms);
    puts(line.data ? line.data : "");
    buf_clear(&line);
}

/* What the declared truth made of it. */
static void print_rule(const struct migration *migration, const struct review_question *question)
{
    if (question->class_ != HELD_CONFLICT && question->class_ != HELD_FIRST_MEETING)
        return;
    if (!question->rule.len)
        printf("   rule    none is declared for it: a person decides\n");
    else if (span_is(question->rule, "review"))
        printf("   rule    review: a person decides\n");
    else if (span_is(question->rule, "newest"))
        printf("   rule    newest: it could not tell which change is the later one, so a person "
               "decides\n");
    else
        printf("   rule    %.*s: the value of %s counts when the record is next looked at\n",
               (int)question->rule.len, question->rule.data,
               span_is(question->rule, "old") ? migration->old_system->name
                                              : migration->new_system->name);
}

static void print_values(const struct migration *migration, const struct review_question *question,
                         bool mask)
{
    struct buf line;
    buf_init(&line, 0);
    if (question->has_base) {
        buf_puts(&line, "   agreed  ");
        put_value(&line, &question->base_old, mask);
        buf_printf(&line, " in %s, ", migration->old_system->name);
        put_value(&line, &question->base_new, mask);
        buf_printf(&line, " in %s%s\n", migration->new_system->name,
                   question->unconfirmed ? " (sent, never seen there)" : "");
    }
    buf_printf(&line, "   %s says ", migration->old_system->name);
    put_value(&line, &question->old_now, mask);
    buf_printf(&line, "\n   %s says ", migration->new_system->name);
    put_value(&line, &question->new_now, mask);
    if (question->who.len)
        buf_printf(&line, ", by %.*s", (int)question->who.len, question->who.data);
    puts(line.data ? line.data : "");
    buf_clear(&line);
}

static void print_question(struct migration *migration, const struct review *review, int number,
                           bool unmask)
{
    const struct review_question *question = &review->questions[number];
    bool mask = !unmask && is_pii(migration, review->entity, question->field);
    struct buf since;
    printf("\n%d. %.*s%s%s: %s\n", number + 1,
           (int)(question->field.len ? question->field.len : strlen("the record")),
           question->field.len ? question->field.data : "the record", ", ",
           held_class_name(question->class_), MEANINGS[question->class_]);
    if (question->field.len)
        print_values(migration, question, mask);
    if (question->detail.len)
        printf("   about   %.*s\n", (int)question->detail.len, question->detail.data);
    print_rule(migration, question);
    buf_init(&since, 0);
    put_time(&since, question->since_ms ? question->since_ms : review->ts_ms);
    printf("   since   %s\n", since.data ? since.data : "");
    buf_clear(&since);
}

void review_print_whole(struct migration *migration, const struct review *review, bool unmask)
{
    struct buf line;
    buf_init(&line, 0);
    buf_printf(&line, "%.*s %.*s", (int)review->entity.len, review->entity.data,
               (int)review->key.len, review->key.data);
    if (review->twin.len)
        buf_printf(&line, ", in %s %.*s", migration->new_system->name, (int)review->twin.len,
                   review->twin.data);
    if (review->deleted)
        buf_printf(&line, ", deleted in %s", migration->old_system->name);
    if (review->modified_ms) {
        buf_printf(&line, ", changed in %s at ", migration->old_system->name);
        put_time(&line, review->modified_ms);
    }
    puts(line.data ? line.data : "");
    buf_clear(&line);
    for (int i = 0; i < review->question_count; i++)
        print_question(migration, review, i, unmask);
    printf("\nall other fields of this record go on; `tandem explain %.*s` tells the whole story\n",
           (int)review->key.len, review->key.data);
}

static void mask_member(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    if (json_is_object(value)) { /* a base: its sides */
        mask_member(value, "old");
        mask_member(value, "new");
    } else if (value && !json_is_null(value)) {
        (void)json_object_set_new(object, name, json_string("***"));
    }
}

int review_print_json(struct migration *migration, const struct review *review, struct span text,
                      bool unmask, struct err *err)
{
    json_t *root = json_loadb(text.data, text.len, 0, NULL), *held;
    size_t i;
    if (!root)
        return err_set(err, ERR_REJECT, "a review message that is no JSON");
    json_array_foreach(json_object_get(root, "held"), i, held)
    {
        const char *field = json_string_value(json_object_get(held, "field"));
        if (unmask || !field || !is_pii(migration, review->entity, span_of(field)))
            continue;
        mask_member(held, "old");
        mask_member(held, "new");
        mask_member(held, "base");
    }
    (void)json_dumpf(root, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(root);
    return 0;
}
