/*
 * conf_report — mistakes, collected and printed for the person who made them.
 */
#include "base/conf_internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void conf_report_init(struct conf_report *report)
{
    *report = (struct conf_report){0};
}

void conf_report_clear(struct conf_report *report)
{
    if (!report)
        return;
    free(report->mistakes);
    conf_report_init(report);
}

static void report_add(struct conf_report *report, const char *file, int line,
                       const char *suggestion, const char *format, va_list args)
    __attribute__((format(printf, 5, 0)));

static void report_add(struct conf_report *report, const char *file, int line,
                       const char *suggestion, const char *format, va_list args)
{
    if (!report->mistakes)
        report->mistakes = calloc(CONF_MISTAKES_MAX, sizeof(*report->mistakes));
    if (!report->mistakes || report->count == CONF_MISTAKES_MAX) {
        report->dropped++;
        return;
    }
    struct conf_mistake *mistake = &report->mistakes[report->count++];
    mistake->line = line;
    (void)snprintf(mistake->file, sizeof(mistake->file), "%s", file ? file : "");
    (void)snprintf(mistake->suggestion, sizeof(mistake->suggestion), "%s",
                   suggestion ? suggestion : "");
    (void)vsnprintf(mistake->text, sizeof(mistake->text), format, args);
    for (char *c = mistake->text; *c; c++)
        *c = *c == '\n' ? ' ' : *c;
}

void conf_mistake(struct conf_report *report, const config_setting_t *at, const char *suggestion,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char path[PATH_MAX];
    report_add(report, at ? conf_setting_file(at, path) : NULL,
               at ? (int)config_setting_source_line(at) : 0, suggestion, format, args);
    va_end(args);
}

void conf_mistake_at(struct conf_report *report, const char *file, int line, const char *suggestion,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_add(report, file, line, suggestion, format, args);
    va_end(args);
}

/* Mistakes of one line keep the order of their discovery. */
static void report_sort(struct conf_report *report)
{
    for (int i = 1; i < report->count; i++) {
        struct conf_mistake moving = report->mistakes[i];
        int at = i;
        for (; at > 0; at--) {
            const struct conf_mistake *left = &report->mistakes[at - 1];
            int order = strcmp(left->file, moving.file);
            if (order < 0 || (order == 0 && left->line <= moving.line))
                break;
            report->mistakes[at] = *left;
        }
        report->mistakes[at] = moving;
    }
}

void conf_report_print(struct conf_report *report, struct buf *out)
{
    report_sort(report);
    for (int i = 0; i < report->count; i++) {
        const struct conf_mistake *mistake = &report->mistakes[i];
        if (mistake->file[0] && mistake->line > 0)
            buf_printf(out, "%s:%d: ", mistake->file, mistake->line);
        else if (mistake->file[0])
            buf_printf(out, "%s: ", mistake->file);
        buf_puts(out, mistake->text);
        if (mistake->suggestion[0])
            buf_printf(out, "; %s", mistake->suggestion);
        buf_putc(out, '\n');
    }
    if (report->dropped)
        buf_printf(out, "and %d more\n", report->dropped);
}
