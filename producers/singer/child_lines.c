/*
 * child_lines — what the child says: lines of messages, and its own log. See child.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "producers/singer/child.h"

enum { READ_BYTES = 1 << 16, READS_MAX = 16, LOGGED_A_MINUTE = 600, MINUTE_MS = 60000 };

/* ---- its log ---- */

/* Python's logging writes the level first, or in the line's beginning: "INFO …", "2026-… ERROR …", "CRITICAL:root:…". */
static enum log_level level_of(const char *line)
{
    static const struct {
        const char *word;
        enum log_level level;
    } WORDS[] = {{"CRITICAL", LOG_ERROR_},  {"FATAL", LOG_ERROR_}, {"ERROR", LOG_ERROR_},
                 {"Traceback", LOG_ERROR_}, {"WARN", LOG_WARN_},   {"INFO", LOG_INFO_},
                 {"DEBUG", LOG_DEBUG_}};
    enum { BEGINNING = 60 };
    char beginning[BEGINNING + 1];
    (void)snprintf(beginning, sizeof(beginning), "%s", line);
    const char *first = NULL;
    enum log_level level = LOG_INFO_;
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        const char *at = strstr(beginning, WORDS[i].word);
        if (at && (!first || at < first)) {
            first = at;
            level = WORDS[i].level;
        }
    }
    return level;
}

/* Taps log their requests, and the first request of many is the one with the client's secret. */
static void mask(char *line, char *const *masks)
{
    for (int i = 0; masks && masks[i]; i++) {
        size_t len = strlen(masks[i]);
        for (char *at = line; (at = strstr(at, masks[i]));) {
            at[0] = at[1] = at[2] = '*';
            memmove(at + 3, at + len, strlen(at + len) + 1);
            at += 3;
        }
    }
}

static void say(struct child *child, char *line, int64_t mono_ms)
{
    size_t len = strlen(line);
    while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
        line[--len] = '\0';
    if (!len)
        return;
    mask(line, child->masks);
    (void)snprintf(child->last, sizeof(child->last), "%s", line);
    if (mono_ms / MINUTE_MS != child->said_minute) {
        child->said_minute = mono_ms / MINUTE_MS;
        child->said = 0;
    }
    if (++child->said < LOGGED_A_MINUTE)
        log_at(level_of(line), "tap", log_str("line", line));
    else if (child->said == LOGGED_A_MINUTE)
        log_warn("the tap says more than can be logged; the rest of this minute is left out");
}

/* A line that is longer than its buffer is logged in pieces. */
static void take_log(struct child *child, int64_t mono_ms)
{
    char bytes[READ_BYTES];
    for (int reads = 0; reads < READS_MAX; reads++) {
        ssize_t got = child->log >= 0 ? read(child->log, bytes, sizeof(bytes)) : 0;
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++) {
            bool end = bytes[i] == '\n';
            if (!end && bytes[i] != '\0')
                buf_putc(&child->saying, bytes[i]);
            if (end || child->saying.len + 2 >= child->saying.max_bytes) {
                if (child->saying.len)
                    say(child, child->saying.data, mono_ms);
                buf_reset(&child->saying);
            }
        }
    }
}

/* ---- its lines ---- */

static void take_lines(struct child *child, int64_t mono_ms)
{
    char bytes[READ_BYTES];
    if (child->taken > 0) {
        memmove(child->lines.data, child->lines.data + child->taken,
                child->lines.len - child->taken);
        child->lines.len -= child->taken;
        child->taken = 0;
    }
    for (int reads = 0; reads < READS_MAX; reads++) {
        if (child->lines.len + sizeof(bytes) + 1 >= child->lines.max_bytes)
            return;
        ssize_t got = read(child->out, bytes, sizeof(bytes));
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            child->ended = true;
            return;
        }
        child->heard_mono_ms = mono_ms;
        buf_put(&child->lines, bytes, (size_t)got);
    }
}

void child_read(struct child *child, int timeout_ms, int64_t mono_ms)
{
    struct pollfd fds[2] = {{.fd = child->log, .events = POLLIN},
                            {.fd = child->ended ? -1 : child->out, .events = POLLIN}};
    if (poll(fds, 2, timeout_ms) <= 0)
        return;
    if (fds[0].revents) {
        take_log(child, mono_ms);
        if (fds[0].revents & (POLLHUP | POLLERR) && !(fds[0].revents & POLLIN)) {
            (void)close(child->log); /* else it is ready for ever */
            child->log = -1;
        }
    }
    if (fds[1].revents)
        take_lines(child, mono_ms);
}

/* What is left of a long line goes up to its end. False: the end is not here yet. */
static bool skip(struct child *child)
{
    size_t left = child->lines.len - child->taken;
    const char *from = child->lines.data + child->taken;
    const char *end = left && child->lines.data ? memchr(from, '\n', left) : NULL;
    child->taken += end ? (size_t)(end - from) + 1 : left;
    if (end)
        child->skipping = false;
    return end != NULL;
}

enum child_line child_next(struct child *child, struct span *ret_line)
{
    if (child->skipping && !skip(child))
        return CHILD_NOTHING;
    const char *from = child->lines.data ? child->lines.data + child->taken : NULL;
    size_t left = child->lines.len - child->taken;
    const char *end = left && from ? memchr(from, '\n', left) : NULL;
    size_t len = end ? (size_t)(end - from) : left;
    if (len > child->line_max_bytes) {
        *ret_line = (struct span){from, child->line_max_bytes};
        child->taken += child->line_max_bytes;
        child->skipping = true;
        return CHILD_TOO_LONG;
    }
    if (!from || left == 0 || (!end && !child->ended))
        return CHILD_NOTHING;
    child->taken += len + (end != NULL);
    while (len && (from[len - 1] == '\r' || from[len - 1] == ' '))
        len--;
    *ret_line = (struct span){from, len};
    return end ? CHILD_LINE : CHILD_REST;
}
