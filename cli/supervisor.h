/*
 * supervisor — keeps all processes of a migration running until it is told to stop.
 */
#ifndef TANDEM_CLI_SUPERVISOR_H
#define TANDEM_CLI_SUPERVISOR_H

#include <stdbool.h>

#include "model/migration.h"

/*
 * Runs until SIGTERM or SIGINT, or until no process is left that could be started again. SIGHUP is
 * handed on. run_dir must exist and be locked. words: said first; may be "".
 * ret_clean: false when a process was given up, was killed or ended badly (each is named).
 * Returns 0, or -1 with ERR_FATAL.
 */
int supervise(const struct migration *migration, const char *config, const char *words,
              bool verbose, bool *ret_clean, struct err *err);

#endif
