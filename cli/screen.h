/*
 * screen — what `tandem run` shows: the lines of its processes, each with the
 * process's name in front, and on a terminal one live line below them.
 */
#ifndef TANDEM_CLI_SCREEN_H
#define TANDEM_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

struct screen {
    bool terminal; /* stderr is one */
    bool verbose;  /* show info lines on a terminal too; elsewhere they always are shown */
    bool live_shown;
    struct json_tape tape;
    char live[1024];
};

void screen_init(struct screen *screen, bool verbose);
void screen_clear(struct screen *screen); /* ends the live line */

int screen_width(const struct screen *screen); /* columns of the terminal; 0 = no terminal */

/* A line that a process wrote. JSON becomes text on a terminal. */
void screen_process_line(struct screen *screen, const char *name, const char *line, size_t len);

/* A line of our own. */
void screen_say(struct screen *screen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The live line anew; where there is no terminal it becomes a line like others. */
void screen_live(struct screen *screen, const char *text);

/* The value of a string member of a JSON log line; SPAN_NONE. Borrowed until the next line. */
struct span screen_member(struct screen *screen, const char *line, size_t len, const char *member);

#endif
