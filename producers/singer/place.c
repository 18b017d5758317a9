/*
 * place — see place.h.
 */
#include "producers/singer/place.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "model/singer.h"
#include "stream/log_reader.h"
#include "stream/topics.h"

enum { KEY_BYTES = 256 };

void place_init(struct place *place)
{
    *place = (struct place){.cursor = {.seq_to = -1}};
    buf_init(&place->state, PLACE_STATE_MAX_BYTES);
}

void place_clear(struct place *place)
{
    buf_clear(&place->state);
}

static void key_of(const struct source_context *context, char ret_key[KEY_BYTES])
{
    (void)snprintf(ret_key, KEY_BYTES, "%s/%s/singer", context->settings->system->name,
                   context->settings->name);
}

static void hash_text(const char *text)
{
    hash_put_sized(span_of(text ? text : ""));
}

/* A tap goes on behind its STATE: what was skipped or meant something else before has to be read again from the beginning. */
static void hash_mapping(const struct singer_settings *settings, char ret_hex[HASH_HEX_BYTES])
{
    hash_start();
    for (int i = 0; i < settings->stream_count; i++) {
        const struct singer_stream *stream = &settings->streams[i];
        hash_text(stream->name);
        hash_text(stream->entity->name);
        hash_text(stream->entity->hash);
        hash_text(stream->modified);
        hash_text(stream->deleted);
        hash_text(stream->absent_is_blank ? "blank" : "");
        for (int k = 0; k < stream->key_count; k++)
            hash_text(stream->keys[k]);
    }
    hash_hex(ret_hex);
}

struct loading {
    const char *key;
    struct place *place;
    struct json_tape tape;
    bool found;
    struct span mapping;
    char mapping_text[HASH_HEX_BYTES];
};

static int decode(struct loading *loading, struct span value, struct err *err)
{
    struct place *place = loading->place;
    struct span mapping = SPAN_NONE, state = SPAN_NONE;
    if (cursor_decode(value, &loading->tape, &place->cursor, err) < 0)
        return -1;
    buf_reset(&place->state);
    if (json_string_at(&loading->tape, 0, "state", &state))
        buf_put_span(&place->state, state);
    (void)json_string_at(&loading->tape, 0, "mapping", &mapping);
    (void)snprintf(loading->mapping_text, sizeof(loading->mapping_text), "%.*s",
                   (int)(mapping.len < HASH_HEX_BYTES ? mapping.len : HASH_HEX_BYTES - 1),
                   mapping.data ? mapping.data : "");
    return place->state.failed ? err_set(err, ERR_REJECT, "its state is too large") : 0;
}

static int take(void *self, const struct log_message *message, struct err *err)
{
    struct loading *loading = self;
    if (!span_is(message->key, loading->key))
        return 0;
    loading->found = message->value.data != NULL;
    if (!loading->found || decode(loading, message->value, err) == 0)
        return 0;
    err->exit_code = err->kind == ERR_FATAL ? err->exit_code : EX_DATAERR;
    err->kind = ERR_FATAL;
    return err_wrap(err, "%s", loading->key);
}

int place_load(struct place *place, const struct source_context *context, bool *ret_found,
               struct err *err)
{
    char topic[TOPIC_NAME_BYTES], key[KEY_BYTES];
    struct loading loading = {.key = key, .place = place};
    topic_name(context->migration, TOPIC_CURSORS, NULL, topic);
    key_of(context, key);
    json_tape_init(&loading.tape);
    int result = log_reader_fold(context->migration, topic, take, &loading, err);
    json_tape_clear(&loading.tape);
    if (result < 0)
        return -1;
    hash_mapping(context->settings->singer, place->mapping);
    if (loading.found && strcmp(loading.mapping_text, place->mapping) != 0) {
        log_info("streams or mapping have changed: the tap begins anew, without its state");
        loading.found = false;
    }
    if (!loading.found)
        buf_reset(&place->state);
    place->last_ms = place->cursor.from_ms;
    *ret_found = loading.found;
    return 0;
}

static void encode(const struct place *place, const struct cursor *cursor, struct span state,
                   struct buf *out)
{
    cursor_encode(cursor, out);
    if (out->len)
        out->len--; /* its brace */
    buf_puts(out, ",\"mapping\":");
    buf_put_json_string(out, span_of(place->mapping));
    buf_puts(out, ",\"state\":");
    buf_put_json_string(out, state.len ? state : span_of(""));
    buf_putc(out, '}');
}

int place_commit(struct place *place, const struct source_context *context, struct span state,
                 int64_t count, struct err *err)
{
    char topic[TOPIC_NAME_BYTES], key[KEY_BYTES];
    struct cursor next = place->cursor;
    if (state.len > PLACE_STATE_MAX_BYTES)
        return err_set(err, ERR_RETRY, "the tap's STATE has %zu bytes, more than %d", state.len,
                       PLACE_STATE_MAX_BYTES);
    next.seq_from = place->cursor.seq_to + 1;
    next.seq_to = place->cursor.seq_to + count;
    next.count = count;
    next.ts_ms = clock_wall_ms(context->clock);
    int64_t above_ms = place->last_ms > next.ts_ms ? place->last_ms : next.ts_ms;
    if (next.from_ms < above_ms + PLACE_AHEAD_MS / 2)
        next.from_ms = above_ms + PLACE_AHEAD_MS;
    struct buf *value = sink_scratch(context->sink);
    encode(place, &next, state.data ? state : buf_span(&place->state), value);
    topic_name(context->migration, TOPIC_CURSORS, NULL, topic);
    key_of(context, key);
    const struct sink_message message = {.topic = topic,
                                         .partition = SINK_PARTITION_BY_KEY,
                                         .key = span_of(key),
                                         .value = buf_span(value)};
    if (sink_put(context->sink, &message, NULL, err) < 0)
        return err->kind == ERR_REJECT
                   ? err_exit(err, EX_CONFIG, "the tap's STATE is larger than the broker takes")
                   : -1;
    FAILPOINT("singer.place_put");
    if (sink_settle(context->sink, -1, err) < 0)
        return -1;
    place->cursor = next;
    if (state.data) {
        buf_reset(&place->state);
        buf_put_span(&place->state, state);
    }
    return 0;
}

int place_sequence(struct place *place, const struct source_context *context, int64_t *ret_ms,
                   struct err *err)
{
    int64_t now_ms = clock_wall_ms(context->clock);
    int64_t next_ms = now_ms > place->last_ms ? now_ms : place->last_ms + 1;
    if (next_ms >= place->cursor.from_ms) {
        /* What was put since the last checkpoint stays uncovered: it is counted by the next one. */
        if (sink_settle(context->sink, -1, err) < 0 ||
            place_commit(place, context, SPAN_NONE, 0, err) < 0)
            return -1;
    }
    place->last_ms = next_ms;
    *ret_ms = next_ms;
    return 0;
}
