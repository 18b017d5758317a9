/*
 * conf_internal — what the files of conf share and nobody else needs.
 */
#ifndef TANDEM_BASE_CONF_INTERNAL_H
#define TANDEM_BASE_CONF_INTERNAL_H

#include <stdarg.h>

#include "base/conf.h"

/* As conf_mistake, for a place that is not a setting. file is copied, NULL = "". */
void conf_mistake_at(struct conf_report *report, const char *file, int line, const char *suggestion,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * Report each integer literal of the file and of what it includes that does
 * not fit its type: 32 bits, 64 bits with the suffix L. include_dir is where
 * @include looks, as libconfig does.
 */
void conf_scan_literals(const char *path, const char *include_dir, struct conf_report *report);

/* Add the option's default to a group that leaves it out; nothing where there is none. */
void conf_add_default(config_setting_t *group, const struct conf_option *option);

/* NULL when only the owner may read the file, else why not (static text). */
const char *secret_objection(const char *path);

#endif
