/*
 * child — the tap: a program run without a shell, in a process group of its own, with limits; its lines, one after another; its end. It dies
 * with this process (PR_SET_PDEATHSIG, Linux prctl(2)); what it has started itself ends with its group, or at the end of its pipes.
 */
#ifndef TANDEM_SINGER_CHILD_H
#define TANDEM_SINGER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct child_limits {
    int64_t
        memory_max_mib; /* of address space, RLIMIT_AS; 0 = none (Node.js reserves more than it uses) */
    int64_t cpu_max_s;    /* RLIMIT_CPU; 0 = none */
    int64_t files_max;    /* RLIMIT_NOFILE */
    int64_t file_max_mib; /* RLIMIT_FSIZE */
};

enum { CHILD_SAYING_BYTES = 256 };

struct child {
    pid_t pid; /* 0: none */
    int out, log;
    struct buf lines; /* what was read of out, from taken on not handed out yet */
    size_t taken;
    size_t line_max_bytes;
    bool skipping;                 /* the rest of a line that was too long */
    bool ended;                    /* nothing more comes from out */
    struct buf saying;             /* the line on stderr that is not complete */
    char last[CHILD_SAYING_BYTES]; /* the last one that was complete, masked; "" none */
    int64_t said_minute;
    int said; /* lines that were logged in that minute */
    char *const
        *masks; /* texts that must not be in the log; NULL-terminated, borrowed; may change */
    int64_t heard_mono_ms; /* when it last gave something on out */
};

void child_init(struct child *child, size_t line_max_bytes);

/*
 * argv[0] is a path; environment is all that it gets, dir is where it works. -1: ERR_RETRY (no process, no pipe); a program that cannot be run
 * ends with code 126, and says why in the log.
 */
int child_start(struct child *child, const char *const *argv, const char *const *environment,
                const char *dir, const struct child_limits *limits, int64_t mono_ms,
                struct err *err);

/* Wait until it gives something, at most timeout_ms, and take it: lines on stderr are logged. */
void child_read(struct child *child, int timeout_ms, int64_t mono_ms);

enum child_line {
    CHILD_NOTHING,
    CHILD_LINE,
    CHILD_TOO_LONG, /* the beginning of it */
    CHILD_REST      /* the child ended in the middle of it, or left out its end */
};
/* The next line, without its end; borrowed until child_read. */
enum child_line child_next(struct child *child, struct span *ret_line);

/* Has it ended? Then *ret_status is waitpid(2)'s, and pid is 0. */
bool child_reap(struct child *child, int *ret_status);

/* End it: SIGTERM to its group, SIGKILL after grace_ms. */
void child_end(struct child *child, int64_t grace_ms);
void child_clear(struct child *child); /* of an ended one: buffers and pipes */

/* "exit code 1", "signal 9 (Killed)". */
void child_words(int status, char *ret_words, size_t size);

#endif
