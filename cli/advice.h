/*
 * advice — what a class of tandem-verify means, and what to do about it: one table.
 */
#ifndef TANDEM_CLI_ADVICE_H
#define TANDEM_CLI_ADVICE_H

/* The words for a class name ("first-meeting"), or NULL. */
const char *advice_for(const char *class_);

#endif
