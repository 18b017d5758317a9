/*
 * hs_associations — one request about associations on its way to its answer.
 */
#ifndef TANDEM_SANDBOX_HS_ASSOCIATIONS_H
#define TANDEM_SANDBOX_HS_ASSOCIATIONS_H

#include "tests/sandbox/hs_links.h"

enum { LINK_LIST_LIMIT = 500 };

struct links {
    struct sandbox *sandbox;
    const struct request *request;
    struct reply *reply;
    const char *from, *to; /* object types, the schema's spelling */
    struct link_writer writer;
    json_t *results, *errors; /* owned */
};

/* holder's "id" as text: HubSpot takes numbers too. "": there is none. */
void link_id_of(json_t *holder, char ret_id[ID_BYTES]);

/* Each adds a result or an error; archiving adds neither, unless a type is none. */
void link_create(struct links *links, const struct link *link, json_t *specs);
void link_create_default(struct links *links, const struct link *link);
void link_read(struct links *links, json_t *input);
void link_archive(struct links *links, json_t *input, bool labels);

#endif
