/*
 * capture — run another program and take what it writes.
 */
#ifndef TANDEM_CLI_CAPTURE_H
#define TANDEM_CLI_CAPTURE_H

#include "base/buf.h"
#include "base/err.h"

enum capture_what { CAPTURE_OUT /* stderr stays the terminal's */, CAPTURE_BOTH };

/*
 * Run argv[0] (a path) to its end. out's own limit bounds what is kept.
 * ret_status: the exit code, or 128 + signal. Returns 0, or -1 with ERR_FATAL when it could not be
 * started.
 */
int capture(const char *const *argv, enum capture_what what, struct buf *out, int *ret_status,
            struct err *err);

#endif
