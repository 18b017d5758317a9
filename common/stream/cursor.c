/*
 * cursor — see cursor.h.
 */
#include "stream/cursor.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "stream/log_reader.h"
#include "stream/members.h"
#include "stream/topics.h"

enum { CURSOR_KEY_BYTES = 256 };

enum { TOP_CURSOR, TOP_SEQ_FROM, TOP_SEQ_TO, TOP_COUNT_, TOP_TS_MS, TOP_SILENT, TOP_MEMBERS };
static const struct member TOP[TOP_MEMBERS] = {
    [TOP_CURSOR] = {"cursor", JSON_OBJECT_, false},
    [TOP_SEQ_FROM] = {"seq_from", JSON_NUMBER_, false},
    [TOP_SEQ_TO] = {"seq_to", JSON_NUMBER_, false},
    [TOP_COUNT_] = {"count", JSON_NUMBER_, false},
    [TOP_TS_MS] = {"ts_ms", JSON_NUMBER_, false},
    [TOP_SILENT] = {"silent", JSON_ARRAY_, true},
};
enum { AT_FROM, AT_AFTER, AT_DONE, AT_MEMBERS };
static const struct member AT[AT_MEMBERS] = {
    [AT_FROM] = {"from_ms", JSON_NUMBER_, false},
    [AT_AFTER] = {"after_id", JSON_STRING_, false},
    [AT_DONE] = {"done", JSON_BOOL_, false},
};

void cursor_encode(const struct cursor *cursor, struct buf *out)
{
    buf_puts(out, "{\"v\":");
    buf_put_int(out, CURSOR_FORMAT_VERSION);
    buf_puts(out, ",\"cursor\":{\"from_ms\":");
    buf_put_int(out, cursor->from_ms);
    buf_puts(out, ",\"after_id\":");
    buf_put_json_string(out, span_of(cursor->after_id));
    buf_puts(out,
             cursor->done ? ",\"done\":true},\"seq_from\":" : ",\"done\":false},\"seq_from\":");
    buf_put_int(out, cursor->seq_from);
    buf_puts(out, ",\"seq_to\":");
    buf_put_int(out, cursor->seq_to);
    buf_puts(out, ",\"count\":");
    buf_put_int(out, cursor->count);
    buf_puts(out, ",\"ts_ms\":");
    buf_put_int(out, cursor->ts_ms);
    if (cursor->silent[0]) {
        buf_puts(out, ",\"silent\":");
        buf_puts(out, cursor->silent);
    }
    buf_putc(out, '}');
}

static int decode(struct span value, struct json_tape *tape, struct cursor *ret_cursor,
                  struct err *err)
{
    uint32_t top[TOP_MEMBERS], at[AT_MEMBERS];
    struct cursor cursor = {0};
    if (!value.data)
        return err_set(err, ERR_REJECT, "null");
    if (json_parse(tape, value, err) < 0 ||
        members_version(tape, "cursor", CURSOR_FORMAT_VERSION, err) < 0 ||
        members_find(tape, 0, TOP, TOP_MEMBERS, top, err) < 0 ||
        members_find(tape, top[TOP_CURSOR], AT, AT_MEMBERS, at, err) < 0 ||
        member_int(tape, at[AT_FROM], "from_ms", 0, &cursor.from_ms, err) < 0 ||
        member_int(tape, top[TOP_SEQ_FROM], "seq_from", 0, &cursor.seq_from, err) < 0 ||
        member_int(tape, top[TOP_SEQ_TO], "seq_to", 0, &cursor.seq_to, err) < 0 ||
        member_int(tape, top[TOP_COUNT_], "count", 0, &cursor.count, err) < 0 ||
        member_int(tape, top[TOP_TS_MS], "ts_ms", 0, &cursor.ts_ms, err) < 0)
        return -1;
    struct span after = json_text(tape, at[AT_AFTER]);
    if (after.len >= sizeof(cursor.after_id))
        return err_set(err, ERR_REJECT, "\"after_id\" is longer than %d bytes",
                       CURSOR_ID_BYTES - 1);
    memcpy(cursor.after_id, after.data, after.len);
    struct span silent = top[TOP_SILENT] ? json_text(tape, top[TOP_SILENT]) : SPAN_NONE;
    if (silent.len >= sizeof(cursor.silent))
        return err_set(err, ERR_REJECT, "\"silent\" is longer than %d bytes",
                       CURSOR_SILENT_BYTES - 1);
    memcpy(cursor.silent, silent.data ? silent.data : "", silent.len);
    cursor.done = json_text(tape, at[AT_DONE]).data[0] == 't';
    *ret_cursor = cursor;
    return 0;
}

int cursor_decode(struct span value, struct json_tape *tape, struct cursor *ret_cursor,
                  struct err *err)
{
    if (decode(value, tape, ret_cursor, err) == 0)
        return 0;
    return err_wrap(err, "cursor");
}

static void cursor_key(const char *system, const char *entity, const char *pass, char *ret_key)
{
    (void)snprintf(ret_key, CURSOR_KEY_BYTES, "%s/%s/%s", system, entity, pass);
}

int cursor_put(struct sink *sink, const struct migration *migration, const char *system,
               const char *entity, const char *pass, const struct cursor *cursor, struct err *err)
{
    char topic[TOPIC_NAME_BYTES], key[CURSOR_KEY_BYTES];
    struct buf *value = sink_scratch(sink);
    topic_name(migration, TOPIC_CURSORS, NULL, topic);
    cursor_key(system, entity, pass, key);
    cursor_encode(cursor, value);
    struct sink_message message = {.topic = topic,
                                   .partition = SINK_PARTITION_BY_KEY,
                                   .key = span_of(key),
                                   .value = buf_span(value)};
    return sink_put(sink, &message, NULL, err);
}

struct loading {
    const char *key;
    struct json_tape tape;
    struct cursor cursor;
    bool found;
};

static int load(void *self, const struct log_message *message, struct err *err)
{
    struct loading *loading = self;
    if (!span_is(message->key, loading->key))
        return 0;
    loading->found = message->value.data != NULL;
    if (!loading->found)
        return 0;
    if (cursor_decode(message->value, &loading->tape, &loading->cursor, err) == 0)
        return 0;
    /* Going on from nowhere would read everything again, or miss what was between. */
    err->exit_code = err->kind == ERR_FATAL ? err->exit_code : EX_DATAERR;
    err->kind = ERR_FATAL;
    return err_wrap(err, "%s", loading->key);
}

int cursor_load(const struct migration *migration, const char *system, const char *entity,
                const char *pass, struct cursor *ret_cursor, bool *ret_found, struct err *err)
{
    char topic[TOPIC_NAME_BYTES], key[CURSOR_KEY_BYTES];
    struct loading loading = {.key = key};
    topic_name(migration, TOPIC_CURSORS, NULL, topic);
    cursor_key(system, entity, pass, key);
    json_tape_init(&loading.tape);
    int result = log_reader_fold(migration, topic, load, &loading, err);
    json_tape_clear(&loading.tape);
    if (result < 0)
        return -1;
    if (loading.found)
        *ret_cursor = loading.cursor;
    *ret_found = loading.found;
    return 0;
}
