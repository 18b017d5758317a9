/*
 * faults — the table of rules.
 */
#include "tests/sandbox/faults.h"

#include <stdio.h>
#include <string.h>

static const char *const KINDS[] = {
    "none",          "latency",       "status_429",         "status_5xx",   "status",
    "drop",          "reset",         "drop_after_execute", "execute_late", "garbage_body",
    "truncate_body", "truncate_json", "duplicate_page"};
_Static_assert(sizeof KINDS / sizeof KINDS[0] == FAULT_KIND_COUNT, "a name per kind");

const char *fault_kind_name(enum fault_kind kind)
{
    return KINDS[kind];
}

void faults_init(struct faults *faults)
{
    memset(faults, 0, sizeof *faults);
    pthread_mutex_init(&faults->mutex, NULL);
    faults->next_id = 1;
    faults->random = 88172645463325252u;
    for (int i = 0; i < PAGES_MAX; i++)
        buf_init(&faults->pages[i].body, 0);
}

void faults_clear(struct faults *faults)
{
    for (int i = 0; i < PAGES_MAX; i++)
        buf_clear(&faults->pages[i].body);
    pthread_mutex_destroy(&faults->mutex);
}

static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int64_t int_of(json_t *object, const char *key, int64_t fallback)
{
    json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static bool only_keys(json_t *object, const char *const *allowed)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        int i = 0;
        while (allowed[i] && strcmp(allowed[i], key) != 0)
            i++;
        if (!allowed[i])
            return false;
    }
    return true;
}

bool match_read(json_t *json, struct match *ret_match)
{
    static const char *const KEYS[] = {"method",        "path_contains", "object",
                                       "body_contains", "who",           NULL};
    memset(ret_match, 0, sizeof *ret_match);
    if (!json)
        return true;
    if (!json_is_object(json) || !only_keys(json, KEYS))
        return false;
    (void)snprintf(ret_match->method, sizeof ret_match->method, "%s", text_of(json, KEYS[0]));
    (void)snprintf(ret_match->path_contains, MATCH_BYTES, "%s", text_of(json, KEYS[1]));
    (void)snprintf(ret_match->object, sizeof ret_match->object, "%s", text_of(json, KEYS[2]));
    (void)snprintf(ret_match->body_contains, MATCH_BYTES, "%s", text_of(json, KEYS[3]));
    (void)snprintf(ret_match->who, sizeof ret_match->who, "%s", text_of(json, KEYS[4]));
    return true;
}

json_t *match_json(const struct match *match)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s}", "method", match->method, "path_contains",
                     match->path_contains, "object", match->object, "body_contains",
                     match->body_contains, "who", match->who);
}

bool match_fits(const struct match *match, const struct request *request, const char *object,
                const char *who)
{
    if (match->method[0] && strcmp(match->method, request->method) != 0)
        return false;
    if (match->path_contains[0] && !strstr(request->target, match->path_contains))
        return false;
    if (match->object[0] && strcmp(match->object, object) != 0)
        return false;
    if (match->who[0] && strcmp(match->who, who) != 0)
        return false;
    return !match->body_contains[0] ||
           (request->body.len && memmem(request->body.data, request->body.len, match->body_contains,
                                        strlen(match->body_contains)));
}

int64_t faults_add(struct faults *faults, json_t *rule, const char **ret_error)
{
    static const char *const KEYS[] = {"kind",        "match",    "count",  "skip",
                                       "probability", "delay_ms", "status", "retry_after_s",
                                       "policy",      NULL};
    struct fault fault = {.probability = 1.0};
    int kind = 1;
    while (kind < FAULT_KIND_COUNT && strcmp(KINDS[kind], text_of(rule, "kind")) != 0)
        kind++;
    *ret_error = kind == FAULT_KIND_COUNT ? "no such kind"
                 : !only_keys(rule, KEYS) ? "unknown key"
                 : !match_read(json_object_get(rule, "match"), &fault.match)
                     ? "unknown key in match"
                     : NULL;
    if (*ret_error)
        return -1;
    fault.kind = (enum fault_kind)kind;
    fault.count = int_of(rule, "count", 1);
    fault.skip = int_of(rule, "skip", 0);
    fault.delay_ms = int_of(rule, "delay_ms", 0);
    fault.status = int_of(rule, "status", kind == FAULT_STATUS ? 400 : 503);
    fault.retry_after_s = int_of(rule, "retry_after_s", -1);
    json_t *probability = json_object_get(rule, "probability");
    if (json_is_number(probability))
        fault.probability = json_number_value(probability);
    (void)snprintf(fault.policy, sizeof fault.policy, "%s",
                   text_of(rule, "policy")[0] ? text_of(rule, "policy") : "TEN_SECONDLY_ROLLING");
    if (fault.status < 200 || fault.status > 599) {
        *ret_error = "status out of range";
        return -1;
    }
    pthread_mutex_lock(&faults->mutex);
    if (faults->count == FAULTS_MAX) {
        *ret_error = "too many faults";
        fault.id = -1;
    } else {
        fault.id = faults->next_id++;
        faults->items[faults->count++] = fault;
    }
    pthread_mutex_unlock(&faults->mutex);
    return fault.id;
}

bool faults_remove(struct faults *faults, int64_t id)
{
    bool found = id == 0;
    pthread_mutex_lock(&faults->mutex);
    int kept = 0;
    for (int i = 0; i < faults->count; i++) {
        if (id == 0 || faults->items[i].id == id)
            found = true;
        else
            faults->items[kept++] = faults->items[i];
    }
    faults->count = kept;
    pthread_mutex_unlock(&faults->mutex);
    return found;
}

json_t *faults_json(struct faults *faults)
{
    json_t *list = json_array();
    pthread_mutex_lock(&faults->mutex);
    for (int i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->items[i];
        json_array_append_new(
            list,
            json_pack("{s:I,s:s,s:o,s:I,s:I,s:f,s:I,s:I,s:I}", "id", (json_int_t)fault->id, "kind",
                      KINDS[fault->kind], "match", match_json(&fault->match), "count",
                      (json_int_t)fault->count, "skip", (json_int_t)fault->skip, "probability",
                      fault->probability, "delay_ms", (json_int_t)fault->delay_ms, "matched",
                      (json_int_t)fault->matched, "hits", (json_int_t)fault->hits));
    }
    pthread_mutex_unlock(&faults->mutex);
    return json_pack("{s:o}", "faults", list);
}

bool faults_any(struct faults *faults)
{
    pthread_mutex_lock(&faults->mutex);
    bool any = faults->count > 0;
    pthread_mutex_unlock(&faults->mutex);
    return any;
}

/* xorshift64: the same run draws the same lots. */
static double draw(struct faults *faults)
{
    faults->random ^= faults->random << 13;
    faults->random ^= faults->random >> 7;
    faults->random ^= faults->random << 17;
    return (double)(faults->random >> 11) / 9007199254740992.0;
}

static struct buf *page_of(struct faults *faults, const char *object, bool make)
{
    for (int i = 0; i < PAGES_MAX; i++) {
        if (!faults->pages[i].object[0] && make)
            (void)snprintf(faults->pages[i].object, NAME_BYTES, "%s", object);
        if (strcmp(faults->pages[i].object, object) == 0)
            return &faults->pages[i].body;
    }
    return NULL;
}

static bool acts(struct faults *faults, struct fault *fault, const char *object)
{
    if (fault->count && fault->hits >= fault->count)
        return false;
    if (fault->kind == FAULT_DUPLICATE_PAGE) {
        struct buf *page = page_of(faults, object, false);
        if (!page || !page->len)
            return false;
    }
    if (fault->matched++ < fault->skip)
        return false;
    return fault->probability >= 1.0 || draw(faults) < fault->probability;
}

void faults_choose(struct faults *faults, const struct request *request, const char *object,
                   const char *who, struct fault *ret_fault, int64_t *ret_latency_ms)
{
    pthread_mutex_lock(&faults->mutex);
    for (int i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->items[i];
        bool latency = fault->kind == FAULT_LATENCY;
        if ((latency ? *ret_latency_ms > 0 : ret_fault->kind != FAULT_NONE) ||
            !match_fits(&fault->match, request, object, who) || !acts(faults, fault, object))
            continue;
        fault->hits++;
        if (latency)
            *ret_latency_ms = fault->delay_ms;
        else
            *ret_fault = *fault;
    }
    pthread_mutex_unlock(&faults->mutex);
}

void faults_remember_page(struct faults *faults, const char *object, struct span body)
{
    pthread_mutex_lock(&faults->mutex);
    bool wanted = false;
    for (int i = 0; i < faults->count; i++)
        wanted |= faults->items[i].kind == FAULT_DUPLICATE_PAGE;
    struct buf *page = wanted ? page_of(faults, object, true) : NULL;
    if (page) {
        buf_reset(page);
        buf_put_span(page, body);
    }
    pthread_mutex_unlock(&faults->mutex);
}

void faults_repeat_page(struct faults *faults, const char *object, struct buf *body)
{
    pthread_mutex_lock(&faults->mutex);
    const struct buf *page = page_of(faults, object, false);
    if (page && page->len) {
        buf_reset(body);
        buf_put_span(body, buf_span(page));
    }
    pthread_mutex_unlock(&faults->mutex);
}
