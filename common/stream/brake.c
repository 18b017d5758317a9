/*
 * brake — see brake.h. The last message of a key counts.
 */
#include "stream/brake.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "stream/log_reader.h"
#include "stream/members.h"
#include "stream/topics.h"

enum { SETTLE_TIMEOUT_MS = 10 * 1000, KEY_BYTES = 160 };

enum { M_BY, M_BRAKED, M_APPROVED, M_FOUND, M_KNOWN, M_GAP, M_SINCE, M_WHO, M_COUNT };
static const struct member MEMBERS[M_COUNT] = {
    [M_BY] = {"by", JSON_STRING_, false},           [M_BRAKED] = {"braked", JSON_BOOL_, false},
    [M_APPROVED] = {"approved", JSON_BOOL_, false}, [M_FOUND] = {"found", JSON_NUMBER_, false},
    [M_KNOWN] = {"known", JSON_NUMBER_, false},     [M_GAP] = {"gap_ms", JSON_NUMBER_, false},
    [M_SINCE] = {"since_ms", JSON_NUMBER_, false},  [M_WHO] = {"who", JSON_STRING_, false},
};

struct reading {
    char key[KEY_BYTES];
    struct brake brake;
    struct json_tape tape;
};

/* ---- the rules ---- */

static const char *const BY_NAMES[] = {"log", "census"};
_Static_assert(sizeof(BY_NAMES) / sizeof(BY_NAMES[0]) == BRAKE_BY_COUNT, "a name per finder");

const char *brake_by_name(enum brake_by by)
{
    return by < BRAKE_BY_COUNT ? BY_NAMES[by] : "?";
}

bool brake_is_approved(const struct brake *brake, enum brake_by by)
{
    return brake->approved && brake->by == by;
}

int64_t brake_allows(const struct brake *brake, enum brake_by by, int64_t known, int64_t percent)
{
    int64_t share = known > 0 ? known / 100 * percent + known % 100 * percent / 100 : 0;
    int64_t allows = share > BRAKE_RECORDS_MIN ? share : BRAKE_RECORDS_MIN;
    return brake_is_approved(brake, by) ? brake->found + allows : allows;
}

int64_t brake_gap_ms(int64_t from_ms, int64_t earliest_ms, int64_t now_ms, int64_t log_ms)
{
    bool purged = earliest_ms > from_ms;
    bool expired = log_ms > 0 && now_ms - log_ms > from_ms;
    return purged || expired ? from_ms : 0;
}

/* ---- reading ---- */

static bool is_true(const struct json_tape *tape, uint32_t at)
{
    return json_text(tape, at).data[0] == 't';
}

static int take(struct reading *reading, struct span text, struct err *err)
{
    uint32_t at[M_COUNT];
    const struct json_tape *tape = &reading->tape;
    struct brake now = {.braked = false};
    if (json_parse(&reading->tape, text, err) < 0 ||
        members_version(tape, "sweep", BRAKE_FORMAT_VERSION, err) < 0 ||
        members_find(tape, 0, MEMBERS, M_COUNT, at, err) < 0 ||
        member_int(tape, at[M_FOUND], "found", 0, &now.found, err) < 0 ||
        member_int(tape, at[M_KNOWN], "known", 0, &now.known, err) < 0 ||
        member_int(tape, at[M_GAP], "gap_ms", 0, &now.gap_ms, err) < 0 ||
        member_int(tape, at[M_SINCE], "since_ms", 0, &now.since_ms, err) < 0)
        return -1;
    struct span who = json_text(tape, at[M_WHO]);
    now.by = span_is(json_text(tape, at[M_BY]), BY_NAMES[BRAKE_BY_CENSUS]) ? BRAKE_BY_CENSUS
                                                                           : BRAKE_BY_LOG;
    now.braked = is_true(tape, at[M_BRAKED]);
    now.approved = is_true(tape, at[M_APPROVED]);
    (void)snprintf(now.who, sizeof(now.who), "%.*s", (int)who.len, who.data);
    reading->brake = now;
    return 0;
}

static int on_message(void *self, const struct log_message *message, struct err *err)
{
    struct reading *reading = self;
    if (!message->key.data || !span_is(message->key, reading->key))
        return 0;
    if (!message->value.data) {
        reading->brake = (struct brake){.braked = false};
        return 0;
    }
    if (take(reading, message->value, err) == 0)
        return 0;
    err->exit_code = err->kind == ERR_FATAL ? err->exit_code : EX_DATAERR;
    err->kind = ERR_FATAL;
    return err_wrap(err, "control key %s", reading->key);
}

int brake_read(const struct migration *migration, const char *entity, struct brake *ret_brake,
               struct err *err)
{
    char topic[TOPIC_NAME_BYTES];
    struct reading reading = {.brake = {.braked = false}};
    (void)snprintf(reading.key, sizeof(reading.key), "sweep:%s", entity);
    topic_name(migration, TOPIC_CONTROL, NULL, topic);
    json_tape_init(&reading.tape);
    int result = log_reader_fold(migration, topic, on_message, &reading, err);
    json_tape_clear(&reading.tape);
    if (result == 0)
        *ret_brake = reading.brake;
    return result;
}

/* ---- writing ---- */

int brake_put(struct sink *sink, const struct migration *migration, const char *entity,
              const struct brake *brake, struct err *err)
{
    char topic[TOPIC_NAME_BYTES], key[KEY_BYTES];
    topic_name(migration, TOPIC_CONTROL, NULL, topic);
    (void)snprintf(key, sizeof(key), "sweep:%s", entity);
    struct buf *value = sink_scratch(sink);
    buf_printf(
        value,
        "{\"v\":%d,\"by\":\"%s\",\"braked\":%s,\"approved\":%s,\"found\":%lld,\"known\":%lld,"
        "\"gap_ms\":%lld,\"since_ms\":%lld,\"who\":",
        BRAKE_FORMAT_VERSION, brake_by_name(brake->by), brake->braked ? "true" : "false",
        brake->approved ? "true" : "false", (long long)brake->found, (long long)brake->known,
        (long long)brake->gap_ms, (long long)brake->since_ms);
    buf_put_json_string(value, span_of(brake->who));
    buf_putc(value, '}');
    bool says = brake->braked || brake->approved || brake->gap_ms;
    const struct sink_message message = {.topic = topic,
                                         .partition = 0,
                                         .key = span_of(key),
                                         .value = says ? buf_span(value) : SPAN_NONE};
    return sink_put(sink, &message, NULL, err);
}

int brake_approve(const struct migration *migration, const char *entity, const struct brake *brake,
                  const char *who, struct err *err)
{
    struct brake answer = {
        .by = brake->by, .approved = brake->braked, .found = brake->found, .known = brake->known};
    if (brake->braked) /* one answer a question */
        answer.gap_ms = brake->gap_ms;
    struct sink *sink = sink_open(migration, "control", "cli", 0, err);
    if (!sink)
        return -1;
    answer.since_ms = clock_wall_ms(&CLOCK_SYSTEM);
    (void)snprintf(answer.who, sizeof(answer.who), "%s", who);
    int result = brake_put(sink, migration, entity, &answer, err);
    if (result == 0)
        result = sink_settle(sink, SETTLE_TIMEOUT_MS, err);
    sink_close(sink);
    return result;
}
