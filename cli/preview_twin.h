/*
 * preview_twin — which record of the new system is the twin, and what would
 * be written to it: the way of tandem-apply in small, for one record and a person's eyes.
 */
#ifndef TANDEM_CLI_PREVIEW_TWIN_H
#define TANDEM_CLI_PREVIEW_TWIN_H

#include "model/migration.h"
#include "model/state.h"
#include "remote/rest.h"

struct preview_twin {
    bool found;
    const char *how; /* "row", "external id", or the field it was found by */
    int candidates;  /* more than one: a question, nothing would be written */
    struct span id, version, external_id;
    struct value *values; /* by field, as the new system says them */
};

/*
 * Look for the twin of record: by the row, by external id (unless the property is not there yet:
 * by_external_id false), by each unique match field. Everything in arena memory.
 */
int preview_find_twin(struct rest *rest, const struct entity *entity, const struct record *record,
                      struct span source_id, const struct row *row, bool by_external_id,
                      struct arena *arena, struct preview_twin *ret_twin, struct err *err);

/*
 * Per field what would be done; verdicts has entity->field_count. modified_ms: of the source's record. The declared truth decides as in
 * apply, but for "newest", which would have to ask for histories: it is shown as the question that it may be. Returns how many would be written.
 */
int preview_merge(const struct entity *entity, const struct record *record, int64_t modified_ms,
                  const struct row *row, const struct preview_twin *twin,
                  enum merge_verdict *verdicts);

/* The request for it as text; "" when there is nothing to write. mask: pii values as "***". */
int preview_request(struct rest *rest, const struct entity *entity, const struct record *record,
                    struct span source_id, const struct preview_twin *twin,
                    const enum merge_verdict *verdicts, bool mask, struct arena *arena,
                    struct buf *out, struct err *err);

#endif
