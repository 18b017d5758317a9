/*
 * lines — what each kind of line does: records are published, the others say how to read them. See singer.h.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "producers/singer/singer.h"

struct singer_flow *singer_flow_of(struct singer *singer, struct span stream)
{
    for (int i = 0; i < singer->flow_count; i++)
        if (span_is(stream, singer->flows[i].stream->name))
            return &singer->flows[i];
    return NULL;
}

static void join_keys(struct span *names, int count, char *ret_text, size_t size)
{
    size_t len = 0;
    ret_text[0] = '\0';
    for (int i = 0; i < count && len < size; i++)
        len += (size_t)snprintf(ret_text + len, size - len, "%s%.*s", i ? ", " : "",
                                (int)names[i].len, names[i].data);
}

/* Which properties name a record must be said, and by nobody otherwise: else one person would be two. */
static int take_schema(struct singer_flow *flow, const struct singer_line *line, struct err *err)
{
    const struct singer_stream *stream = flow->stream;
    struct span ours[SINGER_KEYS_MAX];
    char said[200], wanted[200];
    bool same = stream->key_count == line->key_count;
    for (int i = 0; i < stream->key_count; i++) {
        bool found = false;
        ours[i] = span_of(stream->keys[i]);
        for (int k = 0; k < line->key_count; k++)
            found |= span_equal(line->keys[k], ours[i]);
        same &= found;
    }
    join_keys((struct span *)(uintptr_t)line->keys, line->key_count, said, sizeof(said));
    join_keys(ours, stream->key_count, wanted, sizeof(wanted));
    if (stream->key_count && line->key_count && !same)
        return err_exit(err, EX_CONFIG,
                        "stream %s: the tap's key_properties are [%s], the configured key is [%s]: "
                        "take one of them away or make them the same",
                        stream->name, said, wanted);
    if (!stream->key_count && !line->key_count)
        return err_exit(err, EX_CONFIG,
                        "stream %s: the tap's key_properties are [], and the configuration says no "
                        "key: key = [\"id\"];",
                        stream->name);
    flow->key_count = stream->key_count ? stream->key_count : line->key_count;
    for (int i = 0; i < flow->key_count; i++) {
        struct span key = stream->key_count ? ours[i] : line->keys[i];
        (void)snprintf(flow->keys[i], SINGER_NAME_BYTES, "%.*s", (int)key.len, key.data);
    }
    flow->schema = true;
    return 0;
}

static void log_unmapped(struct singer *singer, struct span stream)
{
    char name[SINGER_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%.*s", (int)(stream.len < 100 ? stream.len : 100),
                   stream.data);
    for (int i = 0; i < singer->logged_count; i++)
        if (strcmp(singer->logged[i], name) == 0)
            return;
    if (singer->logged_count == SINGER_STREAMS_LOGGED_MAX)
        return;
    memcpy(singer->logged[singer->logged_count++], name, sizeof(name));
    log_warn("a stream that is not configured is passed over", log_str("stream", name));
}

static int take_state(struct singer *singer, uint32_t at, struct err *err)
{
    struct span text = json_text(&singer->tape, at);
    if (text.len > PLACE_STATE_MAX_BYTES)
        return err_set(err, ERR_RETRY, "the tap's STATE has %zu bytes, more than %d", text.len,
                       PLACE_STATE_MAX_BYTES);
    buf_reset(&singer->state);
    buf_put_span(&singer->state, text);
    return singer->state.failed ? err_set(err, ERR_RETRY, "out of memory") : 0;
}

int lines_take(struct singer *singer, const struct singer_line *line, struct span raw,
               struct err *err)
{
    if (line->type == MESSAGE_STATE)
        return take_state(singer, line->at, err);
    struct singer_flow *flow = singer_flow_of(singer, line->stream);
    if (!flow) {
        metric_add(singer->unmapped, line->type == MESSAGE_RECORD);
        log_unmapped(singer, line->stream);
        return 0;
    }
    if (line->type == MESSAGE_BATCH)
        return err_exit(err, EX_CONFIG,
                        "stream %s: the tap puts its records into files (BATCH); take batch_config "
                        "out of its configuration",
                        flow->stream->name);
    if (line->type == MESSAGE_SCHEMA)
        return take_schema(flow, line, err);
    if (line->type == MESSAGE_ACTIVATE_VERSION) {
        flow->activated = line->version;
        return 0;
    }
    return publish_record(singer, flow, line, raw, err);
}
