/*
 * sweep_brake — what a sweep has to say to people, and what they answer (stream/brake.h).
 */
#include "base/log.h"
#include "producers/poll/poll.h"

static struct metric *gauge(const struct poll_entity *entity, const char *name, const char *help)
{
    return metric_gauge(name, help, entity->labels);
}

static void show(const struct poll_entity *entity)
{
    const struct brake *brake = &entity->sweep.brake;
    metric_set(gauge(entity, "tandem_sweep_braked",
                     "1: a sweep found more deletions than it may bring; `tandem sweep approve`."),
               brake->braked);
    metric_set(gauge(entity, "tandem_sweep_gap",
                     "1: the log of deletions did not reach back to the last sweep."),
               brake->gap_ms != 0);
}

/* They answer only what was said, and only the owner says: while nothing is said, no topic is read. */
int sweep_look(struct poll_entity *entity, struct err *err)
{
    struct brake *brake = &entity->sweep.brake;
    bool says = brake->braked || brake->approved || brake->gap_ms;
    if (says && brake_read(entity->poll->context->migration, entity->entity->name, brake, err) < 0)
        return -1;
    show(entity);
    return 0;
}

int sweep_say(struct poll_entity *entity, struct err *err)
{
    const struct source_context *context = entity->poll->context;
    struct brake *brake = &entity->sweep.brake;
    brake->since_ms = clock_wall_ms(context->clock);
    show(entity);
    if (brake_put(context->sink, context->migration, entity->entity->name, brake, err) < 0)
        return -1;
    return sink_settle(context->sink, entity->poll->settle_ms, err);
}

void sweep_brake(struct poll_entity *entity, enum brake_by by, int64_t found, int64_t known)
{
    struct brake *brake = &entity->sweep.brake;
    log_error("sweep stopped: too many deletions; see `tandem status`",
              log_str("entity", entity->entity->name), log_str("by", brake_by_name(by)),
              log_int("found", found), log_int("known", known));
    *brake = (struct brake){
        .by = by, .braked = true, .found = found, .known = known, .gap_ms = brake->gap_ms};
}
