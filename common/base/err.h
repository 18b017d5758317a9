/*
 * err — one error value that travels from where a failure happens to where
 * it is decided what to do about it. The first message wins, callers add
 * context in front of it; library code fills an err, only main loops log one.
 */
#ifndef TANDEM_BASE_ERR_H
#define TANDEM_BASE_ERR_H

/* The kind names the next step of whoever holds the error. */
enum err_kind {
    ERR_NONE,   /* no error */
    ERR_RETRY,  /* the world may heal: wait and try the same again */
    ERR_REJECT, /* this item can never work: dead-letter it and go on */
    ERR_FATAL,  /* flush and exit; the message says what to do */
    ERR_KIND_COUNT
};

enum { ERR_TEXT_BYTES = 512 };

struct err {
    enum err_kind kind;
    int exit_code; /* sysexits(3) code for ERR_FATAL; 0 = choose EX_SOFTWARE */
    char text[ERR_TEXT_BYTES];
};

/* An empty error to start from: struct err err = ERR_INIT; */
#define ERR_INIT        \
    {                   \
        ERR_NONE, 0, "" \
    }

/* Fill err (may be NULL) unless it is filled already. Always returns -1, so that `return
 * err_set(…);` reads well. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set with ERR_FATAL and a sysexits(3) code. */
int err_exit(struct err *err, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "context: " in front of a filled err. Always returns -1. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empty it, before a retry. */
void err_clear(struct err *err);

/* "none", "retry", "reject", "fatal". */
const char *err_kind_name(enum err_kind kind);

#endif
