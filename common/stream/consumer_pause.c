/*
 * consumer_pause — what people paused (stream/pause.h): its partitions rest, and while all is paused no work that is due is done either.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/service.h"
#include "stream/consumer_internal.h"

int consumer_open_pauses(struct consumer *consumer, struct err *err)
{
    for (int attempt = 1; !service_stopping(); attempt++) {
        struct err now = ERR_INIT;
        consumer->pauses = pause_watch_open(consumer->process.migration, &now);
        if (consumer->pauses)
            return 0;
        if (now.kind != ERR_RETRY) {
            *err = now;
            return -1;
        }
        consumer_say_waiting(consumer, &now);
        process_wait_ms(process_backoff_ms(attempt));
    }
    return 0;
}

/* The group knows what rests; a pause is said once, and again when it ends. */
static void follow(struct consumer *consumer, const struct entity *entity)
{
    const struct pause *pause = pause_watch_of(consumer->pauses, entity);
    if (group_hold_entity(consumer->group, entity, pause != NULL))
        log_info(pause ? "paused" : "resumed", log_str("entity", entity->name),
                 log_str("who", pause ? pause->who : ""), log_str("why", pause ? pause->why : ""));
}

int consumer_take_pauses(struct consumer *consumer, struct err *err)
{
    struct err now = ERR_INIT;
    const struct migration *migration = consumer->process.migration;
    if (pause_watch_take(consumer->pauses, &now) < 0 && now.kind != ERR_RETRY) {
        *err = now;
        return -1;
    }
    /* Kafka away: what was known holds on, and the group's own reading says the rest. */
    for (int i = 0; i < migration->entity_count; i++)
        follow(consumer, &migration->entities[i]);
    return 0;
}

bool consumer_is_paused(const struct consumer *consumer)
{
    return pause_watch_of(consumer->pauses, NULL) != NULL;
}

void consumer_say_paused(const struct consumer *consumer)
{
    char why[256];
    const struct pause *pause = pause_watch_of(consumer->pauses, NULL);
    (void)snprintf(why, sizeof(why), "paused by %s%s%.100s; `tandem resume` goes on", pause->who,
                   pause->why[0] ? ": " : "", pause->why);
    service_set_ready(false, why);
}
