/*
 * err — see err.h. The first message wins.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char *const KIND_NAMES[] = {"none", "retry", "reject", "fatal"};
_Static_assert(sizeof(KIND_NAMES) / sizeof(KIND_NAMES[0]) == ERR_KIND_COUNT, "a name per kind");

static int err_fill(struct err *err, enum err_kind kind, int exit_code, const char *format,
                    va_list args) __attribute__((format(printf, 4, 0)));

static int err_fill(struct err *err, enum err_kind kind, int exit_code, const char *format,
                    va_list args)
{
    if (!err || err->kind != ERR_NONE)
        return -1;
    err->kind = kind;
    err->exit_code = exit_code;
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    return -1;
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_fill(err, kind, kind == ERR_FATAL ? EX_SOFTWARE : 0, format, args);
    va_end(args);
    return -1;
}

int err_exit(struct err *err, int exit_code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_fill(err, ERR_FATAL, exit_code, format, args);
    va_end(args);
    return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
    if (!err || err->kind == ERR_NONE)
        return -1;
    char text[ERR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0)
        return -1;
    size_t at = (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    (void)snprintf(text + at, sizeof(text) - at, ": %s", err->text);
    memcpy(err->text, text, sizeof(text));
    return -1;
}

void err_clear(struct err *err)
{
    if (err)
        *err = (struct err)ERR_INIT;
}

const char *err_kind_name(enum err_kind kind)
{
    return (unsigned)kind < ERR_KIND_COUNT ? KIND_NAMES[kind] : "unknown";
}
