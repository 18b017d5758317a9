/*
 * flow — the order of faults, holds and execution.
 */
#include "tests/sandbox/flow.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "tests/sandbox/auth.h"
#include "tests/sandbox/ledger.h"

/* What a request is about, for matching: path part, or the FROM of a query. */
static void find_object(const struct sandbox *sandbox, const struct request *request,
                        char ret_object[NAME_BYTES])
{
    const char *name = "";
    if (sandbox->crm == CRM_HUBSPOT) {
        name = schema_alias(request_part(request, 3));
    } else if (sandbox->crm != CRM_SALESFORCE) { /* /v1/customers, /api/v2/[incremental/]tickets */
        const char *part = request_part(request, sandbox->crm == CRM_STRIPE ? 1 : 2);
        name = strcmp(part, "incremental") == 0 ? request_part(request, 3) : part;
    } else if (strcmp(request_part(request, 3), "sobjects") == 0) {
        name = request_part(request, 4);
    } else if (strcmp(request_part(request, 3), "composite") == 0) {
        name = request_part(request, 5);
    } else {
        const char *q = request_param(request, "q");
        const char *from = q ? strcasestr(q, " from ") : NULL;
        name = from ? from + 6 + strspn(from + 6, " ") : "";
    }
    (void)snprintf(ret_object, NAME_BYTES, "%.*s", (int)strcspn(name, " "), name);
}

static void find_who(struct sandbox *sandbox, const struct request *request, char who[WHO_BYTES])
{
    int64_t expired_s;
    store_begin(&sandbox->store);
    auth_check(&sandbox->store, request, false, who, &expired_s);
    store_end(&sandbox->store, false);
}

void flow_execute(struct sandbox *sandbox, const struct request *request, struct reply *reply,
                  const char *fault, bool sent)
{
    store_begin(&sandbox->store);
    static void (*const HANDLE[CRM_COUNT])(struct sandbox *, const struct request *,
                                           struct reply *) = {sf_handle, hs_handle, zd_handle,
                                                              st_handle};
    HANDLE[sandbox->crm](sandbox, request, reply);
    if (reply->rollback) {
        store_end(&sandbox->store, true);
        store_begin(&sandbox->store);
    }
    ledger_request(&sandbox->store, request, reply, fault, sent);
    store_end(&sandbox->store, false);
}

static void only_ledger(struct sandbox *sandbox, const struct request *request,
                        const struct reply *reply, const char *fault, bool sent)
{
    store_begin(&sandbox->store);
    ledger_request(&sandbox->store, request, reply, fault, sent);
    store_end(&sandbox->store, false);
}

/* Sleep, but wake soon when the sandbox stops. */
static void wait_ms(struct sandbox *sandbox, int64_t ms)
{
    int64_t end = clock_mono_ms(&CLOCK_SYSTEM) + ms;
    while (!sandbox->stopping) {
        int64_t left = end - clock_mono_ms(&CLOCK_SYSTEM);
        if (left <= 0)
            return;
        int64_t nap = left < 50 ? left : 50;
        (void)nanosleep(&(struct timespec){0, nap * 1000000}, NULL);
    }
}

/* An answer that takes the execution's place. */
static void refuse(struct sandbox *sandbox, const struct request *request,
                   const struct fault *fault, struct reply *reply)
{
    if (fault->kind == FAULT_STATUS_429 && sandbox->crm == CRM_HUBSPOT)
        hs_too_many(reply, fault->policy, request->id);
    else if (fault->kind == FAULT_STATUS_5XX) {
        reply->status = (int)fault->status;
        reply->content_type = "text/html";
        buf_printf(&reply->body, "<html><body><h1>%d</h1>the server is unwell</body></html>\n",
                   reply->status);
    } else {
        int status = fault->kind == FAULT_STATUS_429 ? 429 : (int)fault->status;
        static void (*const PLAIN[CRM_COUNT])(struct reply *, int) = {
            sf_plain_error, NULL, zd_plain_error, st_plain_error};
        if (PLAIN[sandbox->crm])
            PLAIN[sandbox->crm](reply, status);
        else
            hs_plain_error(reply, status, request->id);
    }
    if (fault->retry_after_s >= 0)
        reply_header(reply, "Retry-After", "%lld", (long long)fault->retry_after_s);
    only_ledger(sandbox, request, reply, fault_kind_name(fault->kind), true);
}

static enum flow_end spoil(struct sandbox *sandbox, const struct fault *fault, const char *object,
                           struct reply *reply)
{
    struct buf *body = &reply->body;
    if (fault->kind == FAULT_GARBAGE_BODY) {
        buf_reset(body);
        buf_puts(body, "<<<\x01 this is not what you asked for {\"results\":[");
    } else if (fault->kind == FAULT_TRUNCATE_JSON) {
        body->len /= 2;
    } else if (fault->kind == FAULT_DUPLICATE_PAGE) {
        faults_repeat_page(&sandbox->faults, object, body);
    } else if (fault->kind == FAULT_TRUNCATE_BODY) {
        return FLOW_TRUNCATE;
    } else if (fault->kind == FAULT_DROP_AFTER_EXECUTE) {
        return FLOW_CLOSE;
    }
    return FLOW_SEND;
}

static enum flow_end execute(struct sandbox *sandbox, struct request *request, struct reply *reply,
                             const struct fault *fault, const char *object)
{
    const char *name = fault->kind ? fault_kind_name(fault->kind) : NULL;
    flow_execute(sandbox, request, reply, name, fault->kind != FAULT_DROP_AFTER_EXECUTE);
    if (reply->page && fault->kind != FAULT_DUPLICATE_PAGE && faults_any(&sandbox->faults))
        faults_remember_page(&sandbox->faults, object, buf_span(&reply->body));
    return spoil(sandbox, fault, object, reply);
}

enum flow_end flow_run(struct sandbox *sandbox, struct request *request, struct reply *reply)
{
    char object[NAME_BYTES] = "", who[WHO_BYTES] = "";
    struct fault fault = {.kind = FAULT_NONE};
    int64_t latency_ms = 0;
    bool faults = faults_any(&sandbox->faults), holds = holds_any(&sandbox->holds);
    if (faults || holds) {
        find_object(sandbox, request, object);
        find_who(sandbox, request, who);
    }
    if (faults)
        faults_choose(&sandbox->faults, request, object, who, &fault, &latency_ms);
    if (latency_ms)
        wait_ms(sandbox, latency_ms);
    if (holds) {
        enum hold_outcome held = holds_wait(&sandbox->holds, HOLD_BEFORE, request, object, who);
        request->late |= held == HOLD_GO;
        if (held == HOLD_DROP)
            fault = (struct fault){.kind = FAULT_DROP};
    }
    enum flow_end end = FLOW_SEND;
    if (fault.kind == FAULT_DROP || fault.kind == FAULT_RESET) {
        only_ledger(sandbox, request, reply, fault_kind_name(fault.kind), false);
        end = fault.kind == FAULT_RESET ? FLOW_RESET : FLOW_CLOSE;
    } else if (fault.kind == FAULT_EXECUTE_LATE) {
        struct request *twin = request_copy(request);
        twin->late = true;
        late_add(&sandbox->late, twin, fault.delay_ms);
        end = FLOW_CLOSE;
    } else if (fault.kind == FAULT_STATUS_429 || fault.kind == FAULT_STATUS_5XX ||
               fault.kind == FAULT_STATUS) {
        refuse(sandbox, request, &fault, reply);
    } else {
        end = execute(sandbox, request, reply, &fault, object);
    }
    if (holds && holds_wait(&sandbox->holds, HOLD_AFTER, request, object, who) == HOLD_DROP)
        end = FLOW_CLOSE;
    return end;
}
