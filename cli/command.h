/*
 * command — what a command of `tandem` is: a row of the table in main.c, a
 * function, and a table of flags that is parsed by getopt_long and printed by --help.
 */
#ifndef TANDEM_CLI_COMMAND_H
#define TANDEM_CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "model/migration.h"

struct command {
    const char *name;
    const char *arguments; /* "<entity>" in the usage line; "" none */
    const char *summary;   /* one line */
    const char *help;      /* what it does, what it reads and writes, an example */
    int (*run)(const struct command *self, int argc, char **argv); /* the process's exit code */
};

extern const struct command COMMAND_CHECK, COMMAND_TOPICS, COMMAND_PREVIEW, COMMAND_RUN,
    COMMAND_STATUS, COMMAND_SWEEP, COMMAND_PAUSE, COMMAND_RESUME, COMMAND_REPORT, COMMAND_CONFIG,
    COMMAND_REVIEW, COMMAND_EXPLAIN, COMMAND_TRUTH, COMMAND_RESET, COMMAND_CONNECTOR;

enum flag_type { FLAG_BOOL, FLAG_STRING, FLAG_INT };
struct flag {
    const char *name; /* "limit": --limit */
    enum flag_type type;
    void *target;     /* bool, const char *, int64_t; holds its default */
    int64_t min, max; /* FLAG_INT, inclusive */
    const char *argument, *help;
};

/*
 * Parse argv (argv[0] is the command's name) by flags (ends with {0}); --help
 * and -h are there always and print the manual. Arguments that are no flags are moved behind;
 * more of them than self->arguments has words are a mistake.
 * Returns the index of the first of them, or -1 with *ret_exit: 0 after --help, EX_USAGE after a
 * mistake, which has been printed.
 */
int command_parse(const struct command *self, const struct flag *flags, int argc, char **argv,
                  int *ret_exit);

/* The row of --config; its default is $TANDEM_CONFIG, else "tandem.cfg". */
#define FLAG_CONFIG(target)                              \
    {                                                    \
        "config", FLAG_STRING, (target), 0, 0, "FILE",   \
            "the migration ($TANDEM_CONFIG, tandem.cfg)" \
    }
const char *command_config_default(void);

/*
 * Open the migration; on mistakes print all of them and return NULL with
 * *ret_exit EX_CONFIG. Close with migration_close.
 */
struct migration *command_migration(const char *path, int *ret_exit);

/* "ann@host": for people, no proof of anything. */
enum { COMMAND_WHO_BYTES = 80 };
void command_who(char who[COMMAND_WHO_BYTES]);

/* "tandem: " and the error on stderr. Returns the exit code that belongs to it. */
int command_fail(const struct err *err);

/*
 * The path of another executable of Tandem ("tandem-poll"), which lies beside
 * this one. ret_path has size bytes. Returns 0, or -1 with ERR_FATAL.
 */
int command_sibling(const char *name, char *ret_path, size_t size, struct err *err);

#endif
