/*
 * log — see log.h. One write(2) a line, so that lines of several threads and
 * processes on one stderr do not mix.
 */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { LOG_LINE_MAX_BYTES = 64 * 1024 };

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error"};
_Static_assert(sizeof(LEVEL_NAMES) / sizeof(LEVEL_NAMES[0]) == LOG_LEVEL_COUNT, "a name per level");

/* Set once by log_init, before threads; the level alone changes later (SIGHUP) and is read without
 * a lock. */
static struct {
    const char *process, *instance;
    _Atomic int level;
    int as_text;
} logger = {.process = "tandem", .instance = "", .level = LOG_INFO_};

void log_init(const char *process, const char *instance, enum log_level level)
{
    logger.process = process ? process : "tandem";
    logger.instance = instance ? instance : "";
    logger.level = (int)level;
    logger.as_text = isatty(STDERR_FILENO);
}

void log_set_level(enum log_level level)
{
    logger.level = (int)level;
}

int log_level_parse(const char *name)
{
    for (int level = 0; level < LOG_LEVEL_COUNT; level++)
        if (name && strcmp(name, LEVEL_NAMES[level]) == 0)
            return level;
    return -1;
}

struct log_kv log_str(const char *key, const char *value)
{
    struct log_kv kv = {.key = key};
    (void)snprintf(kv.text, sizeof(kv.text), "%s", value ? value : "");
    return kv;
}

struct log_kv log_int(const char *key, int64_t value)
{
    struct log_kv kv = {.key = key, .is_number = 1};
    (void)snprintf(kv.text, sizeof(kv.text), "%lld", (long long)value);
    return kv;
}

static void put_json_field(struct buf *line, const char *key, const char *value)
{
    buf_putc(line, ',');
    buf_put_json_string(line, span_of(key));
    buf_putc(line, ':');
    buf_put_json_string(line, span_of(value));
}

static void put_json(struct buf *line, const char *ts, enum log_level level, const char *msg,
                     const struct log_kv *kv, int kv_count)
{
    buf_puts(line, "{\"ts\":");
    buf_put_json_string(line, span_of(ts));
    put_json_field(line, "level", LEVEL_NAMES[level]);
    put_json_field(line, "process", logger.process);
    put_json_field(line, "instance", logger.instance);
    put_json_field(line, "msg", msg);
    for (int i = 0; i < kv_count; i++) {
        if (!kv[i].key[0])
            continue;
        if (!kv[i].is_number) {
            put_json_field(line, kv[i].key, kv[i].text);
            continue;
        }
        buf_putc(line, ',');
        buf_put_json_string(line, span_of(kv[i].key));
        buf_putc(line, ':');
        buf_puts(line, kv[i].text);
    }
    buf_puts(line, "}\n");
}

/* Text for people; values that hold a space, quote or control character stand as JSON strings. */
static void put_text(struct buf *line, const char *ts, enum log_level level, const char *msg,
                     const struct log_kv *kv, int kv_count)
{
    buf_printf(line, "%.8s %-5s %s: %s", ts + 11, LEVEL_NAMES[level], logger.process, msg);
    for (int i = 0; i < kv_count; i++) {
        if (!kv[i].key[0])
            continue;
        buf_printf(line, " %s=", kv[i].key);
        int plain = kv[i].text[0] != '\0';
        for (const char *c = kv[i].text; *c; c++)
            plain = plain && (unsigned char)*c > ' ' && *c != '"' && *c != 0x7f;
        if (plain)
            buf_puts(line, kv[i].text);
        else
            buf_put_json_string(line, span_of(kv[i].text));
    }
    buf_putc(line, '\n');
}

void log_event(enum log_level level, const char *msg, const struct log_kv *kv, int kv_count)
{
    if ((int)level < logger.level)
        return;
    char ts[TIMESTAMP_BYTES];
    timestamp_format(clock_wall_ms(&CLOCK_SYSTEM), ts);
    struct buf line;
    buf_init(&line, LOG_LINE_MAX_BYTES);
    if (logger.as_text)
        put_text(&line, ts, level, msg, kv, kv_count);
    else
        put_json(&line, ts, level, msg, kv, kv_count);
    struct span text = line.failed ? span_of("{\"msg\":\"log line too long\"}\n") : buf_span(&line);
    if (write(STDERR_FILENO, text.data, text.len) < 0) {
        /* A log that cannot be written has nobody to be told. */
    }
    buf_clear(&line);
}
