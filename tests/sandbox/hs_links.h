/*
 * hs_links — associations between records: their types, kept in both
 * directions, each change in the ledger of links. Inside store_begin/store_end.
 */
#ifndef TANDEM_SANDBOX_HS_LINKS_H
#define TANDEM_SANDBOX_HS_LINKS_H

#include "tests/sandbox/hs.h"

enum { LINK_TYPES_MAX = 8 };

/* https://developers.hubspot.com/docs/api/crm/associations: HubSpot's own types are numbers per direction. */
struct link_type {
    const char *from, *to;
    int id, inverse;
    const char *label;   /* NULL: the unlabelled one, which every association has */
    bool one_per_record; /* a second one takes the label from the first */
    bool limited;        /* a second one is refused */
    bool user;           /* USER_DEFINED: a label of this account */
};

struct link {
    const char *from_object, *to_object; /* the schema's spelling */
    char from_id[ID_BYTES], to_id[ID_BYTES];
};

struct link_writer {
    const char *who;
    int64_t request_id;
    bool late;
};

/* id 0: the unlabelled one. NULL: there is none between these objects. */
const struct link_type *hs_link_type(const char *from, const char *to, int id);
/* "HUBSPOT_DEFINED" or "USER_DEFINED"; NULL counts as the former. */
const char *hs_link_category(const struct link_type *type);
/* The i-th type between these objects, NULL behind the last. */
const struct link_type *hs_link_type_at(const char *from, const char *to, int i);

/* Whether the record is there and not archived. */
bool hs_link_end_lives(struct store *store, const char *object, const char *id);

/* False: the type is limited and there is another one; nothing was written. */
bool hs_link_add(struct store *store, const struct link *link, const struct link_type *type,
                 const struct link_writer *writer);

/* One type, or with NULL all that there are; of the unlabelled one: all. */
void hs_link_remove(struct store *store, const struct link *link, const struct link_type *type,
                    const struct link_writer *writer);

/* A merge takes a link from one record to another, without what that one may not have. */
void hs_link_move(struct store *store, const struct link *old, const struct link *new, int type,
                  const struct link_writer *writer);

/* {"results":[…]} entries of a record's associations with live records of to_object, behind after. */
json_t *hs_link_list(struct store *store, const char *from_object, const char *from_id,
                     const char *to_object, const char *after, int limit,
                     char ret_next[ID_BYTES]); /* "" on the last page */

#endif
