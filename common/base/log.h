/*
 * log — one line an event: JSON on stderr, text when stderr is a terminal.
 * Lines carry ts, level, process, instance, msg and the caller's fields. No
 * payloads: a field marked pii never reaches this file.
 */
#ifndef TANDEM_BASE_LOG_H
#define TANDEM_BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_, LOG_LEVEL_COUNT };

/* process, instance: borrowed, must live as long as the process (argv or static). */
void log_init(const char *process, const char *instance, enum log_level level);
void log_set_level(enum log_level level);
int log_level_parse(const char *name); /* "debug", "info", "warn", "error"; -1 unknown */

/*
 * log_info("page published", log_str("entity", name), log_int("records", n));
 * Call these macros inside functions only; at least the message is needed.
 */
struct log_kv {
    const char *key;
    char text[256]; /* already rendered; numbers too */
    int is_number;
};
struct log_kv log_str(const char *key, const char *value); /* NULL value = "" */
struct log_kv log_int(const char *key, int64_t value);
/* kv with an empty key are left out. */
void log_event(enum log_level level, const char *msg, const struct log_kv *kv, int kv_count);

#define LOG_END_           ((struct log_kv){"", "", 0})
#define log_at(level, ...) log_at_(level, __VA_ARGS__, LOG_END_)
#define log_at_(level, msg, ...)                                \
    log_event(level, msg, (const struct log_kv[]){__VA_ARGS__}, \
              (int)(sizeof((const struct log_kv[]){__VA_ARGS__}) / sizeof(struct log_kv)))
#define log_debug(...) log_at(LOG_DEBUG_, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO_, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN_, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR_, __VA_ARGS__)

#endif
