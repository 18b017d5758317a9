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

/* Does the connector say how records of object are put aside ("archive"), removed for ever ("delete")? Any other policy needs nothing. */
bool connector_does(const struct connector *connector, const char *policy, const char *object);

#endif
