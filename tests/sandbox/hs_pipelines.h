/*
 * hs_pipelines — the pipelines of deals and their stages: one table in memory,
 * kept in the store.
 */
#ifndef TANDEM_SANDBOX_HS_PIPELINES_H
#define TANDEM_SANDBOX_HS_PIPELINES_H

#include "tests/sandbox/hs.h"

/* Read them from the store, the default pipeline into it where it is missing. Inside store_begin/store_end. */
void hs_pipelines_open(struct store *store);
void hs_pipelines_close(struct store *store);

/* GET pipelines/deals[/{id}[/stages]]; only deals have pipelines here. */
void hs_pipelines(struct sandbox *sandbox, const struct request *request, struct reply *reply);

/* Admin: {"id","label","stages":[{"id","label","probability"?}]} adds or replaces one. False: error in reply. */
bool hs_pipelines_put(struct store *store, json_t *pipeline, struct reply *reply);

/* Whether a value of the property dealstage or pipeline is any pipeline's. */
bool hs_pipelines_know(const struct store *store, const char *property, const char *value);
/* Their options as the properties API shows them; new reference. */
json_t *hs_pipelines_options(const struct store *store, const char *property);

/*
 * A deal's patch: a new deal without a pipeline gets "default"; a stage must be
 * one of its pipeline's. id NULL: a new deal. False: failure says why not.
 */
bool hs_pipelines_fit(struct store *store, const char *id, struct buf *patch,
                      struct hs_failure *failure);

#endif
