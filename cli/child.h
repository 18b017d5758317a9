/*
 * child — one process of the migration under `tandem run`: started, its
 * output read line by line, started again after it died, with a growing pause, until that is no use.
 */
#ifndef TANDEM_CLI_CHILD_H
#define TANDEM_CLI_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { CHILD_ARGS_MAX = 16, CHILD_LINE_BYTES = 8192, CHILD_NAME_BYTES = 80 };

enum child_state {
    CHILD_RUNNING,
    CHILD_RESTARTING, /* dead; to be started at start_ms */
    CHILD_GIVEN_UP, /* not started again: its exit code says that it is no use, or it died too often */
    CHILD_STOPPED /* ended after it was asked to */
};
const char *child_state_name(enum child_state state);

struct child {
    char name[CHILD_NAME_BYTES]; /* "poll/salesforce-poll", "apply/1" */
    char program[4096];
    const char *args[CHILD_ARGS_MAX]; /* borrowed; NULL-terminated; args[0] is the program */
    char log_path[4096];
    char address[64]; /* of its health listener, once it said so */
    enum child_state state;
    pid_t pid;
    int out_fd, log_fd;           /* -1 = closed */
    int deaths;                   /* in a row, each soon after the start */
    int restarts;                 /* in all */
    int exit_code;                /* of the last end; 128 + signal */
    int64_t started_ms, start_ms; /* monotonic */
    char line[CHILD_LINE_BYTES];  /* the beginning of a line that is not whole yet */
    size_t line_len;
};

/* Start or start again. Its stdin is /dev/null; it gets SIGTERM when this process dies. */
int child_start(struct child *child, int64_t now_ms, struct err *err);

/* Take what it has written; each whole line goes to its log and to fn. False: it has closed its end. */
bool child_read(struct child *child,
                void (*fn)(void *self, struct child *child, char *line, size_t len), void *self);

/*
 * It ended with this status (waitpid): decides whether it is started again. stopping: it was asked
 * to end.
 */
void child_ended(struct child *child, int status, bool stopping, int64_t now_ms);

void child_clear(struct child *child); /* closes what is open */

/* The pause before the start after so many early deaths in a row; -1 = no more. Pure. */
int64_t child_backoff_ms(int deaths, int exit_code);

#endif
