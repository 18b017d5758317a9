/*
 * check_rights — may this user do on Kafka what the processes will do? Asked by requests that the
 * broker judges and that change nothing, because this client library (2.0) cannot ask for authorized
 * operations (KIP-430).
 */
#ifndef TANDEM_CLI_CHECK_RIGHTS_H
#define TANDEM_CLI_CHECK_RIGHTS_H

#include "model/migration.h"

enum { RIGHTS_LACKS_MAX = 512 };

/* One right that is missing, or that could not be found out. */
struct rights_lack {
    bool is_group;
    bool unknown;          /* no answer in time */
    const char *operation; /* "Describe", "Read", "Write": as kafka-acls names it */
    char name[250];        /* of the topic or group */
};

/*
 * Read and Write on every topic of the migration, Read on the groups of its consumers. Topics that do not exist
 * are left out; one that this user may not see lacks Describe.
 * Takes a few seconds. lacks has room for RIGHTS_LACKS_MAX. Returns how many, or -1 with err.
 */
int check_rights(const struct migration *migration, struct rights_lack *lacks, struct err *err);

#endif
