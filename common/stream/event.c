/*
 * event — identity and encoding: the hot path of every producer, so one buffer and no allocation per event. Decoding is
 * in event_decode.c, hints are in hint.c.
 */
#include "stream/event.h"

#include "base/hash.h"

#define PUT(out, literal) buf_put((out), literal, sizeof(literal) - 1)

static const char *const PASS_NAMES[] = {"backfill", "incremental", "hydrate",
                                         "repair",   "push",        "refresh"};
_Static_assert(sizeof(PASS_NAMES) / sizeof(PASS_NAMES[0]) == PASS_COUNT, "a name per pass");

const char *event_pass_name(enum event_pass pass)
{
    return (unsigned)pass < PASS_COUNT ? PASS_NAMES[pass] : "unknown";
}

static void hash_int(uint64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> (56 - 8 * i));
    hash_put(bytes, sizeof(bytes));
}

void event_identify(struct event *event)
{
    if (event->op == 'd') {
        hash_start();
        hash_put(event->merged_into.data, event->merged_into.len);
        hash_hex(event->hash);
    } else {
        record_hash(&event->after, event->hash);
    }
    hash_start();
    hash_int(event->key.len);
    hash_put(event->key.data, event->key.len);
    hash_int((uint64_t)event->version.modified_ms);
    hash_int((uint64_t)event->version.generation);
    hash_put(event->hash, HASH_HEX_BYTES - 1);
    hash_hex(event->event_id);
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
    if (event->merged_into.len) {
        PUT(out, ",\"merged_into\":");
        buf_put_json_string(out, event->merged_into);
    }
    if (event->form.len) {
        PUT(out, ",\"form\":");
        buf_put_span(out, event->form);
    }
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
