/*
 * item — one event of a request: its rule, and the values that the rule's expressions find in it.
 */
#ifndef TANDEM_WEBHOOK_ITEM_H
#define TANDEM_WEBHOOK_ITEM_H

#include "producers/webhook/webhook.h"

/* One event of a request. */
struct item {
    struct webhook *webhook;
    struct hook *hook;
    uint32_t at; /* in webhook->tape */
    int64_t signed_ms;
    struct span type;
};

/* A value in one of the tapes. */
struct found {
    const struct json_tape *tape;
    uint32_t at;
    bool there;
};

/*
 * The value that a rule's expression gives; not there: it has none, or the path leads nowhere. Borrows the webhook's tapes, a result of jq until the next
 * evaluation. -1: ERR_REJECT when the expression fails (no word of the event in it), else as expressions_run.
 */
int item_evaluate(const struct item *item, const struct webhook_expression *expression,
                  struct found *ret_found, struct err *err);

static inline enum json_type found_type(const struct found *found)
{
    return found->there ? (enum json_type)found->tape->tokens[found->at].type : JSON_NONE_;
}

static inline struct span found_text(const struct found *found)
{
    return json_text(found->tape, found->at);
}

/* A time as a system writes it: RFC 3339, or seconds or milliseconds since 1970. */
bool found_time(const struct found *found, int64_t *ret_ms);

/* Canonical ids, one or a list, at most WEBHOOK_IDS_MAX, in the arena. How many, 0 for an empty list; −1: none that is one. */
int item_ids(const struct item *item, const struct found *found, struct span *ret_ids);

/* The rule that fits best: the longest of its type; NULL: none. */
const struct webhook_rule *item_rule(const struct webhook_endpoint *endpoint, struct span type);

#endif
