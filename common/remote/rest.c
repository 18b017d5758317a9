/*
 * rest — one system: opened from its settings and connector, and the three
 * ways to run ops. What happens to an op on its way is in rest_call.c.
 */
#include "remote/rest.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "remote/rest_internal.h"
#include "remote/rest_recorded.h"

enum { PUMP_MS = 1000 };

/* --- a system --- */

/* Clear text is for this machine only: a bearer token must not travel in it. */
static bool url_safe(const char *url)
{
    static const char *const HERE[] = {"127.0.0.1", "localhost", "[::1]"};
    if (strncmp(url, "https://", 8) == 0)
        return true;
    if (strncmp(url, "http://", 7) != 0)
        return false;
    for (size_t i = 0; i < sizeof(HERE) / sizeof(HERE[0]); i++) {
        size_t len = strlen(HERE[i]);
        if (strncmp(url + 7, HERE[i], len) == 0 &&
            (url[7 + len] == ':' || url[7 + len] == '/' || url[7 + len] == '\0'))
            return true;
    }
    return false;
}

static struct connector *open_connector(const struct system_settings *settings, struct err *err)
{
    struct conf_report report;
    conf_report_init(&report);
    struct connector *connector = connector_open(settings->connector, &report);
    if (!connector) {
        struct buf text;
        buf_init(&text, 64 * 1024);
        conf_report_print(&report, &text);
        err_exit(err, EX_CONFIG, "%s: %.400s", settings->name, buf_span(&text).data);
        buf_clear(&text);
    }
    conf_report_clear(&report);
    return connector;
}

static void set_traits(struct rest *rest)
{
    const struct connector_limits *limits = &rest->connector->limits;
    bool conditional = rest->connector->conditional_writes && rest->migration &&
                       rest->migration->apply.conditional;
    rest->traits = (struct rest_traits){
        .tier = conditional ? REST_TIER_T1 : REST_TIER_T3,
        .page_max = (int)limits->page,
        .read_max = (int)limits->read,
        .lookup_max = (int)limits->lookup,
        .write_max = (int)limits->write,
        .history_max =
            rest->connector->operations[OPERATION_HISTORY].present ? (int)limits->history : 0,
        .link_max = rest->connector->operations[OPERATION_LINK].present ? (int)limits->link : 0,
        .links_max = rest->connector->operations[OPERATION_LINKS].present ? (int)limits->links : 0,
        .request_lifetime_ms = limits->request_lifetime_ms,
        .index_lag_ms = limits->index_lag_ms,
        .settle_ms = limits->settle_ms,
        .overlap_ms = limits->overlap_ms,
        .deleted_log_ms = limits->deleted_log_ms,
        .writes_in_flight = (int)limits->in_flight,
        .people_object = rest->connector->people.object,
        .people_email = rest->connector->people.email,
    };
}

static void set_metrics(struct rest *rest)
{
    char labels[128];
    (void)snprintf(labels, sizeof(labels), "system=\"%s\"", rest->settings->name);
    rest->durations = metric_histogram("tandem_request_duration_seconds",
                                       "Requests to a system, until their last byte", labels);
    rest->quota_left =
        metric_gauge("tandem_quota_remaining_requests",
                     "Requests of the day that are left, as the system last said", labels);
    rest->retries =
        metric_counter("tandem_request_retries_total", "Requests sent again or put off", labels);
    rest->budget_waits =
        metric_counter("tandem_budget_waits_total",
                       "Requests that found no place in the system's budget and waited", labels);
}

static int open_connected(struct rest *rest, struct err *err)
{
    const struct system_settings *settings = rest->settings;
    if (!settings->url || !url_safe(settings->url))
        return err_exit(err, EX_CONFIG,
                        "%s: url must begin with https:// (http:// only on this machine)",
                        settings->name);
    rest->base_url = strdup(settings->url);
    if (!rest->base_url)
        return err_set(err, ERR_FATAL, "out of memory");
    size_t len = strlen(rest->base_url);
    while (len && rest->base_url[len - 1] == '/')
        rest->base_url[--len] = '\0';
    char agent[128];
    (void)snprintf(agent, sizeof(agent), "tandem/" TANDEM_VERSION " (%s)",
                   rest->migration ? rest->migration->ns : "check");
    struct http_client_options options = {.connections_max = rest->traits.writes_in_flight + 1,
                                          .timeout_ms = rest->connector->limits.timeout_ms,
                                          .ca_file = settings->ca_file,
                                          .user_agent = agent};
    rest->client = http_client_open(&options, err);
    return rest->client && rest_limit_open(rest, err) == 0 ? rest_auth_open(rest, err) : -1;
}

static int open_parts(struct rest *rest, bool connected, struct err *err)
{
    rest->connector = open_connector(rest->settings, err);
    if (!rest->connector)
        return -1;
    set_traits(rest);
    set_metrics(rest);
    if (connected)
        return open_connected(rest, err);
    rest->base_url = strdup("");
    return rest->base_url ? 0 : err_set(err, ERR_FATAL, "out of memory");
}

static struct rest *open_rest(const struct migration *migration,
                              const struct system_settings *settings, const struct clock *clock,
                              bool connected, struct err *err)
{
    struct rest *rest = calloc(1, sizeof(*rest));
    if (!rest) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    rest->migration = migration;
    rest->settings = settings;
    rest->clock = clock;
    rest->auth.lock = -1;
    rest->random = ((uint64_t)clock_wall_ms(clock) << 20U) ^ ((uint64_t)getpid() << 1U) ^
                   (uint64_t)(uintptr_t)rest ^ 0x9E3779B97F4A7C15ULL;
    if (rest->random == 0)
        rest->random = 1;
    if (open_parts(rest, connected, err) == 0)
        return rest;
    rest_close(rest);
    return NULL;
}

struct rest *rest_open(const struct migration *migration, const struct system_settings *settings,
                       const struct clock *clock, struct err *err)
{
    return open_rest(migration, settings, clock, true, err);
}

struct rest *rest_open_recorded(const struct system_settings *settings, const struct clock *clock,
                                struct err *err)
{
    return open_rest(NULL, settings, clock, false, err);
}

void rest_close(struct rest *rest)
{
    if (!rest)
        return;
    while (rest->active)
        rest_call_abandon(rest->active);
    rest_auth_close(rest);
    budget_close(rest->budget);
    http_client_close(rest->client);
    connector_close(rest->connector);
    free(rest->base_url);
    free(rest);
}

const struct rest_traits *rest_traits(const struct rest *rest)
{
    return &rest->traits;
}

/* --- running ops --- */

int rest_call_prepare(struct rest *rest, struct rest_op *op, struct err *err)
{
    struct rest_call *call = rest_call_of(rest, op);
    if (rest_request_build(call, rest, err) != 0)
        return -1;
    /* What is asked for may be borrowed from the last answer, which is forgotten now. */
    struct span after = rest_by_cursor(op->kind) ? op->cursor : op->after_id;
    bool paged =
        rest_by_cursor(op->kind) || op->kind == REST_BACKFILL || op->kind == REST_INCREMENTAL;
    buf_reset(&call->place);
    if (paged && after.len)
        buf_put_span(&call->place, after);
    call->after = buf_span(&call->place);
    rest_op_forget(op);
    /* A read knows no items: those of the op's last write may be gone, and their place be another's. */
    for (int i = 0; rest_writes_links(op->kind) && i < op->link_count; i++) {
        op->links[i].result = REST_ITEM_UNKNOWN;
        op->links[i].message = SPAN_NONE;
    }
    for (int i = 0; rest_writes_items(op->kind) && i < op->item_count; i++) {
        struct rest_item *item = &op->items[i];
        item->result = REST_ITEM_UNKNOWN;
        item->ret_id = item->ret_version = item->message = SPAN_NONE;
        item->created = false;
        item->ret_values = NULL;
    }
    call->next = rest->active;
    rest->active = call;
    return 0;
}

int rest_start(struct rest *rest, struct rest_op *op, struct err *err)
{
    if (rest_call_prepare(rest, op, err) != 0)
        return -1;
    rest_call_go(op->rest_private);
    return 0;
}

void rest_serve(struct rest *rest)
{
    rest_pump(rest, 0);
}

bool rest_is_over(const struct rest_op *op)
{
    const struct rest_call *call = op->rest_private;
    return !call || call->phase == PHASE_IDLE || call->phase == PHASE_OVER;
}

enum rest_outcome rest_finish(struct rest *rest, struct rest_op *op, int64_t *ret_retry_after_ms,
                              struct err *err)
{
    struct rest_call *call = op->rest_private;
    if (!call || call->phase == PHASE_IDLE) {
        err_set(err, ERR_FATAL, "an op that was not started");
        return REST_REFUSED;
    }
    while (call->phase != PHASE_OVER)
        rest_pump(rest, PUMP_MS);
    if (call->outcome == REST_LATER && ret_retry_after_ms) {
        /* It may have been over for long, while the caller waited for another op: only what is left counts. */
        int64_t left_ms = call->due_ms - rest_now_ms(rest);
        *ret_retry_after_ms = left_ms > 0 ? left_ms : 1;
    }
    if (call->outcome != REST_DONE)
        err_set(err, call->err.kind == ERR_NONE ? ERR_RETRY : call->err.kind, "%s", call->err.text);
    return call->outcome;
}

void rest_run(struct rest *rest, struct rest_op *ops[], int n, enum rest_outcome outcomes[],
              int64_t *ret_retry_after_ms, struct err *err)
{
    int started = 0, first = 0; /* ops before first are over */
    int64_t longest_ms = 0;
    for (;;) {
        int under_way = 0;
        for (int i = first; i < started; i++) {
            const struct rest_call *call = ops[i]->rest_private;
            bool over = !call || call->phase == PHASE_OVER || call->phase == PHASE_IDLE;
            if (!over)
                under_way++;
            else if (i == first)
                first++;
        }
        while (started < n && under_way < rest->traits.writes_in_flight) {
            bool missed = ops[started]->send_by_ms && rest_now_ms(rest) > ops[started]->send_by_ms;
            if (missed)
                err_set(err, ERR_RETRY, "a request was not sent in time");
            else if (rest_start(rest, ops[started], err) == 0)
                under_way++;
            started++;
        }
        if (first == n)
            break;
        if (under_way)
            rest_pump(rest, PUMP_MS);
    }
    for (int i = 0; i < n; i++) {
        const struct rest_call *call = ops[i]->rest_private;
        int64_t retry_after_ms = 0;
        if (call && call->phase == PHASE_OVER) {
            outcomes[i] = rest_finish(rest, ops[i], &retry_after_ms, err);
        } else { /* not started: nothing was sent, and the record is not at fault */
            outcomes[i] = REST_LATER;
            retry_after_ms = REST_START_RETRY_MS;
        }
        if (retry_after_ms > longest_ms)
            longest_ms = retry_after_ms;
    }
    if (longest_ms && ret_retry_after_ms)
        *ret_retry_after_ms = longest_ms;
}
