/*
 * progress — asks everybody.
 */
#include "cli/progress.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/fetch.h"
#include "cli/offsets.h"
#include "stream/cursor.h"
#include "stream/topics.h"

enum { HTTP_TIMEOUT_MS = 1000, CURSOR_EVERY_MS = 10 * 1000 };

struct progress_gatherer {
    const struct migration *migration;
    struct {
        int64_t done; /* UNKNOWN: no cursor */
        bool finished;
    } backfills[PROGRESS_ENTITIES_MAX]; /* as the cursors say */
    int64_t cursors_read_ms;            /* 0 = never */
    struct offsets *offsets;
    struct http_client *http;
    struct buf text;
};

struct progress_gatherer *progress_open(const struct migration *migration, struct err *err)
{
    struct progress_gatherer *gatherer = calloc(1, sizeof(*gatherer));
    if (!gatherer) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    gatherer->migration = migration;
    buf_init(&gatherer->text, 0);
    const struct http_client_options options = {.timeout_ms = HTTP_TIMEOUT_MS,
                                                .connect_timeout_ms = HTTP_TIMEOUT_MS,
                                                .user_agent = "tandem-status"};
    gatherer->http = http_client_open(&options, err);
    gatherer->offsets = gatherer->http ? offsets_open(migration, err) : NULL;
    if (!gatherer->offsets) {
        progress_close(gatherer);
        return NULL;
    }
    return gatherer;
}

void progress_close(struct progress_gatherer *gatherer)
{
    if (!gatherer)
        return;
    offsets_close(gatherer->offsets);
    http_client_close(gatherer->http);
    buf_clear(&gatherer->text);
    free(gatherer);
}

/* ---- the processes ---- */

static void copy(char *to, size_t size, const char *text)
{
    (void)snprintf(to, size, "%s", text ? text : "");
}

static void read_processes(const struct migration *migration, struct progress *progress)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/processes.json", migration->run_dir);
    json_t *root = json_load_file(path, 0, NULL);
    pid_t pid = (pid_t)json_integer_value(json_object_get(root, "pid"));
    progress->running = pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
    json_t *list = json_object_get(root, "processes"), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        if (!progress->running || progress->process_count == PROGRESS_PROCESSES_MAX)
            break;
        struct progress_process *process = &progress->processes[progress->process_count++];
        copy(process->name, sizeof(process->name),
             json_string_value(json_object_get(item, "name")));
        copy(process->state, sizeof(process->state),
             json_string_value(json_object_get(item, "state")));
        copy(process->address, sizeof(process->address),
             json_string_value(json_object_get(item, "address")));
        copy(process->log, sizeof(process->log), json_string_value(json_object_get(item, "log")));
        process->pid = (int)json_integer_value(json_object_get(item, "pid"));
        process->restarts = (int)json_integer_value(json_object_get(item, "restarts"));
        process->exit_code = (int)json_integer_value(json_object_get(item, "exit"));
    }
    json_decref(root);
}

static void take_metrics(struct progress *progress, struct span text)
{
    double value;
    for (int i = 0; i < progress->entity_count; i++) {
        struct progress_entity *entity = &progress->entities[i];
        char label[128];
        (void)snprintf(label, sizeof(label), "entity=\"%s\"", entity->name);
        if (fetch_metric(text, "tandem_backfill_done_records", label, &value))
            entity->backfill_done = (int64_t)value;
        if (fetch_metric(text, "tandem_backfill_total_records", label, &value))
            entity->backfill_total = (int64_t)value;
        if (fetch_metric(text, "tandem_backfill_finished", label, &value))
            entity->backfill_finished = value > 0;
        if (fetch_metric(text, "tandem_poll_lag_seconds", label, &value))
            entity->source_lag_s = value;
        fetch_raised(text, "tandem_poll_vanished_property", label, "property", entity->vanished,
                     sizeof(entity->vanished));
        fetch_raised(text, "tandem_poll_new_property", label, "property", entity->fresh,
                     sizeof(entity->fresh));
        fetch_raised(text, "tandem_poll_stalled", label, "pass", entity->stalled,
                     sizeof(entity->stalled));
    }
    if (fetch_metric(text, "tandem_consumed_messages_total", NULL, &value))
        progress->applied = (progress->applied > 0 ? progress->applied : 0) + (int64_t)value;
}

static void ask_process(struct progress_gatherer *gatherer, struct progress *progress,
                        struct progress_process *process)
{
    struct buf *text = &gatherer->text;
    if (!*process->address)
        return;
    buf_reset(text);
    int status = fetch(gatherer->http, process->address, "/readyz", text);
    process->answers = status > 0;
    process->ready = status == 200;
    if (process->answers && !process->ready && text->data) {
        text->data[strcspn(text->data, "\n")] = '\0';
        copy(process->why, sizeof(process->why), text->data);
    }
    if (!process->answers)
        return;
    buf_reset(text);
    if (fetch(gatherer->http, process->address, "/metrics", text) == 200)
        take_metrics(progress, buf_span(text));
}

/* ---- Kafka ---- */

static void ask_kafka(struct progress_gatherer *gatherer, struct progress *progress)
{
    const struct migration *migration = gatherer->migration;
    int partitions = (int)migration->kafka.partitions;
    struct err err = ERR_INIT;
    char topic[TOPIC_NAME_BYTES];
    int64_t ignored;
    /* One short question first: each of the others would wait by itself. */
    bool answers = offsets_probe(gatherer->offsets, &err) == 0;
    for (int i = 0; answers && i < progress->entity_count; i++) {
        topic_name(migration, TOPIC_CHANGES, &migration->entities[i], topic);
        if (offsets_read(gatherer->offsets, topic, partitions, &progress->entities[i].events,
                         &progress->entities[i].lag_messages, &err) != 0)
            break;
    }
    topic_name(migration, TOPIC_DLQ, NULL, topic);
    if (err.kind == ERR_NONE)
        (void)offsets_read(gatherer->offsets, topic, partitions, &progress->dead_letters, &ignored,
                           &err);
    copy(progress->kafka_why, sizeof(progress->kafka_why), err.text);
}

/* A process that began after the backfill's end does not speak of it; its cursor does. */
static void read_cursors(struct progress_gatherer *gatherer)
{
    const struct migration *migration = gatherer->migration;
    for (int i = 0; i < migration->entity_count && i < PROGRESS_ENTITIES_MAX; i++) {
        gatherer->backfills[i].done = UNKNOWN;
        for (int s = 0; s < migration->source_count; s++) {
            struct cursor cursor;
            struct err err = ERR_INIT;
            bool found = false;
            if (cursor_load(migration, migration->sources[s].system->name,
                            migration->entities[i].name, "backfill", &cursor, &found, &err) != 0 ||
                !found)
                continue;
            gatherer->backfills[i].done = cursor.seq_to;
            gatherer->backfills[i].finished = cursor.done;
        }
    }
}

static void fill_backfills(struct progress_gatherer *gatherer, struct progress *progress)
{
    bool unknown = false;
    for (int i = 0; i < progress->entity_count; i++)
        unknown |= progress->entities[i].backfill_done < 0;
    if (!unknown || *progress->kafka_why)
        return;
    if (!gatherer->cursors_read_ms ||
        progress->taken_ms - gatherer->cursors_read_ms > CURSOR_EVERY_MS) {
        read_cursors(gatherer);
        gatherer->cursors_read_ms = progress->taken_ms;
    }
    for (int i = 0; i < progress->entity_count; i++) {
        struct progress_entity *entity = &progress->entities[i];
        if (entity->backfill_done >= 0)
            continue;
        entity->backfill_done = gatherer->backfills[i].done;
        entity->backfill_finished = gatherer->backfills[i].finished;
    }
}

void progress_take(struct progress_gatherer *gatherer, struct progress *ret_progress)
{
    const struct migration *migration = gatherer->migration;
    memset(ret_progress, 0, sizeof(*ret_progress));
    ret_progress->taken_ms = clock_mono_ms(&CLOCK_SYSTEM);
    ret_progress->applied = ret_progress->dead_letters = UNKNOWN;
    for (int i = 0; i < migration->entity_count && i < PROGRESS_ENTITIES_MAX; i++)
        ret_progress->entities[ret_progress->entity_count++] =
            (struct progress_entity){.name = migration->entities[i].name,
                                     .backfill_done = UNKNOWN,
                                     .backfill_total = UNKNOWN,
                                     .events = UNKNOWN,
                                     .lag_messages = UNKNOWN,
                                     .source_lag_s = -1};
    read_processes(migration, ret_progress);
    for (int i = 0; i < ret_progress->process_count; i++)
        ask_process(gatherer, ret_progress, &ret_progress->processes[i]);
    ask_kafka(gatherer, ret_progress);
    fill_backfills(gatherer, ret_progress);
}
