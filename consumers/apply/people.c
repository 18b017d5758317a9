/*
 * people — see people.h.
 */
#include "people.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"

enum { PEOPLE_MAX = 8192, WAVE = 32 };

struct known {
    struct span text; /* the e-mail of a user, the id of an owner; empty: there is none */
    int64_t until_ms; /* monotonic */
};

struct people {
    struct rest *old;
    struct arena arena;
    struct map users, owners; /* person of the old system → e-mail; e-mail → id in the new one */
    size_t count;             /* of what was put since the last reset */
};

static void forget(struct people *people)
{
    arena_reset(&people->arena);
    map_init(&people->users, PEOPLE_MAX, &people->arena);
    map_init(&people->owners, PEOPLE_MAX, &people->arena);
    people->count = 0;
}

struct people *people_open(struct apply *apply, struct err *err)
{
    struct migration *migration = apply->context.migration;
    struct people *people = calloc(1, sizeof *people);
    if (!people)
        return err_set(err, ERR_FATAL, "apply: out of memory"), NULL;
    arena_init(&people->arena);
    forget(people);
    people->old = rest_open(migration, migration->old_system, apply->clock, err);
    bool told = people->old && rest_traits(people->old)->people_email &&
                rest_traits(apply->rest)->people_email;
    if (people->old && !told)
        err_exit(err, EX_CONFIG,
                 "a reference by e-mail needs people = { object; email; } in the connectors of %s "
                 "and %s",
                 migration->old_system->name, migration->new_system->name);
    if (told)
        return people;
    people_close(people);
    return NULL;
}

void people_close(struct people *people)
{
    if (!people)
        return;
    rest_close(people->old);
    arena_clear(&people->arena);
    free(people);
}

static const struct known *recall(const struct apply *apply, const struct map *map,
                                  struct span text)
{
    const struct known *known = map_get(map, text);
    return known && known->until_ms > clock_mono_ms(apply->clock) ? known : NULL;
}

static void remember(struct apply *apply, struct map *map, struct span key, struct span text)
{
    struct people *people = apply->people;
    int64_t age_ms = apply->context.migration->apply.reference_retry_ms;
    struct known *known = arena_new(&people->arena, struct known, 1);
    known->text = text.len ? arena_copy(&people->arena, text) : SPAN_NONE;
    known->until_ms = clock_mono_ms(apply->clock) + (text.len ? age_ms : age_ms / 2);
    (void)map_put(map, arena_copy(&people->arena, key), known);
    people->count++;
}

/* One property of a person, by id or by e-mail; several such requests run at once. */
static struct rest_op *ask(struct apply *apply, const char *object, const char *property,
                           const char *by, const struct span *ids, int n)
{
    struct rest_op *op = apply_op(apply);
    if (!op)
        return NULL;
    const char **names = arena_new(&apply->arena, const char *, 1);
    names[0] = property;
    op->kind = REST_READ;
    op->object = object;
    op->properties = names;
    op->property_count = by ? 0 : 1; /* found by it is enough */
    op->id_property = by;
    op->ids = ids;
    op->id_count = n;
    return op;
}

static struct span id_of(struct span key)
{
    const char *colon = memchr(key.data, ':', key.len);
    return colon ? (struct span){colon + 1, key.len - (size_t)(colon + 1 - key.data)} : key;
}

static struct span email_of(struct apply *apply, const struct raw_value *raw)
{
    static const struct value_rules RULES = {.type = VALUE_EMAIL};
    struct value value = {VALUE_MISSING, SPAN_NONE};
    struct err ignored = ERR_INIT;
    if (value_parse(&RULES, SIDE_OLD, raw->type, raw->text, &apply->arena, &value, &ignored) != 0)
        return SPAN_NONE;
    return value.kind == VALUE_SET ? value.text : SPAN_NONE;
}

/* Who of these users is not known yet is read from the old system; while it is away nobody is remembered. */
static void read_users(struct apply *apply, const struct span *users, int n)
{
    struct people *people = apply->people;
    const struct rest_traits *traits = rest_traits(people->old);
    struct span *ids = arena_new(&apply->arena, struct span, n);
    for (int at = 0; at < n; at += traits->read_max) {
        int count = n - at < traits->read_max ? n - at : traits->read_max;
        struct err why = ERR_INIT;
        enum rest_outcome outcome = REST_LATER;
        int64_t retry_after_ms = 0;
        for (int i = 0; i < count; i++)
            ids[i] = id_of(users[at + i]);
        struct rest_op *op =
            ask(apply, traits->people_object, traits->people_email, NULL, ids, count);
        if (!op)
            return;
        rest_run(people->old, &op, 1, &outcome, &retry_after_ms, &why);
        if (outcome != REST_DONE)
            log_warn("the old system does not tell its people", log_str("why", why.text));
        for (int i = 0; outcome == REST_DONE && i < count; i++) {
            struct span email = SPAN_NONE;
            for (int r = 0; r < op->record_count; r++)
                if (span_equal(op->records[r].id, ids[i]))
                    email = email_of(apply, &op->records[r].values[0]);
            remember(apply, &people->users, users[at + i], email);
        }
        apply_op_release(apply, op);
    }
}

/* One e-mail a request: that is how people are found. */
static int read_owners(struct apply *apply, const struct span *emails, int n,
                       int64_t *ret_retry_after_ms, struct err *err)
{
    const struct rest_traits *traits = rest_traits(apply->rest);
    for (int at = 0; at < n; at += WAVE) {
        struct rest_op *ops[WAVE];
        int count = 0, status = 0;
        while (count < WAVE && at + count < n &&
               (ops[count] = ask(apply, traits->people_object, NULL, traits->people_email,
                                 &emails[at + count], 1)))
            count++;
        if (count < WAVE && at + count < n)
            status =
                err_set(err, ERR_RETRY, "apply: more than %d requests in one chunk", APPLY_OPS_MAX);
        if (status == 0)
            status = apply_read(apply, ops, count, ret_retry_after_ms, err);
        for (int i = 0; i < count; i++) {
            if (status == 0)
                remember(apply, &apply->people->owners, emails[at + i],
                         ops[i]->record_count ? ops[i]->records[0].id : SPAN_NONE);
            apply_op_release(apply, ops[i]);
        }
        if (status != 0)
            return -1;
    }
    return 0;
}

/* Texts that the map does not know, each once. */
static int unknown(struct apply *apply, const struct map *known, const struct span *texts, int n,
                   struct span *ret_texts)
{
    struct map seen;
    int count = 0;
    map_init(&seen, (size_t)n + 1, &apply->arena);
    for (int i = 0; i < n; i++)
        if (texts[i].len && !recall(apply, known, texts[i]) && !map_get(&seen, texts[i])) {
            (void)map_put(&seen, texts[i], &seen);
            ret_texts[count++] = texts[i];
        }
    return count;
}

int people_find(struct apply *apply, struct person *persons, int n, int64_t *ret_retry_after_ms,
                struct err *err)
{
    struct people *people = apply->people;
    struct span *texts = arena_new(&apply->arena, struct span, n + 1);
    struct span *some = arena_new(&apply->arena, struct span, n + 1);
    if (people->count + 2 * (size_t)n > PEOPLE_MAX)
        forget(people);
    for (int i = 0; i < n; i++)
        texts[i] =
            memchr(persons[i].text.data, '@', persons[i].text.len) ? SPAN_NONE : persons[i].text;
    read_users(apply, some, unknown(apply, &people->users, texts, n, some));
    for (int i = 0; i < n; i++) {
        const struct known *user = texts[i].len ? map_get(&people->users, texts[i]) : NULL;
        struct span email = texts[i].len == 0 ? persons[i].text : user ? user->text : SPAN_NONE;
        persons[i].email = email.len ? arena_copy(&apply->arena, email) : SPAN_NONE;
        texts[i] = persons[i].email;
    }
    if (read_owners(apply, some, unknown(apply, &people->owners, texts, n, some),
                    ret_retry_after_ms, err) != 0)
        return -1;
    for (int i = 0; i < n; i++) {
        const struct known *owner = texts[i].len ? map_get(&people->owners, texts[i]) : NULL;
        persons[i].id =
            owner && owner->text.len ? arena_copy(&apply->arena, owner->text) : SPAN_NONE;
    }
    return 0;
}
