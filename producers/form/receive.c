/*
 * receive — on the listener's thread: whose form is it, may this page post, and does this address post too often? See form.h.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "producers/form/form.h"

_Static_assert(sizeof(struct desk_notes) <= HTTP_REQUEST_NOTES_BYTES, "notes fit");
_Static_assert((FORM_RATES & (FORM_RATES - 1)) == 0, "a power of two");

enum { WAYS = 4, MINUTE_MS = 60 * 1000, PREFIX_4 = 3, PREFIX_6 = 6, NETWORK_6 = 8 };

/* ---- whose form, which page ---- */

static void refused(void *self, unsigned status)
{
    char labels[32];
    (void)self;
    (void)snprintf(labels, sizeof(labels), "status=\"%u\"", status);
    metric_add(metric_counter("tandem_form_refused_total",
                              "Requests refused before they were a post of a form, by HTTP status.",
                              labels),
               1);
}

static struct desk *find_desk(struct form_source *source, const char *path)
{
    for (int i = 0; i < source->desk_count; i++)
        if (strcmp(source->desks[i].form->path, path) == 0)
            return &source->desks[i];
    return NULL;
}

/* A browser says whose page posts; what says nothing is no browser, and could say anything. */
static bool origin_may(struct http_request *request, const struct form *form)
{
    struct span origin = SPAN_NONE;
    int found = http_request_header(request, MHD_HTTP_HEADER_ORIGIN, &origin);
    if (form->origins.count == 0 || found == 0)
        return true;
    for (int i = 0; found == 1 && i < form->origins.count; i++)
        if (span_is(origin, form->origins.texts[i])) {
            (void)http_request_add_header(request, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN,
                                          form->origins.texts[i]);
            (void)http_request_add_header(request, MHD_HTTP_HEADER_VARY, "Origin");
            return true;
        }
    return false;
}

static unsigned begin(void *self, struct http_request *request)
{
    struct desk *desk = find_desk(self, http_request_path(request));
    const char *method = http_request_method(request);
    unsigned status = 0;
    if (!desk)
        status = MHD_HTTP_NOT_FOUND;
    else if (!origin_may(request, desk->form))
        status = MHD_HTTP_FORBIDDEN;
    else if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0)
        status =
            MHD_HTTP_NO_CONTENT; /* before a page's script posts JSON: the Fetch standard's preflight */
    else if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
        status = MHD_HTTP_METHOD_NOT_ALLOWED;
    if (status == MHD_HTTP_NO_CONTENT) {
        (void)http_request_add_header(request, "Access-Control-Allow-Methods", "POST");
        (void)http_request_add_header(request, "Access-Control-Allow-Headers", "Content-Type");
        (void)http_request_add_header(request, "Access-Control-Max-Age", "600");
        return status;
    }
    if (status == MHD_HTTP_FORBIDDEN)
        metric_add(desk->results[FORM_STRANGER], 1);
    else if (status)
        refused(self, status);
    struct desk_notes *notes = http_request_notes(request);
    notes->desk = desk;
    return status;
}

/* ---- who is it ---- */

/* The visitor's address: who is connected, or whom our proxy names last in the header that the configuration trusts. */
static void find_address(const struct form_source *source, struct http_request *request,
                         char ret_address[HTTP_REQUEST_PEER_BYTES])
{
    struct span header = SPAN_NONE;
    http_request_peer(request, ret_address);
    if (!source->address_header ||
        http_request_header(request, source->address_header, &header) != 1)
        return;
    size_t from = header.len;
    while (from > 0 && header.data[from - 1] != ',' && header.data[from - 1] != ' ')
        from--;
    if (header.len - from < HTTP_REQUEST_PEER_BYTES)
        (void)snprintf(ret_address, HTTP_REQUEST_PEER_BYTES, "%.*s", (int)(header.len - from),
                       header.data + from);
}

/* The first bytes of an address, the others zero; NULL: it is none. */
static const char *network_of(const char *address, size_t bytes_4, size_t bytes_6, char *out,
                              size_t out_bytes)
{
    unsigned char raw[16] = {0};
    if (inet_pton(AF_INET, address, raw) == 1) {
        memset(raw + bytes_4, 0, 4 - bytes_4);
        return inet_ntop(AF_INET, raw, out, (socklen_t)out_bytes);
    }
    if (inet_pton(AF_INET6, address, raw) == 1) {
        memset(raw + bytes_6, 0, 16 - bytes_6);
        return inet_ntop(AF_INET6, raw, out, (socklen_t)out_bytes);
    }
    return NULL;
}

static void keep_visitor(const struct form_source *source, const struct form *form,
                         const char *address, char ret_visitor[FORM_VISITOR_BYTES])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_bytes = 0;
    ret_visitor[0] = '\0';
    switch (form->visitor) {
    case FORM_VISITOR_WHOLE:
        (void)network_of(address, 4, 16, ret_visitor, FORM_VISITOR_BYTES);
        return;
    case FORM_VISITOR_TRUNCATED:
        (void)network_of(address, PREFIX_4, PREFIX_6, ret_visitor, FORM_VISITOR_BYTES);
        return;
    case FORM_VISITOR_HASHED:
        if (!HMAC(EVP_sha256(), source->visitor_key, (int)strlen(source->visitor_key),
                  (const unsigned char *)address, strlen(address), mac, &mac_bytes))
            return;
        for (unsigned i = 0; i < mac_bytes && 2 * i + 2 < FORM_VISITOR_BYTES; i++)
            (void)snprintf(ret_visitor + 2 * i, 3, "%02x", mac[i]);
        return;
    case FORM_VISITOR_NONE:
    case FORM_VISITOR_COUNT:
        return;
    }
}

/* ---- how often ---- */

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(
        0xcbf29ce484222325); /* FNV-1a: who makes two addresses meet shares a limit, no more */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash ? hash : 1;
}

static bool too_many(struct form_source *source, const char *address)
{
    char network[HTTP_REQUEST_PEER_BYTES];
    if (source->posts_per_minute == 0 ||
        !network_of(address, 4, NETWORK_6, network, sizeof(network)))
        return false;
    uint64_t hash = hash_of(network);
    int64_t minute = clock_mono_ms(source->context->clock) / MINUTE_MS;
    struct rate *set = &source->rates[(hash & (FORM_RATES - 1)) / WAYS * WAYS], *free_ = set;
    for (struct rate *at = set; at < set + WAYS; at++) {
        if (at->address == hash && at->minute == minute)
            return ++at->posts > source->posts_per_minute;
        if (at->minute < free_->minute || (at->minute == free_->minute && at->posts < free_->posts))
            free_ = at;
    }
    *free_ = (struct rate){hash, minute, 1};
    return false;
}

static unsigned check(void *self, struct http_request *request)
{
    struct form_source *source = self;
    struct desk_notes *notes = http_request_notes(request);
    char address[HTTP_REQUEST_PEER_BYTES];
    struct span type = SPAN_NONE;
    find_address(source, request, address);
    if (too_many(source, address)) {
        metric_add(notes->desk->results[FORM_TOO_MANY], 1);
        (void)http_request_add_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "60");
        return MHD_HTTP_TOO_MANY_REQUESTS;
    }
    if (http_request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE, &type) != 1 ||
        type.len >= sizeof(notes->type)) {
        metric_add(notes->desk->results[FORM_NO_POST], 1);
        return MHD_HTTP_BAD_REQUEST;
    }
    memcpy(notes->type, type.data, type.len);
    keep_visitor(source, notes->desk->form, address, notes->visitor);
    return 0;
}

const struct http_server_hooks FORM_SERVER_HOOKS = {
    .begin = begin, .check = check, .refused = refused};
