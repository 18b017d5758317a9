/*
 * singer — options, life cycle and one round of the producer type. See singer.h.
 */
#include "producers/singer/singer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/service.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): they are designators and initialisers */
#define GROUP(member, words) \
    .name = #member, .type = CONF_GROUP, .offset = offsetof(struct singer, member), .help = words
#define NUMBER(label, member, standard, least, most, words)                     \
    .name = label, .type = CONF_INT, .offset = offsetof(struct singer, member), \
    .default_int = standard, .min = least, .max = most, .help = words
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct conf_option OPTIONS[] = {
    {GROUP(command, "The program and its arguments, without a shell: common/model/singer.h.")},
    {GROUP(environment, "What it gets beside PATH, LANG and HOME: [\"NAME=value\"].")},
    {GROUP(streams, "Which of its streams are what: common/model/singer.h.")},
    {.name = "config_file",
     .type = CONF_SECRET,
     .offset = offsetof(struct singer, config_file),
     .help = "The tap's own configuration: --config. The tap may write it (rotated tokens)."},
    {.name = "catalog_file",
     .type = CONF_FILE,
     .offset = offsetof(struct singer, catalog_file),
     .help = "--catalog"},
    {.name = "properties_file",
     .type = CONF_FILE,
     .offset = offsetof(struct singer, properties_file),
     .help = "--properties, of taps that know no --catalog."},
    {.name = "state_dir",
     .type = CONF_STRING,
     .offset = offsetof(struct singer, state_dir),
     .required = true,
     .help = "A directory of this process alone: what is known of each record, the tap's STATE."},
    {NUMBER("interval_ms", interval_ms, 60000, 0, 86400000,
            "From the end of a run that ended well to the next one.")},
    {NUMBER("silence_ms", silence_ms, 600000, 100, 86400000,
            "A tap that writes no line for so long hangs: it is ended and started again.")},
    {NUMBER("stop_ms", stop_ms, 5000, 0, 60000, "From SIGTERM to SIGKILL.")},
    {NUMBER("line_max_bytes", line_max_bytes, 4 * 1024 * 1024, 1024, 64 * 1024 * 1024,
            "Of one line; a longer one is a dead letter.")},
    {NUMBER("chunk", chunk, 2000, 1, 100000, "Events from one commit to the next.")},
    {NUMBER("commit_ms", commit_ms, 1000, 1, 60000, "The same in time.")},
    {NUMBER("brake_percent", brake_percent, 10, 0, 100,
            "If more of a stream's records would be deleted after one run, none is.")},
    {NUMBER("memory_max_mib", limits.memory_max_mib, 4096, 0, 1048576,
            "Address space of the tap; 0: any.")},
    {NUMBER("cpu_max_s", limits.cpu_max_s, 0, 0, 10000000, "Processor time of a run; 0: any.")},
    {NUMBER("files_max", limits.files_max, 256, 16, 65536, "Open files of the tap.")},
    {NUMBER("file_max_mib", limits.file_max_mib, 1024, 1, 1048576, "Of a file that it writes.")},
    {0},
};

static void open_metrics(struct singer *singer)
{
    static const char *const KINDS[] = {"put", "gone", "known", "dead", "unmapped"};
    _Static_assert(sizeof(KINDS) / sizeof(KINDS[0]) == SINGER_KIND_COUNT, "a label each");
    static const char RECORDS[] = "tandem_singer_records_total", HELP[] = "What RECORDs became.";
    char labels[SINGER_NAME_BYTES + 64];
    for (int i = 0; i < singer->flow_count; i++) {
        struct singer_flow *flow = &singer->flows[i];
        const char *name = singer->context->settings->singer->streams[i].name;
        for (int kind = 0; kind < SINGER_KIND_COUNT; kind++) {
            (void)snprintf(labels, sizeof(labels), "stream=\"%.100s\",kind=\"%s\"", name,
                           KINDS[kind]);
            flow->kinds[kind] = metric_counter(RECORDS, HELP, labels);
        }
        (void)snprintf(labels, sizeof(labels), "stream=\"%.100s\"", name);
        flow->brake = metric_gauge("tandem_singer_braked", "Deletes that the brake holds.", labels);
    }
    singer->unmapped = metric_counter(RECORDS, HELP, "stream=\"other\",kind=\"unmapped\"");
    singer->undecodable = metric_counter(RECORDS, HELP, "stream=\"other\",kind=\"dead\"");
    singer->lines = metric_counter("tandem_singer_lines_total", "Lines of the tap.", NULL);
    singer->whole = metric_counter("tandem_singer_runs_total", "Runs that ended well.", NULL);
    singer->up = metric_gauge("tandem_singer_up", "1: the tap runs.", NULL);
}

/* What is known belongs to the place: without that it says that everything is to be published, and of each record that it is there. */
static int load(struct singer *singer, struct err *err)
{
    const struct source_context *context = singer->context;
    char name[200];
    bool fresh = false, found = false;
    (void)snprintf(name, sizeof(name), "%s/%s", context->migration->ns, context->settings->name);
    singer->known = known_open(context->settings->singer->state_dir, name, &fresh, err);
    if (!singer->known || place_load(&singer->place, context, &found, err) < 0)
        return -1;
    if ((fresh || !found) && known_fill(singer, err) < 0)
        return -1;
    return known_runs(singer->known, &singer->runs, err);
}

static int singer_open(void *self, const struct source_context *context, struct err *err)
{
    struct singer *singer = self;
    const struct singer_settings *settings = context->settings->singer;
    singer->context = context;
    arena_init(&singer->arena);
    json_tape_init(&singer->tape);
    buf_init(&singer->state, PLACE_STATE_MAX_BYTES + 1);
    place_init(&singer->place);
    child_init(&singer->child, (size_t)singer->line_max_bytes);
    singer->child.masks = singer->masks;
    singer->flows = calloc((size_t)settings->stream_count + 1, sizeof(*singer->flows));
    if (!singer->flows)
        return err_set(err, ERR_RETRY, "out of memory");
    for (int i = 0; i < settings->stream_count; i++)
        singer->flows[singer->flow_count++].stream = &settings->streams[i];
    open_metrics(singer);
    return load(singer, err);
}

/* After the run: what it did not bring; then the next one is due. */
static int end_step(struct singer *singer, struct err *err)
{
    int more = gone_step(singer, err);
    if (more < 0)
        run_abandon(singer);
    if (more != 0)
        return more < 0 ? -1 : 0;
    singer->phase = SINGER_WAITING;
    if (run_checkpoint(singer, err) < 0)
        return -1;
    metric_add(singer->whole, 1);
    singer->next_mono_ms = singer_mono_ms(singer) + singer->interval_ms;
    log_info("a whole run is done", log_int("runs", singer->runs));
    return 0;
}

static int singer_poll(void *self, int timeout_ms, struct err *err)
{
    struct singer *singer = self;
    if (singer->phase == SINGER_RUNNING)
        return run_step(singer, timeout_ms, err);
    if (singer->phase == SINGER_ENDED)
        return end_step(singer, err);
    int64_t left_ms = singer->next_mono_ms - singer_mono_ms(singer);
    if (left_ms <= 0)
        return run_start(singer, err);
    if (singer->why[0]) {
        (void)poll(NULL, 0, left_ms < timeout_ms ? (int)left_ms : timeout_ms);
        return left_ms <= timeout_ms ? 0 : err_set(err, ERR_RETRY, "%s", singer->why);
    }
    (void)poll(NULL, 0, left_ms < timeout_ms ? (int)left_ms : timeout_ms); /* a signal ends it */
    return 0;
}

static void singer_close(void *self)
{
    struct singer *singer = self;
    struct err ignored = ERR_INIT;
    child_end(&singer->child, singer->stop_ms);
    /* What has come is good: it spares the next start some work. */
    if (singer->phase == SINGER_RUNNING && service_stopping())
        (void)run_checkpoint(singer, &ignored);
    known_close(singer->known);
    child_clear(&singer->child);
    masks_clear(singer);
    place_clear(&singer->place);
    buf_clear(&singer->state);
    json_tape_clear(&singer->tape);
    arena_clear(&singer->arena);
    free(singer->flows);
}

const struct source_type source_singer = {
    .name = "singer",
    .summary = "runs a Singer tap, or any program that writes its JSON lines, and puts its records "
               "on Kafka; keeps its STATE behind their delivery reports",
    .linger_ms = 20,
    .size = sizeof(struct singer),
    .options = OPTIONS,
    .open = singer_open,
    .poll = singer_poll,
    .close = singer_close,
};
