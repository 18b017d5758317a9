/*
 * connector — the parts of `tandem connector test`.
 */
#ifndef TANDEM_CLI_CONNECTOR_H
#define TANDEM_CLI_CONNECTOR_H

#include "model/migration.h"

/* One connector file, read. */
struct connector_file {
    const char *path;
    config_t config;
    config_setting_t *group; /* its group connector */
};

struct connector_account { /* where to try it, as the flags say */
    const char *config, *system, *object, *fields;
};

/* Offline, on every recorded page of folder. Returns the number of mistakes, which have been printed. */
int connector_offline(const struct connector_file *file, const char *folder);

/* Online, reads only. Returns the process's exit code. */
int connector_online(const struct connector_file *file, const struct connector_account *account);

#endif
