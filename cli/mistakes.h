/*
 * mistakes — the lines "file:line: text" of several programs as one list:
 * each once, in order of place.
 */
#ifndef TANDEM_CLI_MISTAKES_H
#define TANDEM_CLI_MISTAKES_H

#include <stdio.h>

#include "base/buf.h"

struct mistakes {
    char **lines;
    int count, cap;
};

void mistakes_init(struct mistakes *mistakes);
void mistakes_clear(struct mistakes *mistakes);

/* Take every line of a report of ours, also one that names no line ("tandem.cfg: cannot be read"). */
void mistakes_add_report(struct mistakes *mistakes, struct span text);

/* Take the lines of another program's output that name a place; others and known ones are passed
 * over. Returns how many lines named a place. */
int mistakes_add_text(struct mistakes *mistakes, struct span text);

/* Sorted by file and line; what names no line stands first. */
void mistakes_print(struct mistakes *mistakes, FILE *out);

#endif
