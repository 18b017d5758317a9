/*
 * hs — the HubSpot shape: what its files share.
 */
#ifndef TANDEM_SANDBOX_HS_H
#define TANDEM_SANDBOX_HS_H

#include "tests/sandbox/sandbox.h"
#include "tests/sandbox/tape.h"
#include "tests/sandbox/write.h"

enum {
    HS_PROPERTIES_MAX = 300,
    HS_BATCH_MAX = 100,
    HS_LIST_MAX = 100,
    HS_HISTORY_MAX = 50, /* records a request when histories are asked for */
    HS_HISTORY_PROPERTIES_MAX = 100,
    HS_MESSAGE_BYTES = 1024
};

/* {"status":"error","message","correlationId","category"}; category NULL: none. Always rolls back. */
void hs_error(struct reply *reply, int64_t request_id, int status, const char *category,
              const char *format, ...) __attribute__((format(printf, 5, 6)));

/* What a reader wants of each record. */
struct hs_want {
    const struct property *items[HS_PROPERTIES_MAX];
    int hints[HS_PROPERTIES_MAX];
    int count;
    const struct property *history[HS_HISTORY_PROPERTIES_MAX];
    int history_count;
};
/* The object's default properties, the system ones first. */
void hs_want_defaults(struct hs_want *want, const struct store *store, const char *object);
/* Only the system ones: id, created, modified. */
void hs_want_system(struct hs_want *want, const struct store *store, const char *object);
/* One more; unknown names and doubles are ignored, as HubSpot does. */
void hs_want_add(struct hs_want *want, const struct store *store, const char *object,
                 const char *name);
void hs_want_history(struct hs_want *want, const struct store *store, const char *object,
                     const char *name);

/* What a result says besides the record. */
struct hs_extra {
    bool has_new, is_new;
    const char *trace_id; /* or NULL */
};
void hs_put_record(struct sandbox *sandbox, struct buf *body, const char *object,
                   const struct record *record, struct hs_want *want, const struct hs_extra *extra);
void hs_put_history(struct store *store, struct buf *body, const char *object, const char *id,
                    const struct hs_want *want);

/* Why one item was not done. */
struct hs_failure {
    int status;
    const char *category;
    char message[HS_MESSAGE_BYTES];
    char id[ID_BYTES]; /* of the record it is about, or "" */
    int64_t version;   /* VERSION_MISMATCH: the current one */
};
bool hs_fail(struct hs_failure *failure, int status, const char *category, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Check and normalise properties into a patch ('{' … '}'). False: failure says what is wrong with all of them. */
bool hs_put_properties(struct store *store, const char *object, const struct tape *tape,
                       int properties, struct buf *patch, struct hs_failure *failure);
/* The stored form of an e-mail. */
void hs_put_email(struct span text, struct buf *ret_email);

enum hs_verb { HS_CREATE, HS_UPDATE, HS_UPSERT };

/* One record to write. */
enum { HS_ID_BYTES = 512 };
struct hs_item {
    enum hs_verb verb;
    char id[HS_ID_BYTES], id_property[NAME_BYTES], trace_id[HS_ID_BYTES]; /* "": none */
    const struct tape *tape;                                              /* borrowed */
    int properties;     /* index of the properties object in it; 0: none */
    int64_t if_version; /* -1: unconditional */
};
/* if_version of the object at index at. */
int64_t hs_if_version(const struct tape *tape, int at);
/* The system properties and those that were written. */
void hs_want_written(struct hs_want *want, const struct store *store, const char *object,
                     const struct hs_item *item);
bool hs_write_item(struct sandbox *sandbox, const struct request *request, const char *object,
                   const char *who, const struct hs_item *item, struct record *ret_record,
                   bool *ret_new, struct hs_failure *failure);
void hs_archive(struct sandbox *sandbox, const struct request *request, const char *object,
                const char *who, const char *id);
/* What was archived is gone for ever. */
void hs_purge(struct sandbox *sandbox, const char *object, const char *id);
/* The record that has this id, or this value of a unique property. */
bool hs_resolve(struct store *store, const char *object, const char *id_property, const char *id,
                char ret_id[ID_BYTES]);
/* Archived ones too. */
bool hs_owner_exists(struct store *store, const char *id);
/* "CONTACT" for "contacts" */
const char *hs_singular(const char *object);
/* "contact" for "contacts" */
const char *hs_singular_lower(const char *object);

void hs_objects(struct sandbox *sandbox, const struct request *request, const char *object,
                struct reply *reply);
void hs_list(struct sandbox *sandbox, const struct request *request, const char *object,
             struct reply *reply);
void hs_search(struct sandbox *sandbox, const struct request *request, const char *object,
               struct reply *reply);
void hs_batch(struct sandbox *sandbox, const struct request *request, const char *object,
              struct reply *reply);
/* Associations v4: …/associations/{from}/{to}/… and …/objects/{from}/{id}/associations/… */
void hs_associations(struct sandbox *sandbox, const struct request *request, struct reply *reply);
void hs_owners(struct sandbox *sandbox, const struct request *request, struct reply *reply);
void hs_properties(struct sandbox *sandbox, const struct request *request, const char *object,
                   struct reply *reply);

#endif
