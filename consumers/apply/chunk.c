/*
 * chunk — what the records of one chunk may use: its memory, its requests, and how many records fit.
 */
#include <stdlib.h>

#include "apply.h"

void apply_chunk_begin(struct apply *apply)
{
    arena_reset(&apply->arena);
    for (int i = 0; i < apply->ops_used; i++)
        rest_op_reset(apply->ops[i]);
    apply->ops_used = 0;
}

/* In thousandths, rounded up. */
static int ratio(int n, int a_request)
{
    return (1000 * n + a_request - 1) / (a_request > 0 ? a_request : 1);
}

int apply_chunk_max(const struct apply *apply, const struct apply_entity *ae, int most)
{
    const struct rest_traits *traits = rest_traits(apply->rest);
    int read = traits->read_max < traits->lookup_max ? traits->read_max : traits->lookup_max;
    /*
     * Thousandths of a request that a record takes. A round asks twice at worst (what is remembered, then the target itself), by id
     * and by each name; and half of all is for more rounds.
     */
    int cost = 4 * ratio(1 + ae->match_count, read) + 2 * ratio(1, traits->write_max);
    if (traits->history_max)
        cost += 2 * ratio(1, traits->history_max);
    if (ae->has_links) /* read; taken away and made */
        cost += 4 * (ratio(ae->reference_count, traits->links_max) +
                     ratio(2 * ae->reference_count, traits->link_max));
    int fits = APPLY_OPS_MAX * 1000 / (cost + 1);
    return fits < 1 ? 1 : fits < most ? fits : most;
}

struct rest_op *apply_op(struct apply *apply)
{
    if (apply->ops_used == APPLY_OPS_MAX)
        return NULL;
    struct rest_op **op = &apply->ops[apply->ops_used];
    if (!*op) {
        *op = malloc(sizeof **op);
        if (!*op)
            abort(); /* crash-safe by design */
        rest_op_init(*op);
    }
    apply->ops_used++;
    return *op;
}

void apply_op_release(struct apply *apply, struct rest_op *op)
{
    for (int i = 0; i < apply->ops_used; i++) {
        if (apply->ops[i] != op)
            continue;
        rest_op_reset(op);
        apply->ops[i] = apply->ops[--apply->ops_used];
        apply->ops[apply->ops_used] = op;
        return;
    }
}

int apply_read(struct apply *apply, struct rest_op **ops, int n, int64_t *ret_retry_after_ms,
               struct err *err)
{
    enum rest_outcome outcomes[APPLY_OPS_MAX];
    struct err why = ERR_INIT;
    if (n == 0)
        return 0;
    rest_run(apply->rest, ops, n, outcomes, ret_retry_after_ms, &why);
    for (int i = 0; i < n; i++)
        if (outcomes[i] != REST_DONE) {
            if (*ret_retry_after_ms < 1)
                *ret_retry_after_ms = 1000;
            return err_set(err, ERR_RETRY, "reading the new system: %s", why.text);
        }
    return 0;
}
