/*
 * event — identity and encoding: the hot path of every producer, so one buffer and no allocation per event. Decoding is
 * in event_decode.c, hints are in hint.c.
 */
#include "stream/event.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define PUT(out, literal) buf_put((out), literal, sizeof(literal) - 1)

static const char *const PASS_NAMES[] = {"backfill", "incremental", "hydrate", "repair", "push"};
_Static_assert(sizeof(PASS_NAMES) / sizeof(PASS_NAMES[0]) == PASS_COUNT, "a name per pass");

const char *event_pass_name(enum event_pass pass)
{
    return (unsigned)pass < PASS_COUNT ? PASS_NAMES[pass] : "unknown";
}

/*
 * The digest context of this thread: fetching an algorithm costs more than hashing an event (OpenSSL 3 looks it up by name each
 * time). Kept until the thread ends.
 */
static EVP_MD_CTX *digest_start(void)
{
    static _Thread_local EVP_MD_CTX *context;
    if (!context) {
        context = EVP_MD_CTX_new();
        if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
            abort();
        return context;
    }
    if (!EVP_DigestInit_ex(context, NULL, NULL))
        abort();
    return context;
}

static void digest_int(EVP_MD_CTX *context, uint64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> (56 - 8 * i));
    (void)EVP_DigestUpdate(context, bytes, sizeof(bytes));
}

static void digest_hex(EVP_MD_CTX *context, char ret_hex[HASH_HEX_BYTES])
{
    static const char HEX[] = "0123456789abcdef";
    unsigned char bytes[HASH_BYTES];
    (void)EVP_DigestFinal_ex(context, bytes, NULL);
    for (int i = 0; i < HASH_BYTES; i++) {
        ret_hex[2 * i] = HEX[bytes[i] >> 4];
        ret_hex[2 * i + 1] = HEX[bytes[i] & 15];
    }
    ret_hex[HASH_HEX_BYTES - 1] = '\0';
}

void event_identify(struct event *event)
{
    if (event->op == 'd')
        digest_hex(digest_start(), event->hash);
    else
        record_hash(&event->after, event->hash);
    EVP_MD_CTX *context = digest_start();
    digest_int(context, event->key.len);
    (void)EVP_DigestUpdate(context, event->key.data, event->key.len);
    digest_int(context, (uint64_t)event->version.modified_ms);
    digest_int(context, (uint64_t)event->version.generation);
    (void)EVP_DigestUpdate(context, event->hash, HASH_HEX_BYTES - 1);
    digest_hex(context, event->event_id);
}

static void put_version(const struct version *version, struct buf *out)
{
    PUT(out, ",\"modified_ms\":");
    buf_put_int(out, version->modified_ms);
    PUT(out, ",\"observed_from_ms\":");
    buf_put_int(out, version->observed_from_ms);
    PUT(out, ",\"observed_to_ms\":");
    if (version->observed_to_ms == INT64_MAX)
        PUT(out, "null");
    else
        buf_put_int(out, version->observed_to_ms);
    PUT(out, ",\"generation\":");
    buf_put_int(out, version->generation);
}

static void put_source(const struct event *event, const struct entity *entity, const char *ns,
                       const char *connector, struct buf *out)
{
    PUT(out, ",\"source\":{\"version\":\"" TANDEM_VERSION "\",\"connector\":\"");
    buf_puts(out, connector);
    PUT(out, "\",\"name\":\"");
    buf_puts(out, ns);
    PUT(out, "\",\"ts_ms\":");
    buf_put_int(out, event->version.modified_ms);
    if (event->pass == PASS_BACKFILL)
        PUT(out, ",\"snapshot\":\"true\",\"db\":");
    else
        PUT(out, ",\"snapshot\":\"false\",\"db\":");
    buf_put_json_string(out, event->system);
    PUT(out, ",\"table\":\"");
    buf_puts(out, entity->name);
    PUT(out, "\",\"id\":");
    buf_put_json_string(out, event->id);
    PUT(out, ",\"event_id\":\"");
    buf_put(out, event->event_id, HASH_HEX_BYTES - 1);
    PUT(out, "\",\"hash\":\"");
    buf_put(out, event->hash, HASH_HEX_BYTES - 1);
    PUT(out, "\"");
    put_version(&event->version, out);
    PUT(out, ",\"pass\":\"");
    buf_puts(out, event_pass_name(event->pass));
    if (event->partial)
        PUT(out, "\",\"partial\":true,\"writer\":");
    else
        PUT(out, "\",\"partial\":false,\"writer\":");
    if (event->writer.len)
        buf_put_json_string(out, event->writer);
    else
        PUT(out, "null");
    PUT(out, "}");
}

void event_encode(const struct event *event, const struct entity *entity, const char *ns,
                  const char *connector, struct buf *out)
{
    PUT(out, "{\"v\":");
    buf_put_int(out, EVENT_FORMAT_VERSION);
    PUT(out, ",\"before\":null,\"after\":");
    if (event->op == 'd')
        PUT(out, "null");
    else
        record_put_json(out, &event->after);
    PUT(out, ",\"op\":\"");
    buf_putc(out, event->op);
    PUT(out, "\",\"ts_ms\":");
    buf_put_int(out, event->ts_ms);
    put_source(event, entity, ns, connector, out);
    PUT(out, ",\"transaction\":null}");
}
