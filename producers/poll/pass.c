/*
 * pass — pages by keyset: each page asks for what lies behind the last record
 * of the one before it, so nothing is counted and nothing drifts. The next
 * page is asked for as soon as this one has arrived: the source works on it
 * while we map and put this one.
 */
#include "base/failpoint.h"
#include "base/log.h"
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* A source that gives the wrong page this often in a row will not stop by itself. */
enum { PASS_STALLS_MAX = 10, PASS_STALL_WAIT_MS = 1000 };
/* After so many smaller pages a larger one is tried again. */
enum { PASS_GROW_AFTER = 8 };

static int page_max(const struct pass *pass)
{
    const struct poll *poll = pass->entity->poll;
    int64_t wanted = poll->page > 0 ? poll->page : poll->traits->page_max;
    return (int)(wanted < poll->traits->page_max ? wanted : poll->traits->page_max);
}

void pass_init(struct pass *pass, struct poll_entity *entity, enum rest_kind kind)
{
    *pass = (struct pass){.entity = entity, .kind = kind};
    pass->page_records = page_max(pass);
    pass->priority = kind == REST_BACKFILL ? BUDGET_BACKFILL : BUDGET_LIVE;
    rest_op_init(&pass->ops[0]);
    rest_op_init(&pass->ops[1]);
}

void pass_clear(struct pass *pass)
{
    if (!pass->entity)
        return;
    rest_op_clear(&pass->ops[0]);
    rest_op_clear(&pass->ops[1]);
}

void pass_drop(struct pass *pass)
{
    if (pass->under_way)
        rest_op_reset(&pass->ops[pass->next]);
    pass->under_way = false;
}

void pass_begin(struct pass *pass, struct keyset at, int64_t to_ms)
{
    pass_drop(pass);
    pass->at = at;
    pass->to_ms = to_ms;
}

/* Ask for the page behind `at`; -1 as rest_start. */
static int pass_ask(struct pass *pass, struct err *err)
{
    const struct poll_entity *entity = pass->entity;
    struct rest_op *op = &pass->ops[pass->next];
    rest_op_reset(op);
    op->kind = pass->kind;
    op->priority = pass->priority;
    op->object = entity->entity->old_object;
    op->properties = entity->properties;
    op->property_count = entity->property_count;
    op->page_records = pass->page_records;
    op->after_id = (struct span){pass->at.id, strlen(pass->at.id)};
    op->from_ms = pass->at.ms;
    op->to_ms = pass->to_ms;
    if (rest_start(entity->poll->rest, op, err) < 0)
        return -1;
    pass->under_way = true;
    return 0;
}

/* What holds a refresh or a backfill up holds no change up: it finds out for itself. */
static int pass_block(struct pass *pass, enum rest_outcome outcome, int64_t retry_after_ms,
                      struct err *err)
{
    if (pass->priority == BUDGET_LIVE)
        return poll_block(pass->entity->poll, outcome, retry_after_ms, err);
    err->kind = ERR_RETRY;
    pass->retry_after_ms = outcome == REST_DENIED ? POLL_DENIED_WAIT_MS : retry_after_ms;
    if (pass->retry_after_ms < POLL_BLOCK_MIN_MS)
        pass->retry_after_ms = POLL_BLOCK_MIN_MS;
    return -1;
}

void pass_wait(struct pass *pass, const char *name, const char *why)
{
    const struct poll_entity *entity = pass->entity;
    char labels[128];
    (void)snprintf(labels, sizeof(labels), "%s,pass=\"%s\"", entity->labels, name);
    metric_set(metric_gauge("tandem_poll_waiting",
                            "1: the pass waits for the budget, for what it is compared with, or "
                            "for a source that says no; others go on.",
                            labels),
               *why ? 1 : 0);
    if (*why && strcmp(pass->why, why) != 0)
        log_warn("a pass waits", log_str("entity", entity->entity->name), log_str("pass", name),
                 log_str("why", why));
    (void)snprintf(pass->why, sizeof(pass->why), "%s", why);
}

/* This request can never work as it is: a smaller page may. 0, or -1 when it cannot be smaller. */
static int pass_halve(struct pass *pass, struct err *err)
{
    if (pass->page_records <= 1) {
        err->kind = ERR_FATAL;
        err->exit_code = EX_PROTOCOL;
        return err_wrap(err, "%s refuses to give a page of one %s behind \"%s\"",
                        pass->entity->poll->system->name, pass->entity->entity->old_object,
                        pass->at.id);
    }
    pass->page_records /= 2;
    pass->grown = 0;
    log_warn("page refused, trying a smaller one", log_str("entity", pass->entity->entity->name),
             log_int("records", pass->page_records), log_str("why", err->text));
    err_clear(err);
    return 0;
}

static void pass_grow(struct pass *pass)
{
    if (pass->page_records == page_max(pass) || ++pass->grown < PASS_GROW_AFTER)
        return;
    pass->grown = 0;
    pass->page_records *= 2;
    if (pass->page_records > page_max(pass))
        pass->page_records = page_max(pass);
}

/* The answer is not what was asked for: ask again, but not for ever. */
static int pass_stalled(struct pass *pass, struct err *err)
{
    struct poll *poll = pass->entity->poll;
    bool give_up = ++pass->stalls >= PASS_STALLS_MAX;
    err_wrap(err, "%s answers the query for %s behind (%lld, \"%s\") with the wrong page",
             poll->system->name, pass->entity->entity->old_object, (long long)pass->at.ms,
             pass->at.id);
    if (!give_up)
        return pass_block(pass, REST_LATER, PASS_STALL_WAIT_MS, err);
    err->kind = ERR_FATAL;
    err->exit_code = EX_PROTOCOL;
    return -1;
}

/* 1 = a page, 0 = to be asked for again, smaller, -1 = err. */
static int pass_outcome(struct pass *pass, enum rest_outcome outcome, int64_t retry_after_ms,
                        struct err *err)
{
    if (outcome == REST_DONE)
        return 1;
    if (outcome == REST_REFUSED && !pass->described) {
        pass->described = true;
        if (describe_again(pass->entity) == 1) { /* for a property that is gone */
            err_clear(err);
            return 0;
        }
    }
    if (outcome == REST_REFUSED || outcome == REST_TOO_LARGE)
        return pass_halve(pass, err);
    return pass_block(pass, outcome, retry_after_ms, err);
}

int pass_look(struct pass *pass, struct err *err)
{
    struct poll *poll = pass->entity->poll;
    if (!pass->under_way && pass_ask(pass, err) < 0)
        return poll_start_failed(poll, err);
    rest_serve(poll->rest);
    return rest_is_over(&pass->ops[pass->next]);
}

int pass_take(struct pass *pass, struct rest_op **ret_page, struct err *err)
{
    struct poll *poll = pass->entity->poll;
    int64_t retry_after_ms = 0;
    pass->retry_after_ms = 0;
    if (!pass->under_way && pass_ask(pass, err) < 0)
        return poll_start_failed(poll, err);
    struct rest_op *page = &pass->ops[pass->next];
    pass->under_way = false;
    enum rest_outcome outcome = rest_finish(poll->rest, page, &retry_after_ms, err);
    poll_saw_date(poll, page->date_ms);
    int usable = pass_outcome(pass, outcome, retry_after_ms, err);
    if (usable <= 0)
        return usable;
    FAILPOINT("poll.page_fetched");
    if (page_check(&pass->at, pass->to_ms, page, &pass->at, err) < 0)
        return pass_stalled(pass, err);
    pass->stalls = 0;
    pass->described = false;
    pass_grow(pass);
    pass->next = 1 - pass->next;
    struct err later = ERR_INIT; /* what it was comes up when the page is taken */
    bool ahead = page->more && pass->priority != BUDGET_REFRESH; /* which takes its time */
    if (ahead && pass_ask(pass, &later) == 0)
        rest_serve(poll->rest);
    *ret_page = page;
    return 1;
}
