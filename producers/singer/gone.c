/*
 * gone — after a run that ended well: the records that it should have brought and did not. See singer.h.
 */
#include <stdio.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/service.h"
#include "producers/singer/singer.h"

/* False: this run says nothing of what is not there. */
static int bound_of(struct singer *singer, const struct singer_flow *flow, bool *ret_says,
                    struct known_bound *ret_bound, struct err *err)
{
    const struct singer_stream *stream = flow->stream;
    int64_t run = singer->runs + 1, before = 0;
    *ret_says = false;
    if (!flow->schema || stream->deletes == SINGER_DELETES_NONE)
        return 0;
    if (stream->deletes == SINGER_DELETES_DIFFERENCE) {
        /* Seen by neither this run nor the one before. */
        *ret_says = true;
        *ret_bound = (struct known_bound){.below_run = run - 1, .unversioned = true};
        return 0;
    }
    if (flow->activated <= 0)
        return 0;
    if (known_activated(singer->known, stream->name, &before, err) < 0)
        return -1;
    *ret_says = true;
    *ret_bound = (struct known_bound){
        .below_version = flow->activated,
        .below_run = run,
        /* a new version is a whole reading; the first that we hear of may be one that stays */
        .unversioned = before > 0 && flow->activated > before};
    return 0;
}

static void tell_brake(struct singer_flow *flow, const struct known_count *count, int64_t percent)
{
    char why[240];
    (void)snprintf(
        why, sizeof(why),
        "stream %s: %lld of %lld records are not there any more, more than %lld %%: none "
        "is deleted until a later run brings them or brake_percent allows it",
        flow->stream->name, (long long)count->missing, (long long)count->alive, (long long)percent);
    if (!flow->braked)
        log_error("the brake holds deletes", log_str("why", why));
    flow->braked = true;
    service_set_check("deletes", false, why);
}

static bool brakes(struct singer *singer, struct singer_flow *flow, const struct known_count *count)
{
    bool over = count->missing > SINGER_BRAKE_LEAST &&
                count->missing * 100 > count->alive * singer->brake_percent;
    if (over)
        tell_brake(flow, count, singer->brake_percent);
    else if (flow->braked)
        log_info("the brake is released", log_str("stream", flow->stream->name));
    flow->braked = over;
    metric_set(flow->brake, over ? (double)count->missing : 0);
    return over;
}

/* A part of one stream's. 1 = there is more, 0 = done. */
static int flow_step(struct singer *singer, struct singer_flow *flow, struct err *err)
{
    struct known_missing missing[SINGER_GONE_BATCH / 10];
    struct known_bound bound;
    struct known_count count;
    bool says;
    enum { MAX = SINGER_GONE_BATCH / 10 };
    if (bound_of(singer, flow, &says, &bound, err) < 0)
        return -1;
    if (!says || known_count(singer->known, flow->stream->name, bound, &count, err) < 0)
        return says ? -1 : 0;
    if (!singer->gone_begun && brakes(singer, flow, &count))
        return 0;
    singer->gone_begun = true;
    for (int done = 0; done < SINGER_GONE_BATCH; done += MAX) {
        int taken = known_take_missing(singer->known, flow->stream->name, bound, missing, MAX, err);
        for (int i = 0; i < taken; i++) {
            arena_reset(&singer->arena);
            if (publish_gone(singer, flow, &missing[i], count.newest_ms, err) < 0)
                return -1;
        }
        if (taken < MAX)
            return taken < 0 ? -1 : 0;
    }
    return 1;
}

int gone_step(struct singer *singer, struct err *err)
{
    if (singer->gone_flow < singer->flow_count) {
        struct singer_flow *flow = &singer->flows[singer->gone_flow];
        if (known_begin(singer->known, err) < 0)
            return -1;
        int more = flow_step(singer, flow, err);
        if (more < 0)
            return -1;
        if (!more && flow->activated > 0 && !flow->braked &&
            known_set_activated(singer->known, flow->stream->name, flow->activated, err) < 0)
            return -1;
        FAILPOINT("singer.gone");
        if (run_checkpoint(singer, err) < 0)
            return -1;
        if (!more) {
            singer->gone_flow++;
            singer->gone_begun = false;
        }
        return 1;
    }
    bool braked = false;
    for (int i = 0; i < singer->flow_count; i++)
        braked |= singer->flows[i].braked;
    if (!braked)
        service_set_check("deletes", true, NULL);
    if (known_set_runs(singer->known, singer->runs + 1, err) < 0)
        return -1;
    singer->runs++;
    return 0;
}
