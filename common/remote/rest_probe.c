/*
 * rest_probe — the one question that shows whether a system can be used at all.
 */
#include "remote/rest_internal.h"

int rest_probe(struct rest *rest, struct err *err)
{
    const struct migration *migration = rest->migration;
    bool old = migration && migration->old_system == rest->settings;
    struct rest_op op;
    rest_op_init(&op);
    op.kind = REST_LIST;
    op.page_records = 1;
    if (migration && migration->entity_count)
        op.object = old ? migration->entities[0].old_object : migration->entities[0].new_object;
    int64_t retry_after_ms = 0;
    int result = -1;
    if (op.object && rest_start(rest, &op, err) == 0)
        result = rest_finish(rest, &op, &retry_after_ms, err) == REST_DONE ? 0 : -1;
    else if (!op.object)
        err_set(err, ERR_FATAL, "%s: no entity names an object to read", rest->settings->name);
    rest_op_clear(&op);
    return result;
}
