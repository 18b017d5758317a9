/*
 * trail — outcomes, most of which are skipped unparsed.
 */
#include "consumers/verify/trail.h"

#include <stdlib.h>
#include <string.h>

#include "consumers/verify/tail.h"
#include "model/merge.h"
#include "stream/topics.h"

struct trail {
    const struct migration *migration;
    struct table *const *tables;
    struct log_reader *asker;
    struct tail *tail; /* NULL: there is no rule */
    struct json_tape tape;
    struct arena arena;
    char wanted[64]; /* "truth-new" as a JSON string */
};

static bool any_rule(const struct migration *migration)
{
    for (int i = 0; i < migration->entity_count; i++) {
        if (migration->entities[i].truth_count)
            return true;
    }
    return false;
}

struct trail *trail_open(const struct migration *migration, struct table *const *tables,
                         struct err *err)
{
    struct trail *trail = calloc(1, sizeof(*trail));
    if (!trail) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    trail->migration = migration;
    trail->tables = tables;
    json_tape_init(&trail->tape);
    arena_init(&trail->arena);
    (void)snprintf(trail->wanted, sizeof(trail->wanted), "\"%s\"",
                   merge_verdict_name(MERGE_TRUTH_NEW));
    if (!any_rule(migration))
        return trail;
    char name[TOPIC_NAME_BYTES];
    topic_name(migration, TOPIC_OUTCOMES, NULL, name);
    trail->asker = log_reader_open(migration, "verify", err);
    if (trail->asker)
        trail->tail =
            tail_open(migration, name, (int)migration->kafka.partitions, trail->asker, err);
    if (!trail->tail) {
        trail_close(trail);
        return NULL;
    }
    return trail;
}

void trail_close(struct trail *trail)
{
    if (!trail)
        return;
    tail_close(trail->tail);
    log_reader_close(trail->asker);
    json_tape_clear(&trail->tape);
    arena_clear(&trail->arena);
    free(trail);
}

struct span trail_text(struct value value, struct arena *arena)
{
    static const char *const MARKS[] = {
        [VALUE_MISSING] = "-", [VALUE_BLANK] = "", [VALUE_SET] = "="};
    return span_of(arena_printf(arena, "%s%.*s", MARKS[value.kind], (int)value.text.len,
                                value.text.len ? value.text.data : ""));
}

/* As value_put_json wrote it; left out is missing. */
static struct value value_at(const struct json_tape *tape, uint32_t object, const char *name)
{
    uint32_t at = json_get(tape, object, name);
    if (!at)
        return (struct value){VALUE_MISSING, SPAN_NONE};
    struct span text = json_text(tape, at);
    if (tape->tokens[at].type == JSON_NULL_ || !text.len)
        return (struct value){VALUE_BLANK, SPAN_NONE};
    return (struct value){VALUE_SET, text};
}

static int take_fields(struct trail *trail, int entity, struct span key, struct err *err)
{
    const struct json_tape *tape = &trail->tape;
    uint32_t fields = json_get(tape, 0, "fields");
    for (uint32_t i = json_first(tape, fields); fields && i < json_end(tape, fields);
         i = tape->tokens[i].next) {
        struct span name = SPAN_NONE, verdict = SPAN_NONE;
        if (!json_string_at(tape, i, "name", &name) ||
            !json_string_at(tape, i, "verdict", &verdict) ||
            !span_is(verdict, merge_verdict_name(MERGE_TRUTH_NEW)))
            continue;
        int field = entity_field(&trail->migration->entities[entity], name);
        if (field >= 0 &&
            table_put_truth(trail->tables[entity], key, field,
                            trail_text(value_at(tape, i, "old_now"), &trail->arena),
                            trail_text(value_at(tape, i, "new_now"), &trail->arena), err) != 0)
            return -1;
    }
    return 0;
}

static int take(void *self, const struct log_message *message, struct err *err)
{
    struct trail *trail = self;
    struct span value = message->value, name = SPAN_NONE, key = SPAN_NONE, what = SPAN_NONE;
    if (!value.data || !memmem(value.data, value.len, trail->wanted, strlen(trail->wanted)))
        return 0;
    arena_reset(&trail->arena);
    if (json_parse(&trail->tape, value, err) != 0)
        return err_wrap(err, "an outcome");
    if (!json_string_at(&trail->tape, 0, "entity", &name) ||
        !json_string_at(&trail->tape, 0, "key", &key) ||
        !json_string_at(&trail->tape, 0, "what", &what) || span_is(what, "intent"))
        return 0;
    for (int i = 0; i < trail->migration->entity_count; i++) {
        if (span_is(name, trail->migration->entities[i].name))
            return take_fields(trail, i, key, err);
    }
    return 0;
}

int trail_read(struct trail *trail, struct err *err)
{
    int count = trail->migration->entity_count, failed = 0;
    if (!trail->tail)
        return 0;
    for (int i = 0; i < count && !failed; i++)
        failed = table_begin(trail->tables[i], err);
    if (!failed)
        failed = tail_read(trail->tail, take, trail, err);
    for (int i = 0; i < count && !failed; i++)
        failed = table_commit(trail->tables[i], err);
    return failed;
}
