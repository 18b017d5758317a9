/*
 * tandem reset — see reset.h. Kafka first, because it is the truth; Redis last: an apply that starts in between replays what Kafka says.
 */
#include "cli/reset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/command.h"
#include "cli/latest.h"
#include "cli/offsets.h"
#include "cli/rows.h"
#include "cli/scan.h"
#include "model/review.h"
#include "model/singer.h"
#include "stream/sink.h"
#include "stream/topics.h"

enum { SETTLE_TIMEOUT_MS = 60 * 1000 };

struct reset {
    struct migration *migration;
    const struct entity *entity;
    struct sink *sink; /* NULL: only count */
    char state[TOPIC_NAME_BYTES];
    const char *topic; /* that is read */
    int64_t *highest;  /* epoch by partition of state */
    struct latest latest;
    int64_t *count;
    struct reset_counts counts;
};

/* ---- rows ---- */

static int note_epoch(void *self, const struct log_message *message, struct err *err)
{
    struct reset *reset = self;
    (void)err;
    if (rows_is_assignment(message->key))
        reset->highest[message->partition] = message->offset;
    return 0;
}

/*
 * Not a null but a row that says nothing, in the name of the last owner: every fold of the topic (replay, rebuild) takes it like any other
 * row, and a former owner's late row is refused beside it.
 */
static int empty_row(void *self, const struct row *row, struct span text, struct err *err)
{
    struct reset *reset = self;
    struct row empty;
    struct arena arena;
    char epoch[24];
    (void)text;
    if (!row->has_version && !row->twin.len && !row->claim_count && !row->pending.len)
        return 0;
    reset->counts.rows++;
    if (!reset->sink)
        return 0;
    int32_t partition = scan_partition_of(row->key, (int)reset->migration->kafka.partitions);
    arena_init(&arena);
    row_init(&empty, reset->entity, row->key, &arena);
    empty.epoch = reset->highest[partition];
    (void)snprintf(epoch, sizeof(epoch), "%" PRId64, empty.epoch);
    struct buf *value = sink_scratch(reset->sink);
    row_encode(&empty, reset->entity, value);
    const struct sink_header header = {"epoch", span_of(epoch)};
    const struct sink_message message = {.topic = reset->state,
                                         .partition = partition,
                                         .key = row->key,
                                         .value = buf_span(value),
                                         .headers = &header,
                                         .header_count = 1};
    int failed = sink_put(reset->sink, &message, NULL, err);
    arena_clear(&arena);
    return failed;
}

/* ---- questions and cursors: keys that belong to the entity, by null ---- */

static bool is_question(const struct reset *reset, struct span key)
{
    struct span entity, record;
    return review_key_parse(key, &entity, &record) && span_is(entity, reset->entity->name);
}

/* "<system>/<source>/singer": all that a tap brings has one place. */
static bool is_tap(const struct reset *reset, struct span source)
{
    for (int i = 0; i < reset->migration->source_count; i++) {
        const struct source_settings *settings = &reset->migration->sources[i];
        size_t len = strlen(settings->name);
        if (!settings->singer || source.len <= len || source.data[len] != '/' ||
            memcmp(source.data, settings->name, len) != 0 ||
            !span_is((struct span){source.data + len, source.len - len}, "/singer"))
            continue;
        for (int k = 0; k < settings->singer->stream_count; k++)
            if (settings->singer->streams[k].entity == reset->entity)
                return true;
    }
    return false;
}

/* "<system>/<entity>/<pass>" */
static bool is_cursor(const struct reset *reset, struct span key)
{
    const char *slash = memchr(key.data, '/', key.len);
    size_t len = strlen(reset->entity->name);
    size_t left = slash ? key.len - (size_t)(slash + 1 - key.data) : 0;
    if (left && is_tap(reset, (struct span){slash + 1, left}))
        return true;
    return left > len && memcmp(slash + 1, reset->entity->name, len) == 0 && slash[1 + len] == '/';
}

static int note_key(void *self, const struct log_message *message, struct err *err)
{
    struct reset *reset = self;
    bool review = reset->count == &reset->counts.questions;
    if (!message->key.len ||
        !(review ? is_question(reset, message->key) : is_cursor(reset, message->key)))
        return 0;
    struct latest_entry *entry = latest_put(&reset->latest, message->key, err);
    if (entry)
        entry->offset = message->value.data ? message->offset : LATEST_NOTHING;
    return entry ? 0 : -1;
}

static int null_key(void *self, const struct log_message *message, struct err *err)
{
    struct reset *reset = self;
    const struct latest_entry *entry =
        message->key.len ? latest_get(&reset->latest, message->key) : NULL;
    if (!entry || entry->offset != message->offset || !message->value.data)
        return 0;
    ++*reset->count;
    const struct sink_message null = {
        .topic = reset->topic, .partition = SINK_PARTITION_BY_KEY, .key = message->key};
    return reset->sink ? sink_put(reset->sink, &null, NULL, err) : 0;
}

static int null_keys(struct reset *reset, enum topic_kind kind, int64_t *count, struct err *err)
{
    char topic[TOPIC_NAME_BYTES];
    topic_name(reset->migration, kind, NULL, topic);
    reset->topic = topic;
    reset->count = count;
    latest_init(&reset->latest);
    int failed = scan_topic(reset->migration, topic, note_key, reset, err);
    if (!failed)
        failed = scan_topic(reset->migration, topic, null_key, reset, err);
    latest_clear(&reset->latest);
    return failed;
}

static int reset_kafka(struct reset *reset, struct err *err)
{
    if (scan_topic(reset->migration, reset->state, note_epoch, reset, err) != 0 ||
        rows_fold(reset->migration, reset->entity, "", empty_row, reset, err) != 0 ||
        null_keys(reset, TOPIC_REVIEW, &reset->counts.questions, err) != 0 ||
        null_keys(reset, TOPIC_CURSORS, &reset->counts.cursors, err) != 0)
        return -1;
    return reset->sink ? sink_settle(reset->sink, SETTLE_TIMEOUT_MS, err) : 0;
}

/* ---- may it? ---- */

static int refuse_members(const struct migration *migration, const char *group, const char *program,
                          struct err *err)
{
    int members = 0;
    struct offsets *offsets = offsets_open_group(migration, group, err);
    int failed = !offsets || offsets_members(offsets, &members, err) != 0;
    offsets_close(offsets);
    if (failed)
        return -1;
    if (members == 0)
        return 0;
    return err_exit(err, EX_UNAVAILABLE,
                    "%s is at work (%d member%s of group %s.%s); stop `tandem run` first. One that "
                    "has just ended counts for as long as its session (%lld ms)",
                    program, members, members == 1 ? "" : "s", migration->ns, group,
                    (long long)migration->apply.session_timeout_ms);
}

static int refuse_while_at_work(const struct migration *migration, struct err *err)
{
    char group[128];
    if (refuse_members(migration, "apply", "tandem-apply", err) != 0)
        return -1;
    for (int i = 0; i < migration->source_count; i++) {
        (void)snprintf(group, sizeof(group), "poll.%s", migration->sources[i].system->name);
        if (refuse_members(migration, group, "tandem-poll", err) != 0)
            return -1;
    }
    return 0;
}

int reset_entity(struct migration *migration, const struct entity *entity, bool really,
                 struct reset_counts *ret_counts, struct err *err)
{
    struct reset reset = {.migration = migration, .entity = entity};
    int64_t operations = 0, keys = 0;
    if (scan_ready(migration, err) != 0 || refuse_while_at_work(migration, err) != 0 ||
        reset_redis(migration, entity, false, &keys, &operations, err) != 0)
        return -1;
    if (operations)
        return err_exit(err, EX_UNAVAILABLE,
                        "%" PRId64 " operation%s of %s may still be executed by %s; start "
                        "tandem-apply, which finds out what became of them, and stop it again",
                        operations, operations == 1 ? "" : "s", entity->name,
                        migration->new_system->name);
    topic_name(migration, TOPIC_STATE, entity, reset.state);
    reset.highest = calloc((size_t)migration->kafka.partitions, sizeof(*reset.highest));
    reset.sink = really ? sink_open(migration, "reset", "cli", 0, err) : NULL;
    int failed = !reset.highest || (really && !reset.sink) || reset_kafka(&reset, err) != 0;
    if (!failed && really)
        failed = reset_redis(migration, entity, true, &keys, &operations, err);
    sink_close(reset.sink);
    free(reset.highest);
    reset.counts.redis_keys = keys;
    if (!failed)
        *ret_counts = reset.counts;
    return failed ? -1 : 0;
}

/* ---- the command ---- */

static void say(const struct migration *migration, const struct entity *entity, bool done,
                const struct reset_counts *counts)
{
    const char *ns = migration->ns, *name = entity->name;
    printf("%s\n"
           "  %7" PRId64 "  rows of %s.state.%s, each by a row that says nothing\n"
           "  %7" PRId64 "  records' questions on %s.review, by null\n"
           "  %7" PRId64 "  cursors %s/%s/… and of other sources, by null\n"
           "  %7" PRId64 "  keys tandem:%s:*:%s of Redis\n"
           "untouched: %s and %s, %s.changes.%s, outcomes, dead letters, every other entity\n",
           done ? "taken away:" : "would be taken away:", counts->rows, ns, name, counts->questions,
           ns, counts->cursors, migration->old_system->name, name, counts->redis_keys, ns, name,
           migration->old_system->name, migration->new_system->name, ns, name);
    if (done)
        printf(
            "the next `tandem run` reads all of %s again; where both systems differ by then, the "
            "truth rules decide, or it is a question\n",
            name);
    else
        printf("nothing was done; `tandem reset %s --confirm %s` does it\n", name, name);
}

static int work(struct migration *migration, const char *name, const char *confirm)
{
    struct err err = ERR_INIT;
    struct reset_counts counts = {0};
    const struct entity *entity = migration_entity(migration, name);
    if (!entity) {
        (void)fprintf(stderr, "tandem: %s has no entity \"%s\"\n", migration->path, name);
        return EX_USAGE;
    }
    if (reset_entity(migration, entity, confirm != NULL, &counts, &err) != 0)
        return command_fail(&err);
    say(migration, entity, confirm != NULL, &counts);
    return 0;
}

static int run_reset(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default(), *confirm = NULL;
    const struct flag flags[] = {
        FLAG_CONFIG(&path),
        {"confirm", FLAG_STRING, &confirm, 0, 0, "ENTITY", "do it; the entity's name once more"},
        {0}};
    int exit_code = 0;
    int first = command_parse(self, flags, argc, argv, &exit_code);
    if (first < 0)
        return exit_code;
    if (first == argc || (confirm && strcmp(confirm, argv[first]) != 0)) {
        (void)fputs(first == argc ? "tandem: reset wants the name of an entity\n"
                                  : "tandem: --confirm wants the name of the same entity\n",
                    stderr);
        return EX_USAGE;
    }
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    exit_code = work(migration, argv[first], confirm);
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_RESET = {
    "reset", "<entity>", "forget what Tandem knows of one entity, to begin it again",
    "Without --confirm it only says what it would take away. With it: the rows of\n"
    "<ns>.state.<entity>, the questions of its records, its cursors, and its keys in Redis. "
    "Neither\n"
    "system is touched, nor the log of what happened, nor any other entity or migration.\n\n"
    "Every process of the migration must have ended, and no request may be open: else it refuses\n"
    "(69) and says what to do. After a crash say it again. Then `tandem run` backfills; a record "
    "of\n"
    "the new system is met again by its external id, so nothing is created twice.\n\n"
    "  tandem reset contact --config acme.cfg\n"
    "  tandem reset contact --config acme.cfg --confirm contact",
    run_reset};
