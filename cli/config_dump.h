/*
 * config_dump — a configuration as libconfig text, as it works: includes in place, defaults written out, nothing secret in it.
 */
#ifndef TANDEM_CLI_CONFIG_DUMP_H
#define TANDEM_CLI_CONFIG_DUMP_H

#include <libconfig.h>

#include "base/buf.h"

/* What belongs into a group though its configuration does not know it: a source's own options. Puts lines; may put nothing. */
typedef void config_dump_more(void *self, const config_setting_t *group, struct buf *out);

/*
 * Defaults (conf_report.keep_defaults) stand behind what was written, with the remark that they are; a group with pii = true is marked.
 * Secrets are left out: passwords, keys and tokens among Kafka properties and connector headers, user and password of a URL. What names a
 * secret file stays: it is not the secret. more may be NULL.
 */
void config_dump(const config_setting_t *root, config_dump_more *more, void *self, struct buf *out);

/* text of the property, header or URL without what must not be seen. */
void config_dump_redacted(const char *text, struct buf *out);

#endif
