/*
 * entity — what poll knows and does about one entity of the migration: its
 * columns, its metrics, and the order in which its passes come into being.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

static void open_metrics(struct poll_entity *self)
{
    char labels[128];
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        (void)snprintf(labels, sizeof(labels), "%s,pass=\"%s\"", self->labels,
                       event_pass_name((enum event_pass)pass));
        if (pass != PASS_PUSH)
            self->published[pass] =
                metric_counter("tandem_poll_events_total", "Events put on Kafka.", labels);
    }
    self->suppressed =
        metric_counter("tandem_poll_known_total",
                       "Records of the overlap that were delivered before.", self->labels);
    self->dead = metric_counter("tandem_poll_dead_letters_total",
                                "Records and hints put on the dead-letter topic.", self->labels);
    self->hydrated = metric_counter("tandem_poll_hydrated_total", "Records read because of a hint.",
                                    self->labels);
}

int entity_open(struct poll_entity *self, struct poll *poll, const struct entity *entity,
                struct err *err)
{
    self->poll = poll;
    self->entity = entity;
    (void)snprintf(self->labels, sizeof(self->labels), "entity=\"%s\"", entity->name);
    topic_name(poll->context->migration, TOPIC_HINTS, entity, self->hints_topic);
    if (describe_open(self, err) < 0)
        return -1;
    open_metrics(self);
    rest_op_init(&self->read);
    rest_op_init(&self->ended);
    arena_init(&self->read_arena);
    self->read_records = poll->traits->read_max;
    backfill_open(self);
    incremental_open(self);
    sweep_open(self);
    census_open(self);
    return refresh_open(self, err);
}

void entity_clear(struct poll_entity *self)
{
    if (!self->poll)
        return;
    backfill_clear(self);
    incremental_clear(self);
    refresh_clear(self);
    sweep_clear(self);
    census_clear(self);
    rest_op_clear(&self->read);
    rest_op_clear(&self->ended);
    arena_clear(&self->read_arena);
    describe_clear(self);
}

/* How many records there are, and what the source's clock says. */
static int count(struct poll_entity *self, int64_t *ret_date_ms, struct err *err)
{
    struct poll *poll = self->poll;
    struct rest_op *op = &self->read;
    int64_t retry_after_ms = 0;
    rest_op_reset(op);
    /* A source that does not count still says what time it is. */
    bool counts = rest_max(poll->rest, REST_COUNT, self->entity->old_object, NULL) > 0;
    op->kind = counts ? REST_COUNT : REST_LIST;
    op->page_records = 1;
    op->object = self->entity->old_object;
    if (rest_start(poll->rest, op, err) < 0)
        return poll_start_failed(poll, err);
    enum rest_outcome outcome = rest_finish(poll->rest, op, &retry_after_ms, err);
    poll_saw_date(poll, op->date_ms);
    if (outcome == REST_REFUSED || outcome == REST_TOO_LARGE) {
        log_warn("the source does not count: progress without a total", log_str("why", err->text));
        err_clear(err);
        op->total = -1;
    } else if (outcome != REST_DONE) {
        return poll_block(poll, outcome, retry_after_ms, err);
    }
    if (!counts)
        op->total = -1;
    if (op->date_ms < 0)
        return err_set(err, ERR_RETRY, "%s sends no Date: its clock cannot be known",
                       poll->system->name);
    self->backfill.total = op->total;
    *ret_date_ms = op->date_ms;
    return 0;
}

/*
 * First the source's clock, then the cursors: if another owner began in between, its cursor is
 * found; if not, ours says a time from before it could have begun.
 */
static int begin(struct poll_entity *self, struct err *err)
{
    int64_t date_ms = -1;
    if (count(self, &date_ms, err) < 0)
        return -1;
    int found = backfill_load(self, err);
    if (found < 0 || incremental_load(self, found == 1, date_ms, err) < 0 ||
        sweep_load(self, found == 1, date_ms, err) < 0 || refresh_load(self, err) < 0)
        return -1;
    self->ready = true;
    log_info("passes begin", log_str("entity", self->entity->name),
             log_int("from_ms", self->incremental.cursor_ms),
             log_str("backfill", self->backfill.done ? "done"
                                 : found             ? "resumed"
                                                     : "new"),
             log_int("total", self->backfill.total));
    return 0;
}

static int passes_step(struct poll_entity *self, struct err *err)
{
    if (!self->ready && begin(self, err) < 0)
        return -1;
    int changes = incremental_step(self, err);
    if (changes < 0)
        return -1;
    int deletions = sweep_step(self, err);
    if (deletions < 0)
        return -1;
    int history = self->poll->run_backfill ? backfill_step(self, err) : 0;
    int again = history < 0 ? -1 : refresh_step(self, err);
    int missed = again < 0 ? -1 : census_step(self, err);
    return missed < 0 ? -1 : changes | deletions | history | again | missed;
}

int entity_step(struct poll_entity *self, struct err *err)
{
    describe_step(self);
    int hydrated = hydrate_step(self, err);
    if (hydrated < 0)
        return -1;
    int passed = self->owner ? passes_step(self, err) : 0;
    return passed < 0 ? -1 : hydrated | passed;
}

int64_t entity_due_mono_ms(const struct poll_entity *self)
{
    int64_t due = hydrate_due_mono_ms(self);
    if (self->owner && self->incremental.next_mono_ms < due)
        due = self->incremental.next_mono_ms;
    bool reads = self->owner && self->ready && self->poll->run_backfill && !self->backfill.done;
    if (reads && self->backfill.next_mono_ms < due)
        due = self->backfill.next_mono_ms;
    if (self->owner && refresh_due_mono_ms(self) < due)
        due = refresh_due_mono_ms(self);
    if (self->owner && self->sweep.possible && self->sweep.next_mono_ms < due)
        due = self->sweep.next_mono_ms;
    if (self->owner && census_due_mono_ms(self) < due)
        due = census_due_mono_ms(self);
    return due;
}
