/*
 * sf — the Salesforce shape: what its files share.
 */
#ifndef TANDEM_SANDBOX_SF_H
#define TANDEM_SANDBOX_SF_H

#include "tests/sandbox/sandbox.h"
#include "tests/sandbox/sf_format.h"
#include "tests/sandbox/sf_id.h"

/* [{"message","errorCode"(,"fields")}]; field NULL: no fields key. Always rolls back. */
void sf_error(struct reply *reply, int status, const char *code, const char *field,
              const char *format, ...) __attribute__((format(printf, 5, 6)));

void sf_query(struct sandbox *sandbox, const struct request *request, struct reply *reply);
void sf_query_more(struct sandbox *sandbox, const struct request *request, struct reply *reply);
void sf_sobjects(struct sandbox *sandbox, const struct request *request, struct reply *reply);
void sf_list_objects(struct sandbox *sandbox, struct reply *reply);
void sf_describe(struct sandbox *sandbox, const char *object, struct reply *reply);
/* GET sobjects/{S}/deleted/?start&end */
void sf_deleted(struct sandbox *sandbox, const struct request *request, const char *object,
                struct reply *reply);
void sf_read_many(struct sandbox *sandbox, const struct request *request, struct reply *reply);

/* One field value of an API write or a person's edit, checked and in the stored form, appended to patch. False: reply has the error. */
bool sf_put_value(struct buf *patch, const struct property *property, json_t *value,
                  struct reply *reply);
/* All of them; create: the required ones must be there. */
bool sf_put_fields(struct store *store, const char *object, json_t *fields, bool create,
                   struct buf *patch, struct reply *reply);

#endif
