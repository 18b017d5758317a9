/*
 * check_links — what an entity of the new system leads to: pipelines and stages that value tables name, owners that are looked up,
 * associations that are written. Reads only.
 */
#include <stdio.h>
#include <string.h>

#include "cli/check.h"
#include "remote/rest.h"

enum { WHAT_BYTES = 256, WORDS_BYTES = 512 };

struct links {
    struct rest *rest;
    const char *system;
    const struct entity *entity;
    int missing;
};

static void missing(struct links *links, const char *what, const char *words)
{
    char text[WHAT_BYTES];
    (void)snprintf(text, sizeof(text), "%s %s", links->system, what);
    links->missing += check_missing(text, words);
}

static int ask(struct links *links, struct rest_op *op, struct err *err)
{
    int64_t retry_after_ms = 0;
    return rest_start(links->rest, op, err) != 0 ||
                   rest_finish(links->rest, op, &retry_after_ms, err) != REST_DONE
               ? -1
               : 0;
}

/* ---- pipelines and stages ---- */

static const struct field *field_of_role(const struct entity *entity, enum field_role role)
{
    for (int f = 0; f < entity->field_count; f++)
        if (entity->fields[f].role == role && entity->fields[f].new_name)
            return &entity->fields[f];
    return NULL;
}

static bool is_choice(const struct field *field, struct span id)
{
    for (int c = 0; c < field->rules.choice_count; c++)
        if (field->rules.choices[c].new_name && span_is(id, field->rules.choices[c].new_name))
            return true;
    return false;
}

/* Could a value of this field's table be this record? pipeline: the entity's own field of that role, NULL: any. */
static bool counts(const struct field *field, const struct field *pipeline,
                   const struct rest_record *record)
{
    if (field->role == FIELD_PIPELINE)
        return record->lookup.len == 0;
    return record->lookup.len > 0 && (!pipeline || is_choice(pipeline, record->lookup));
}

static void say_what_there_is(const struct field *field, const struct field *pipeline,
                              const struct rest_op *op, char *words, size_t size)
{
    for (int r = 0; r < op->record_count; r++) {
        size_t used = strlen(words);
        const struct rest_record *record = &op->records[r];
        if (counts(field, pipeline, record) && used < size)
            (void)snprintf(words + used, size - used, " %.*s (%.*s)", (int)record->id.len,
                           record->id.data, (int)record->values[0].text.len,
                           record->values[0].text.data ? record->values[0].text.data : "");
    }
}

static void check_choices(struct links *links, const struct field *field,
                          const struct field *pipeline, const struct rest_op *op)
{
    const char *kind = field->role == FIELD_PIPELINE ? "pipeline" : "stage";
    for (int c = 0; c < field->rules.choice_count; c++) {
        const struct value_choice *choice = &field->rules.choices[c];
        char what[WHAT_BYTES], words[WORDS_BYTES];
        bool found = !choice->new_name;
        for (int r = 0; r < op->record_count && !found; r++)
            found = counts(field, pipeline, &op->records[r]) &&
                    span_is(op->records[r].id, choice->new_name);
        if (found)
            continue;
        (void)snprintf(what, sizeof(what), "%s %s of %s", kind, choice->new_name,
                       links->entity->new_object);
        (void)snprintf(words, sizeof(words),
                       "the table of field %s of %s has it, the system has not; there are:",
                       field->name, links->entity->name);
        say_what_there_is(field, pipeline, op, words, sizeof(words));
        missing(links, what, words);
    }
}

static void check_pipelines(struct links *links)
{
    const struct field *pipeline = field_of_role(links->entity, FIELD_PIPELINE);
    const struct field *stage = field_of_role(links->entity, FIELD_STAGE);
    struct err err = ERR_INIT;
    struct rest_op op;
    if (!pipeline && !stage)
        return;
    rest_op_init(&op);
    op.kind = REST_PIPELINES;
    op.object = links->entity->new_object;
    if (ask(links, &op, &err) != 0) {
        missing(links, "pipelines", err.text);
    } else {
        if (pipeline)
            check_choices(links, pipeline, NULL, &op);
        if (stage)
            check_choices(links, stage, pipeline, &op);
    }
    rest_op_clear(&op);
}

/* ---- references ---- */

/* Whom apply looks up by e-mail: the connector's `people`. */
static void check_people(struct links *links, const struct field *field)
{
    const char *object = rest_traits(links->rest)->people_object;
    char words[WORDS_BYTES];
    struct err err = ERR_INIT;
    struct rest_op op;
    if (!object) {
        (void)snprintf(
            words, sizeof(words),
            "field %s of %s looks them up by e-mail; write people = { object; email; } in "
            "the connector",
            field->name, links->entity->name);
        missing(links, "people", words);
        return;
    }
    rest_op_init(&op);
    op.kind = REST_LIST;
    op.object = object;
    op.page_records = 1;
    if (ask(links, &op, &err) != 0) {
        (void)snprintf(words, sizeof(words),
                       "field %s of %s looks them up by e-mail; give this user the right to read "
                       "them: %.200s",
                       field->name, links->entity->name, err.text);
        missing(links, object, words);
    }
    rest_op_clear(&op);
}

/* Is the type that the mapping names one of those that the system has between the two? What it cannot tell is not asked. */
static void check_type(struct links *links, const struct field *field, const struct entity *to,
                       const char *what)
{
    static const char *const PROPERTIES[] = {"category", "label"};
    const struct value_reference *reference = field->rules.reference;
    char words[WORDS_BYTES], number[32];
    struct err err = ERR_INIT;
    struct rest_op op;
    bool found = false;
    if (rest_max(links->rest, REST_LINK_TYPES, links->entity->new_object, NULL) == 0)
        return;
    rest_op_init(&op);
    op.kind = REST_LINK_TYPES;
    op.object = links->entity->new_object;
    op.to_object = to->new_object;
    op.properties = (const char **)PROPERTIES;
    op.property_count = 2;
    (void)snprintf(number, sizeof(number), "%lld", (long long)reference->association_type);
    if (ask(links, &op, &err) != 0) {
        missing(links, what, err.text);
        rest_op_clear(&op);
        return;
    }
    (void)snprintf(words, sizeof(words),
                   "field %s of %s is of type %s:%s, which the system does not have; there are:",
                   field->name, links->entity->name, reference->association_category, number);
    for (int r = 0; r < op.record_count; r++) {
        const struct rest_record *record = &op.records[r];
        struct span category = record->values[0].text, label = record->values[1].text;
        size_t used = strlen(words);
        found = found ||
                (span_is(record->id, number) && span_is(category, reference->association_category));
        if (used < sizeof(words))
            (void)snprintf(words + used, sizeof(words) - used, " %.*s:%.*s (%.*s)",
                           (int)category.len, category.data ? category.data : "",
                           (int)record->id.len, record->id.data, (int)label.len,
                           label.data ? label.data : "");
    }
    if (!found)
        missing(links, what, words);
    rest_op_clear(&op);
}

/* Nothing has the id 0: an answer, even "not found", shows that associations can be read. */
static void check_association(struct links *links, const struct migration *migration,
                              const struct field *field)
{
    const struct entity *to =
        migration_entity((struct migration *)migration, field->rules.reference->to);
    const struct span nobody = span_of("0");
    char what[WHAT_BYTES], words[WORDS_BYTES];
    struct err err = ERR_INIT;
    struct rest_op op;
    if (!to)
        return; /* told by migration_open */
    (void)snprintf(what, sizeof(what), "associations %s to %s", links->entity->new_object,
                   to->new_object);
    if (rest_max(links->rest, REST_LINK, links->entity->new_object, NULL) == 0 ||
        rest_max(links->rest, REST_UNLINK, links->entity->new_object, NULL) == 0 ||
        rest_max(links->rest, REST_LINKS, links->entity->new_object, NULL) == 0) {
        (void)snprintf(words, sizeof(words),
                       "field %s of %s is one, and the connector has not all of link, unlink and "
                       "links; map it to a property, or complete the connector",
                       field->name, links->entity->name);
        missing(links, what, words);
        return;
    }
    rest_op_init(&op);
    op.kind = REST_LINKS;
    op.object = links->entity->new_object;
    op.to_object = to->new_object;
    op.ids = &nobody;
    op.id_count = 1;
    if (ask(links, &op, &err) != 0)
        missing(links, what, err.text);
    else
        check_type(links, field, to, what);
    rest_op_clear(&op);
}

int check_links(struct rest *rest, const struct migration *migration, const struct entity *entity)
{
    struct links links = {.rest = rest, .system = migration->new_system->name, .entity = entity};
    check_pipelines(&links);
    for (int f = 0; f < entity->field_count; f++) {
        const struct field *field = &entity->fields[f];
        const struct value_reference *reference = field->rules.reference;
        if (!reference)
            continue;
        if (reference->by_email)
            check_people(&links, field);
        else if (reference->association_type)
            check_association(&links, migration, field);
    }
    if (!links.missing &&
        (field_of_role(entity, FIELD_STAGE) || field_of_role(entity, FIELD_PIPELINE))) {
        char what[WHAT_BYTES];
        (void)snprintf(what, sizeof(what), "%s pipelines of %s", links.system, entity->new_object);
        check_ok(what, "every pipeline and stage of the value tables is there");
    }
    return links.missing;
}
