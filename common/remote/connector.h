/*
 * connector — a connector file as data: the group `connector` of a system in
 * the configuration, read through tables, and its templates expanded. See
 * deploy/connectors/README.md for the file's grammar.
 */
#ifndef TANDEM_REMOTE_CONNECTOR_H
#define TANDEM_REMOTE_CONNECTOR_H

#include "base/conf.h"

struct connector;

/* Read and check a connector group; mistakes with file:line go to report. NULL when there is any. Borrows group's strings. */
struct connector *connector_open(const config_setting_t *group, struct conf_report *report);
void connector_close(struct connector *connector);

#endif
