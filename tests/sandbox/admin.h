/*
 * admin — what its files share.
 */
#ifndef TANDEM_SANDBOX_ADMIN_H
#define TANDEM_SANDBOX_ADMIN_H

#include "tests/sandbox/sandbox.h"

/* The schema's spelling of body's "object"; NULL with the error in reply. */
const char *admin_object(struct sandbox *sandbox, json_t *body, struct reply *reply);
/* "modstamp": milliseconds or ISO text; 0 when absent; false with the error in reply. */
bool admin_modstamp(json_t *body, int64_t *ret_ms, struct reply *reply);

/* POST /admin/people/merge, restore, purge; false: another verb. */
bool admin_ends(struct sandbox *sandbox, const struct request *request, json_t *body,
                struct reply *reply);
/* POST /admin/people/associate and dissociate; GET /admin/links. */
void admin_links(struct sandbox *sandbox, const struct request *request, json_t *body,
                 struct reply *reply);
void admin_links_dump(struct sandbox *sandbox, const struct request *request, struct reply *reply);

/* POST /admin/people/<verb>, inside store_begin/store_end. */
void admin_people(struct sandbox *sandbox, const struct request *request, json_t *body,
                  struct reply *reply);

#endif
