/*
 * run — one run of the tap, from its start to its end. See singer.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "producers/singer/singer.h"

enum {
    STATE_PATH_BYTES = 1024,
    ARGUMENTS = 6,
    EXIT_MS = 10,
    FIRST_BACKOFF_MS = 250,
    LAST_BACKOFF_MS = 60000
};

static const char *const FIXED[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL};

int64_t singer_mono_ms(const struct singer *singer)
{
    return clock_mono_ms(singer->context->clock);
}

/* ---- the start ---- */

/* The file is the tap's to read; what counts is in Kafka. */
static int write_state(const struct singer *singer, const char *path, struct err *err)
{
    struct span state = buf_span(&singer->place.state);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t written = fd < 0 ? -1 : write(fd, state.data, state.len);
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    return written == (ssize_t)state.len
               ? 0
               : err_set(err, ERR_RETRY, "the tap's state file %s: %s", path, strerror(why));
}

static void begin_flows(struct singer *singer)
{
    for (int i = 0; i < singer->flow_count; i++) {
        struct singer_flow *flow = &singer->flows[i];
        flow->schema = false;
        flow->activated = MESSAGE_NO_VERSION;
        flow->key_count = flow->stream->key_count;
        for (int k = 0; k < flow->key_count; k++)
            (void)snprintf(flow->keys[k], SINGER_NAME_BYTES, "%s", flow->stream->keys[k]);
    }
}

static void add_pair(const char **words, int *count, const char *name, const char *value)
{
    if (!value)
        return;
    words[(*count)++] = name;
    words[(*count)++] = value;
}

int run_start(struct singer *singer, struct err *err)
{
    const struct singer_settings *settings = singer->context->settings->singer;
    const char *words[SINGER_WORDS_MAX + 2 * ARGUMENTS + 1], *environment[SINGER_WORDS_MAX + 8];
    char state[STATE_PATH_BYTES], home[STATE_PATH_BYTES];
    int count = 0, set = 0;
    (void)snprintf(state, sizeof(state), "%s/state.json", settings->state_dir);
    (void)snprintf(home, sizeof(home), "HOME=%s", settings->state_dir);
    bool resumes = singer->place.state.len > 0;
    if (resumes && write_state(singer, state, err) < 0)
        return -1;
    while (settings->command[count])
        words[count] = settings->command[count], count++;
    add_pair(words, &count, "--config", singer->config_file);
    add_pair(words, &count, "--catalog", singer->catalog_file);
    add_pair(words, &count, "--properties", singer->properties_file);
    add_pair(words, &count, "--state", resumes ? state : NULL);
    words[count] = NULL;
    for (; FIXED[set]; set++)
        environment[set] = FIXED[set];
    environment[set++] = home;
    for (int i = 0; settings->environment[i]; i++)
        environment[set++] = settings->environment[i];
    environment[set] = NULL;
    masks_read(singer);
    begin_flows(singer);
    if (known_begin(singer->known, err) < 0 ||
        child_start(&singer->child, words, environment, settings->state_dir, &singer->limits,
                    singer_mono_ms(singer), err) < 0)
        return -1;
    singer->phase = SINGER_RUNNING;
    singer->progressed = false;
    buf_reset(&singer->state);
    metric_set(singer->up, 1);
    log_info("the tap runs", log_int("pid", singer->child.pid),
             log_str("state", resumes ? "resumed" : "none"));
    FAILPOINT("singer.started");
    return 0;
}

/* ---- its lines ---- */

static int take_line(struct singer *singer, enum child_line kind, struct span raw, struct err *err)
{
    enum { KEPT_BYTES = 65536 };
    struct singer_line line;
    struct err bad = ERR_INIT;
    if (raw.len == 0)
        return 0;
    metric_add(singer->lines, 1);
    arena_reset(&singer->arena);
    if (singer->dirty_since_ms == 0)
        singer->dirty_since_ms = singer_mono_ms(singer);
    if (kind == CHILD_TOO_LONG) {
        char why[160];
        (void)snprintf(why, sizeof(why),
                       "a line of more than line_max_bytes (%lld): its beginning is here",
                       (long long)singer->line_max_bytes);
        raw.len = raw.len < KEPT_BYTES ? raw.len : KEPT_BYTES;
        return publish_bytes(singer, raw, "too-large", why, err);
    }
    if (singer_line_parse(raw, &singer->tape, &line, &bad) == 0)
        return lines_take(singer, &line, raw, err);
    if (kind == CHILD_REST) { /* a tap that died in the middle of it brings it again */
        log_warn("the tap's last line is not whole", log_int("bytes", (int64_t)raw.len));
        return 0;
    }
    return publish_bytes(singer, raw, "undecodable", bad.text, err);
}

int run_checkpoint(struct singer *singer, struct err *err)
{
    struct span state = singer->state.len ? buf_span(&singer->state) : SPAN_NONE;
    if (sink_settle(singer->context->sink, -1, err) < 0)
        return -1;
    FAILPOINT("singer.settled");
    if (known_commit(singer->known, err) < 0)
        return -1;
    FAILPOINT("singer.known");
    if ((state.data || singer->put) &&
        place_commit(&singer->place, singer->context, state, singer->put, err) < 0)
        return -1;
    FAILPOINT("singer.committed");
    if (state.data) {
        singer->progressed = true;
        singer->failures = 0;
        buf_reset(&singer->state);
    }
    singer->put = 0;
    singer->dirty_since_ms = 0;
    return singer->phase == SINGER_WAITING ? 0 : known_begin(singer->known, err);
}

/* -1: the run cannot go on. Ends with nothing more to read now, or after a batch. */
static int take_lines(struct singer *singer, struct err *err)
{
    enum { LINES_MAX = 20000 };
    struct span raw;
    enum child_line kind;
    int count = 0;
    while (count++ < LINES_MAX && (kind = child_next(&singer->child, &raw)) != CHILD_NOTHING) {
        if (take_line(singer, kind, raw, err) < 0)
            return -1;
        FAILPOINT("singer.line");
        if (singer->put >= singer->chunk)
            return run_checkpoint(singer, err);
    }
    if (singer->dirty_since_ms &&
        singer_mono_ms(singer) - singer->dirty_since_ms >= singer->commit_ms)
        return run_checkpoint(singer, err);
    return 0;
}

/* ---- its end ---- */

void run_abandon(struct singer *singer)
{
    child_end(&singer->child, singer->stop_ms);
    known_rollback(singer->known);
    buf_reset(&singer->state);
    singer->put = 0;
    singer->dirty_since_ms = 0;
    singer->phase = SINGER_WAITING;
    metric_set(singer->up, 0);
}

/* A run that failed: again after a while, longer and longer while no STATE comes. -1 with ERR_RETRY. */
static int fail(struct singer *singer, const char *why, struct err *err)
{
    int64_t wait_ms = FIRST_BACKOFF_MS;
    for (int i = 0; i < singer->failures && wait_ms < LAST_BACKOFF_MS; i++)
        wait_ms *= 2;
    if (!singer->progressed)
        singer->failures++;
    singer->next_mono_ms =
        singer_mono_ms(singer) + (wait_ms < LAST_BACKOFF_MS ? wait_ms : LAST_BACKOFF_MS);
    (void)snprintf(singer->why, sizeof(singer->why), "%s", why);
    return err_set(err, ERR_RETRY, "%s", why);
}

static int finish(struct singer *singer, int status, struct err *err)
{
    char words[64], why[ERR_TEXT_BYTES];
    child_words(status, words, sizeof(words));
    /* What came before its end is good, however it ended. */
    if (run_checkpoint(singer, err) < 0)
        return -1;
    metric_set(singer->up, 0);
    if (status != 0) {
        run_abandon(singer);
        (void)snprintf(why, sizeof(why), "the tap ended with %s%s%.300s", words,
                       singer->child.last[0] ? ": " : "", singer->child.last);
        return fail(singer, why, err);
    }
    log_info("the tap has ended", log_int("events", singer->place.cursor.seq_to + 1));
    singer->phase = SINGER_ENDED;
    singer->gone_flow = 0;
    singer->gone_begun = false;
    singer->failures = 0;
    singer->why[0] = '\0';
    return 0;
}

int run_step(struct singer *singer, int timeout_ms, struct err *err)
{
    struct child *child = &singer->child;
    char why[120];
    int status = 0;
    int64_t left_ms = singer->commit_ms;
    if (singer->dirty_since_ms)
        left_ms -= singer_mono_ms(singer) - singer->dirty_since_ms;
    if (child->ended && timeout_ms > EXIT_MS)
        timeout_ms = EXIT_MS;
    if (timeout_ms > left_ms)
        timeout_ms = left_ms > 0 ? (int)left_ms : 0;
    masks_read(singer); /* a refresh token that rotated is another text */
    child_read(child, timeout_ms, singer_mono_ms(singer));
    int64_t since_ms = singer_mono_ms(singer);
    int taken = take_lines(singer, err);
    child->heard_mono_ms +=
        singer_mono_ms(singer) - since_ms; /* Kafka's silence is not the tap's */
    if (taken < 0) {
        if (err->kind == ERR_RETRY)
            (void)fail(singer, err->text, NULL);
        run_abandon(singer);
        return -1;
    }
    bool drained = child->ended && child->taken == child->lines.len;
    if (drained && child_reap(child, &status)) {
        child_read(child, 0, singer_mono_ms(singer)); /* its last words */
        if (finish(singer, status, err) == 0)
            return 0;
        run_abandon(singer);
        return -1;
    }
    if (singer_mono_ms(singer) - child->heard_mono_ms <= singer->silence_ms)
        return 0;
    (void)snprintf(why, sizeof(why), "the tap has written nothing for %lld ms: it is ended",
                   (long long)singer->silence_ms);
    run_abandon(singer);
    return fail(singer, why, err);
}
