/*
 * holds — parking and waking.
 */
#include "tests/sandbox/holds.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static const char *const WHEN[] = {"before", "after"};

void holds_init(struct holds *holds)
{
    memset(holds, 0, sizeof *holds);
    pthread_mutex_init(&holds->mutex, NULL);
    pthread_cond_init(&holds->changed, NULL);
    holds->next_id = 1;
}

void holds_clear(struct holds *holds)
{
    pthread_cond_destroy(&holds->changed);
    pthread_mutex_destroy(&holds->mutex);
}

int64_t holds_add(struct holds *holds, json_t *rule, const char **ret_error)
{
    struct hold hold = {.count = 1};
    const char *when = json_string_value(json_object_get(rule, "when"));
    json_t *count = json_object_get(rule, "count");
    if (json_is_integer(count))
        hold.count = json_integer_value(count);
    *ret_error = NULL;
    if (when && strcmp(when, WHEN[0]) != 0 && strcmp(when, WHEN[1]) != 0)
        *ret_error = "when must be before or after";
    else if (!match_read(json_object_get(rule, "match"), &hold.match))
        *ret_error = "unknown key in match";
    if (*ret_error)
        return -1;
    hold.when = when && strcmp(when, WHEN[1]) == 0 ? HOLD_AFTER : HOLD_BEFORE;
    pthread_mutex_lock(&holds->mutex);
    if (holds->rule_count == HOLDS_MAX) {
        *ret_error = "too many holds";
        hold.id = -1;
    } else {
        hold.id = holds->next_id++;
        holds->rules[holds->rule_count++] = hold;
    }
    pthread_mutex_unlock(&holds->mutex);
    return hold.id;
}

static struct held *park(struct holds *holds, struct hold *rule, enum hold_when when,
                         const struct request *request, const char *object)
{
    for (int i = 0; i < HELD_MAX; i++) {
        struct held *held = &holds->held[i];
        if (held->used)
            continue;
        *held =
            (struct held){.used = true, .hold = rule->id, .request_id = request->id, .when = when};
        held->since_ms = clock_wall_ms(&CLOCK_SYSTEM);
        (void)snprintf(held->method, sizeof held->method, "%s", request->method);
        (void)snprintf(held->target, sizeof held->target, "%s", request->target);
        (void)snprintf(held->object, sizeof held->object, "%s", object);
        rule->held++;
        return held;
    }
    return NULL;
}

enum hold_outcome holds_wait(struct holds *holds, enum hold_when when,
                             const struct request *request, const char *object, const char *who)
{
    enum hold_outcome outcome = HOLD_NONE;
    pthread_mutex_lock(&holds->mutex);
    struct held *held = NULL;
    for (int i = 0; i < holds->rule_count && !held && !holds->stopping; i++) {
        struct hold *rule = &holds->rules[i];
        if (rule->when == when && (!rule->count || rule->held < rule->count) &&
            match_fits(&rule->match, request, object, who))
            held = park(holds, rule, when, request, object);
    }
    if (held) {
        while (!held->released)
            pthread_cond_wait(&holds->changed, &holds->mutex);
        outcome = held->drop ? HOLD_DROP : HOLD_GO;
        held->used = false;
    }
    pthread_mutex_unlock(&holds->mutex);
    return outcome;
}

static int64_t wanted_id(json_t *what, const char *key)
{
    return json_integer_value(json_object_get(what, key)); /* 0: any */
}

int holds_release(struct holds *holds, json_t *what)
{
    int64_t id = wanted_id(what, "id"), request_id = wanted_id(what, "request_id");
    const char *action = json_string_value(json_object_get(what, "action"));
    bool drop = action && strcmp(action, "drop") == 0;
    int woken = 0;
    pthread_mutex_lock(&holds->mutex);
    int kept = 0;
    for (int i = 0; i < holds->rule_count; i++)
        if (request_id || (id && holds->rules[i].id != id))
            holds->rules[kept++] = holds->rules[i];
    holds->rule_count = kept;
    for (int i = 0; i < HELD_MAX; i++) {
        struct held *held = &holds->held[i];
        if (!held->used || held->released || (id && held->hold != id) ||
            (request_id && held->request_id != request_id))
            continue;
        held->released = true;
        held->drop = drop;
        woken++;
    }
    pthread_cond_broadcast(&holds->changed);
    pthread_mutex_unlock(&holds->mutex);
    return woken;
}

void holds_stop(struct holds *holds)
{
    pthread_mutex_lock(&holds->mutex);
    holds->stopping = true;
    for (int i = 0; i < HELD_MAX; i++)
        holds->held[i].released = holds->held[i].drop = true;
    pthread_cond_broadcast(&holds->changed);
    pthread_mutex_unlock(&holds->mutex);
}

int holds_count(struct holds *holds)
{
    int count = 0;
    pthread_mutex_lock(&holds->mutex);
    for (int i = 0; i < HELD_MAX; i++)
        count += holds->held[i].used;
    pthread_mutex_unlock(&holds->mutex);
    return count;
}

bool holds_any(struct holds *holds)
{
    pthread_mutex_lock(&holds->mutex);
    bool any = holds->rule_count > 0;
    pthread_mutex_unlock(&holds->mutex);
    return any;
}

json_t *holds_json(struct holds *holds)
{
    json_t *rules = json_array(), *list = json_array();
    pthread_mutex_lock(&holds->mutex);
    for (int i = 0; i < holds->rule_count; i++) {
        const struct hold *rule = &holds->rules[i];
        json_array_append_new(
            rules, json_pack("{s:I,s:s,s:I,s:I,s:o}", "id", (json_int_t)rule->id, "when",
                             WHEN[rule->when], "count", (json_int_t)rule->count, "matched",
                             (json_int_t)rule->held, "match", match_json(&rule->match)));
    }
    for (int i = 0; i < HELD_MAX; i++) {
        const struct held *held = &holds->held[i];
        if (held->used)
            json_array_append_new(list,
                                  json_pack("{s:I,s:I,s:s,s:s,s:s,s:s,s:I}", "request_id",
                                            (json_int_t)held->request_id, "hold",
                                            (json_int_t)held->hold, "when", WHEN[held->when],
                                            "method", held->method, "path", held->target, "object",
                                            held->object, "since_ms", (json_int_t)held->since_ms));
    }
    pthread_mutex_unlock(&holds->mutex);
    return json_pack("{s:o,s:o}", "holds", rules, "held", list);
}
