/*
 * preview_references — what records refer to, in the new system's ids, as tandem-apply would look them up: the twins in the state topics of the
 * entities they lead to, people by their e-mail address.
 */
#ifndef TANDEM_CLI_PREVIEW_REFERENCES_H
#define TANDEM_CLI_PREVIEW_REFERENCES_H

#include "model/migration.h"
#include "model/record.h"
#include "remote/rest.h"

struct preview_systems {
    const struct migration *migration;
    struct rest *old_rest, *new_rest;
    bool prepared; /* there are state topics */
};

/*
 * Per record and field the new system's key of what it refers to, "hubspot:123": ret_twins[record][field]; SPAN_NONE: it refers to
 * nothing, or that is not there yet. records[i].values NULL: it fails its mapping. Everything in arena memory. Reads each state topic
 * that is referred to once, and asks the systems for each person once. Returns 0, or -1 with err.
 */
int preview_references_read(const struct preview_systems *systems, const struct entity *entity,
                            const struct record *records, int count, struct arena *arena,
                            struct span **ret_twins, struct err *err);

/* What they are, a line each; nothing where the entity refers to nothing. */
void preview_references_print(const struct entity *entity, const struct record *record,
                              const struct span *twins);

/* Says the references in the new system's terms, as apply merges them; what is not there yet is MISSING. */
void preview_references_put(const struct entity *entity, struct record *record,
                            const struct span *twins);

#endif
