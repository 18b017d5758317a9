/*
 * crew — all processes of a migration: which there are, and the file in
 * run_dir by which `tandem status` finds them.
 */
#ifndef TANDEM_CLI_CREW_H
#define TANDEM_CLI_CREW_H

#include "cli/child.h"
#include "model/migration.h"

enum { CREW_MAX = 64 };

struct crew {
    struct child children[CREW_MAX];
    int count;
    char names[CREW_MAX][16]; /* instance ids, borrowed by the children's args */
    char path[4096];          /* run_dir/processes.json */
};

/* One tandem-<type> per source, apply.instances tandem-apply. run_dir must exist. config: path. */
int crew_init(struct crew *crew, const struct migration *migration, const char *config,
              struct err *err);
void crew_clear(struct crew *crew);

/*
 * Write run_dir/processes.json anew (renamed into place):
 * {"v":1,"pid":…,"processes":[{"name":"apply/1","pid":…,"state":"running","address":"127.0.0.1:…",
 *   "log":"…","restarts":0,"exit":0}]}
 */
int crew_write(const struct crew *crew, struct err *err);

#endif
