/*
 * owners — user → e-mail → owner, remembered for a while.
 */
#include "consumers/verify/owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "remote/rest.h"

enum { KNOWN_MAX = 8192, FOUND_MS = 30000, MISSED_MS = 1000, WAIT_MAX_MS = 15 * 60 * 1000 };

struct known {
    struct span id;   /* empty: there is none */
    int64_t until_ms; /* monotonic */
};

struct owners {
    struct rest *systems[2];
    struct arena arena, scratch;
    struct map by_who;
    int count; /* put since the map was last emptied */
    struct rest_op op;
};

bool owners_needed(const struct migration *migration)
{
    for (int e = 0; e < migration->entity_count; e++) {
        const struct entity *entity = &migration->entities[e];
        for (int i = 0; i < entity->field_count; i++) {
            const struct value_reference *reference = entity->fields[i].rules.reference;
            if (reference && reference->by_email)
                return true;
        }
    }
    return false;
}

static void forget(struct owners *owners)
{
    arena_reset(&owners->arena);
    map_init(&owners->by_who, KNOWN_MAX, &owners->arena);
    owners->count = 0;
}

struct owners *owners_open(const struct migration *migration, struct err *err)
{
    const struct system_settings *settings[2] = {migration->old_system, migration->new_system};
    struct owners *owners = calloc(1, sizeof(*owners));
    if (!owners) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    arena_init(&owners->arena);
    arena_init(&owners->scratch);
    rest_op_init(&owners->op);
    forget(owners);
    for (int i = 0; i < 2; i++) {
        owners->systems[i] = rest_open(migration, settings[i], &CLOCK_SYSTEM, err);
        if (owners->systems[i] && rest_traits(owners->systems[i])->people_email)
            continue;
        if (owners->systems[i])
            err_exit(err, EX_CONFIG, "a reference by e-mail needs people in the connector of %s",
                     settings[i]->name);
        owners_close(owners);
        return NULL;
    }
    return owners;
}

void owners_close(struct owners *owners)
{
    if (!owners)
        return;
    rest_op_clear(&owners->op);
    for (int i = 0; i < 2; i++)
        rest_close(owners->systems[i]);
    arena_clear(&owners->arena);
    arena_clear(&owners->scratch);
    free(owners);
}

static int ask(struct rest *rest, struct rest_op *op, struct err *err)
{
    for (int64_t waited_ms = 0;;) {
        int64_t retry_after_ms = 1;
        struct err why = ERR_INIT;
        if (rest_start(rest, op, &why) == 0 &&
            rest_finish(rest, op, &retry_after_ms, &why) == REST_DONE)
            return 0;
        if (why.kind != ERR_RETRY || waited_ms + retry_after_ms > WAIT_MAX_MS) {
            *err = why;
            return err_wrap(err, "looking for a person");
        }
        struct timespec left = {retry_after_ms / 1000, (long)(retry_after_ms % 1000) * 1000000};
        while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        }
        waited_ms += retry_after_ms;
    }
}

/* One person of one system, by the id or (by_email) by the address. */
static int read_person(struct owners *owners, enum value_side side, bool by_email, struct span id,
                       struct err *err)
{
    struct rest_op *op = &owners->op;
    const struct rest_traits *traits = rest_traits(owners->systems[side]);
    const char *const properties[] = {traits->people_email};
    rest_op_reset(op);
    op->kind = REST_READ;
    op->object = traits->people_object;
    op->properties = properties;
    op->property_count = by_email ? 0 : 1; /* found by it is enough */
    op->id_property = by_email ? traits->people_email : NULL;
    op->ids = &id;
    op->id_count = 1;
    return ask(owners->systems[side], op, err);
}

static struct span email_of(struct owners *owners)
{
    static const struct value_rules RULES = {.type = VALUE_EMAIL};
    struct value value = {VALUE_MISSING, SPAN_NONE};
    struct err ignored = ERR_INIT;
    if (!owners->op.record_count)
        return SPAN_NONE;
    const struct raw_value *raw = &owners->op.records[0].values[0];
    if (value_parse(&RULES, SIDE_OLD, raw->type, raw->text, &owners->scratch, &value, &ignored) !=
            0 ||
        value.kind != VALUE_SET)
        return SPAN_NONE;
    return arena_copy(&owners->scratch, value.text);
}

static int find(struct owners *owners, struct span who, struct span *ret_id, struct err *err)
{
    struct span email = who;
    arena_reset(&owners->scratch);
    if (!memchr(who.data, '@', who.len)) {
        const char *colon = memchr(who.data, ':', who.len);
        struct span id =
            colon ? (struct span){colon + 1, who.len - (size_t)(colon + 1 - who.data)} : who;
        if (read_person(owners, SIDE_OLD, false, id, err) != 0)
            return -1;
        email = email_of(owners);
    }
    *ret_id = SPAN_NONE;
    if (!email.len)
        return 0;
    if (read_person(owners, SIDE_NEW, true, email, err) != 0)
        return -1;
    if (owners->op.record_count)
        *ret_id = owners->op.records[0].id;
    return 0;
}

int owners_find(struct owners *owners, struct span who, struct arena *arena, struct span *ret_id,
                struct err *err)
{
    const int64_t now_ms = clock_mono_ms(&CLOCK_SYSTEM);
    struct known *known = map_get(&owners->by_who, who);
    if (!known || known->until_ms <= now_ms) {
        struct span id;
        if (find(owners, who, &id, err) != 0)
            return -1;
        if (owners->count == KNOWN_MAX / 2)
            forget(owners);
        known = arena_new(&owners->arena, struct known, 1);
        known->id = id.len ? arena_copy(&owners->arena, id) : SPAN_NONE;
        known->until_ms = now_ms + (id.len ? FOUND_MS : MISSED_MS);
        (void)map_put(&owners->by_who, arena_copy(&owners->arena, who), known);
        owners->count++;
    }
    *ret_id = known->id.len ? arena_copy(arena, known->id) : SPAN_NONE;
    return 0;
}
