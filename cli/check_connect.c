/*
 * tandem check --connect — tries everything a run needs, and for each thing
 * that is missing names the command or the person that mends it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/check.h"
#include "remote/redis.h"
#include "remote/rest.h"

enum { REDIS_TIMEOUT_MS = 3000 };

void check_ok(const char *what, const char *words)
{
    printf("ok       %s: %s\n", what, words);
}

int check_missing(const char *what, const char *words)
{
    printf("missing  %s: %s\n", what, words);
    return 1;
}

static int check_redis(const struct migration *migration)
{
    struct err err = ERR_INIT;
    bool changed = false;
    struct redis *redis = redis_open(&migration->redis, REDIS_TIMEOUT_MS, &err);
    int failed = !redis || redis_ensure(redis, &changed, &err) != 0;
    if (failed)
        check_missing("Redis", err.text);
    else
        check_ok("Redis", migration->redis.address);
    redis_close(redis);
    return failed;
}

/* The record of a REST_PROPERTIES answer with this name, or NULL. */
static const struct rest_record *find_property(const struct rest_op *op, const char *name)
{
    for (int i = 0; i < op->record_count; i++) {
        if (span_is(op->records[i].id, name))
            return &op->records[i];
    }
    return NULL;
}

static bool is_unique(const struct rest_record *property)
{
    return span_is(property->values[0].text, "true");
}

static bool is_read_only(const struct rest_record *property)
{
    return span_is(property->values[1].text, "true");
}

/* All properties of an object; the caller clears op. */
static int read_properties(struct rest *rest, const char *object, struct rest_op *op,
                           struct err *err)
{
    int64_t retry_after_ms = 0;
    rest_op_init(op);
    op->kind = REST_PROPERTIES;
    op->object = object;
    if (rest_start(rest, op, err) != 0 || rest_finish(rest, op, &retry_after_ms, err) != REST_DONE)
        return err_wrap(err, "the properties of %s", object);
    return 0;
}

static int check_mapping(const struct rest_op *op, const struct entity *entity,
                         enum value_side side, const char *system)
{
    int missing = 0;
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[i];
        const char *name = side == SIDE_OLD ? field->old_name : field->new_name;
        const struct rest_record *found = name ? find_property(op, name) : NULL;
        bool written = side == SIDE_NEW && (field->old_name || field->jq);
        if (!name || (found && !(written && is_read_only(found))))
            continue;
        char what[256], words[256];
        (void)snprintf(what, sizeof(what), "%s property %s", system, name);
        if (found) {
            (void)snprintf(words, sizeof(words),
                           "field %s of %s would be written to it, and the system says that nobody "
                           "can; map it to another property",
                           field->name, entity->name);
            missing += check_missing(what, words);
            continue;
        }
        (void)snprintf(words, sizeof(words),
                       "field %s of %s is mapped to it; create it there, give this user the right "
                       "to see it, or mend the mapping",
                       field->name, entity->name);
        missing += check_missing(what, words);
    }
    return missing;
}

/* Which of the two of Tandem's own properties the answer lacks. */
static int find_gaps(const struct rest_op *op, const struct entity *entity,
                     struct property_gap *gaps, struct err *err)
{
    int count = 0;
    const struct rest_record *external_id = find_property(op, entity->external_id);
    if (!external_id)
        gaps[count++] = (struct property_gap){entity, entity->external_id, true};
    else if (!is_unique(external_id))
        return err_set(err, ERR_FATAL,
                       "property %s of %s is there but not unique: two records could carry one "
                       "source id; remove it, or name another external_id",
                       entity->external_id, entity->new_object);
    const struct rest_record *marker = find_property(op, entity->marker);
    if (!marker)
        gaps[count++] = (struct property_gap){entity, entity->marker, false};
    const char *fixed = external_id && is_read_only(external_id) ? entity->external_id
                        : marker && is_read_only(marker)         ? entity->marker
                                                                 : NULL;
    if (fixed)
        return err_set(err, ERR_FATAL,
                       "property %s of %s is there but read-only: Tandem could not write its own "
                       "ids; name another one in entities",
                       fixed, entity->new_object);
    return count;
}

int check_own_properties(struct rest *rest, const struct entity *entity, struct property_gap *gaps,
                         struct err *err)
{
    struct rest_op op;
    int count = read_properties(rest, entity->new_object, &op, err);
    if (count == 0)
        count = find_gaps(&op, entity, gaps, err);
    rest_op_clear(&op);
    return count;
}

/* One record with every property of the mapping: the description alone does not say that this user may read. */
static int read_one(struct rest *rest, const struct entity *entity, struct err *err)
{
    const char *properties[ENTITY_FIELDS_MAX];
    struct rest_op op;
    int64_t retry_after_ms = 0;
    rest_op_init(&op);
    op.kind = REST_BACKFILL;
    op.object = entity->old_object;
    op.properties = properties;
    op.page_records = 1;
    for (int i = 0; i < entity->field_count; i++)
        if (entity->fields[i].old_name)
            properties[op.property_count++] = entity->fields[i].old_name;
    int failed = rest_start(rest, &op, err) != 0 ||
                 rest_finish(rest, &op, &retry_after_ms, err) != REST_DONE;
    rest_op_clear(&op);
    return failed ? err_wrap(err, "reading one %s", entity->old_object) : 0;
}

/* A system that does not describe its objects shows one record, and nothing is known of what it lacks. */
static int check_undescribed(struct rest *rest, const struct system_settings *system,
                             const struct entity *entity)
{
    struct err err = ERR_INIT;
    char what[256];
    if (read_one(rest, entity, &err) != 0)
        return check_missing(system->name, err.text);
    (void)snprintf(what, sizeof(what), "%s %s", system->name, entity->old_object);
    check_ok(what, "one record was read; it does not describe its properties, so a name that is "
                   "wrong in the mapping shows as blank: see `tandem preview`");
    return 0;
}

static int check_entity(struct rest *rest, const struct system_settings *system, bool is_new,
                        const struct entity *entity)
{
    struct err err = ERR_INIT;
    struct rest_op op;
    const char *object = is_new ? entity->new_object : entity->old_object;
    int missing = 0;
    if (!is_new && rest_max(rest, REST_PROPERTIES, object, NULL) == 0)
        return check_undescribed(rest, system, entity);
    if (read_properties(rest, object, &op, &err) != 0) {
        missing = check_missing(system->name, err.text);
    } else {
        missing = check_mapping(&op, entity, is_new ? SIDE_NEW : SIDE_OLD, system->name);
        struct property_gap gaps[2] = {0};
        int count = is_new ? find_gaps(&op, entity, gaps, &err) : 0;
        if (count < 0)
            missing += check_missing(system->name, err.text);
        for (int i = 0; i < count; i++) {
            char what[256];
            (void)snprintf(what, sizeof(what), "%s property %s", system->name, gaps[i].name);
            missing +=
                check_missing(what, gaps[i].unique ? "the external id; `tandem run --go` creates it"
                                                   : "the marker; `tandem run --go` creates it");
        }
    }
    if (!missing && !is_new && read_one(rest, entity, &err) != 0)
        missing = check_missing(system->name, err.text);
    if (!missing) {
        char what[256];
        (void)snprintf(what, sizeof(what), "%s %s", system->name, object);
        check_ok(what, is_new ? "has every property of the mapping, and they can be written"
                              : "has every property of the mapping, and one record was read");
    }
    rest_op_clear(&op);
    return missing;
}

static int check_system(const struct migration *migration, const struct system_settings *system)
{
    struct err err = ERR_INIT;
    struct rest *rest = rest_open(migration, system, &CLOCK_SYSTEM, &err);
    if (!rest || rest_probe(rest, &err) != 0) {
        rest_close(rest);
        return check_missing(system->name, err.text);
    }
    char words[300];
    (void)snprintf(words, sizeof(words), "%s answers, tier %s", system->url,
                   rest_traits(rest)->tier == REST_TIER_T1 ? "T1" : "T3");
    check_ok(system->name, words);
    int missing = 0;
    for (int i = 0; i < migration->entity_count; i++) {
        if (system == migration->old_system)
            missing += check_entity(rest, system, false, &migration->entities[i]);
        if (system == migration->new_system)
            missing += check_entity(rest, system, true, &migration->entities[i]) +
                       check_links(rest, migration, &migration->entities[i]);
    }
    rest_close(rest);
    return missing;
}

int check_connect(const struct migration *migration)
{
    int missing = check_kafka(migration) + check_redis(migration) + check_receivers(migration);
    for (int i = 0; i < migration->system_count; i++)
        missing += check_system(migration, &migration->systems[i]);
    return missing;
}
