/*
 * conf — libconfig files read through tables. A table row is an option's
 * name, type, default, range and help, and so its documentation. Mistakes
 * are collected, all of them, with file:line and a suggestion; an unknown
 * key, a wrong type or a value out of range is an error.
 */
#ifndef TANDEM_BASE_CONF_H
#define TANDEM_BASE_CONF_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum conf_type {
    CONF_STRING, /* const char * at offset, borrowed from the config_t */
    CONF_INT, /* int64_t; a literal beyond 32 bits needs the L suffix, else refused (libconfig wraps
                 it) */
    CONF_BOOL,   /* bool */
    CONF_FLOAT,  /* double; an integer literal is taken too */
    CONF_SECRET, /* const char * absolute path, borrowed from the config_t, of a file that exists
                    and only its owner may read (else a mistake); relative to the configuration file
                  */
    CONF_FILE,   /* the same of a file that is no secret: it has to be readable */
    CONF_GROUP,  /* a nested group, list or array: only its presence is checked, config_setting_t *
                    at offset */
    CONF_TYPE_COUNT
};

struct conf_option {
    const char *name;
    enum conf_type type;
    size_t offset; /* into the caller's struct */
    bool required;
    const char *default_text;      /* for strings; NULL none */
    int64_t default_int, min, max; /* for CONF_INT, inclusive; CONF_BOOL uses default_int; also the
                                      range of CONF_FLOAT; min == max == 0: no range */
    double default_float;
    const char *const *choices; /* NULL-terminated list for CONF_STRING, or NULL */
    const char *help;
};

/* One mistake. text has no newline; suggestion may be empty ("did you mean \"email\"?"). */
struct conf_mistake {
    char file[256];
    int line;
    char text[320];
    char suggestion[256];
};

enum { CONF_MISTAKES_MAX = 200 };
struct conf_report {
    struct conf_mistake *mistakes; /* in order of discovery */
    int count;                     /* further ones than CONF_MISTAKES_MAX are counted in dropped */
    int dropped;
    bool
        keep_defaults; /* set before reading: conf_read_group adds the defaults to the group it reads */
};
void conf_report_init(struct conf_report *report);
void conf_report_clear(struct conf_report *report);
/*
 * The file that says a setting, as a path that can be opened: libconfig 1.5 names an included file as
 * the @include does, without the directory it was found in. NULL: not known. path: at least PATH_MAX bytes.
 */
const char *conf_setting_file(const config_setting_t *setting, char *path);
/* at: where; may be NULL (then file "" line 0). suggestion may be NULL. */
void conf_mistake(struct conf_report *report, const config_setting_t *at, const char *suggestion,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Sorted by file and line, one "file:line: text; suggestion" a line. */
void conf_report_print(struct conf_report *report, struct buf *out);

/*
 * Read a file; @include looks in the directory of this file (also from within
 * an included one: libconfig 1.5 knows one include directory). A syntax error
 * is the one mistake then reported (libconfig stops there). Else the text of
 * the file and its includes is scanned for integer literals beyond 32 bits
 * without L (libconfig wraps them silently), and each is reported.
 * *config must be config_init()ed by the caller.
 * Returns 0 when the file could be parsed (mistakes may be in report: go on
 * and find the others, then look at report->count), or -1.
 */
int conf_read_file(config_t *config, const char *path, struct conf_report *report);

/*
 * Fill self from group by the table (ends with {0}). Keys of the group that
 * are neither in the table nor in also_known (NULL-terminated, may be NULL)
 * are mistakes with the nearest known name as suggestion. NULL group: all defaults.
 * Returns 0, or -1 when anything was added to report; self is filled as far as possible.
 */
int conf_read_group(const config_setting_t *group, const struct conf_option *options,
                    const char *const *also_known, void *self, struct conf_report *report);

/* The absolute path of the file that a string setting names, relative to the configuration file; the config_t owns it. */
const char *conf_file_path(config_setting_t *setting);
/* What CONF_SECRET checks, for a path that stands in a list: a mistake at `at` unless only its owner may read the file. */
void conf_check_secret(const config_setting_t *at, const char *name, const char *path,
                       struct conf_report *report);

/* For showing a configuration as it works. Was this setting added by keep_defaults? */
bool conf_is_default(const config_setting_t *setting);
/* A string, number or boolean as libconfig writes it; a text in quotes. */
void conf_put_scalar(struct buf *out, const config_setting_t *setting);
void conf_put_text(struct buf *out, const char *text);
/* "name = value;", a line for each setting of the group that was added. */
void conf_put_defaults(struct buf *out, const config_setting_t *group);

/* The nearest of candidates (NULL-terminated) to word within edit distance max(2, len/3), or NULL.
 */
const char *conf_nearest(const char *word, const char *const *candidates);

/*
 * The content of a secret file, one trailing newline removed. Refused when
 * missing, empty, over 64 KiB or readable by group or others (the message says chmod 600).
 * ret_text: owned by the caller, free(3). Returns 0, or -1 with ERR_FATAL (EX_NOPERM / EX_CONFIG).
 */
int secret_read(const char *path, char **ret_text, struct err *err);

#endif
