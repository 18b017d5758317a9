/*
 * test_control — what all processes agree on: written once, checked by each, refused when it does not fit.
 */
#include "component/stream_fixture.h"

#include <sysexits.h>

#include "stream/control.h"
#include "stream/cursor.h"
#include "stream/dead_letter.h"
#include "stream/log_reader.h"
#include "stream/source.h"
#include "support/services.h"

#define OTHER_HASH "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct services services;

static int start(void **state)
{
    (void)state;
    return services_start(&services, SERVICE_KAFKA);
}

static int stop(void **state)
{
    (void)state;
    services_stop(&services);
    return 0;
}

static void a_migration_is_prepared_once(void **state)
{
    (void)state;
    struct fixture fixture;
    struct control control = {.go = true};
    struct err err = ERR_INIT;
    fixture_init(&fixture, "once", services.kafka_bootstrap);
    fixture.entity.generation = 0;
    assert_int_equal(control_read(&fixture.migration, &control, &err), -1); /* no topic yet */
    assert_int_equal(err.kind, ERR_FATAL);
    assert_int_equal(err.exit_code, EX_CONFIG);
    assert_non_null(strstr(err.text, "tandem topics apply"));
    err_clear(&err);
    fixture_topics(&fixture);

    assert_ok(control_read(&fixture.migration, &control, ok_));
    assert_false(control.exists);
    assert_false(control.go);
    assert_int_equal(fixture.entity.generation, 0);
    assert_int_equal(control_go(&fixture.migration, &err), -1);
    assert_non_null(strstr(err.text, "not prepared"));

    assert_ok(control_prepare(&fixture.migration, ok_));
    assert_ok(control_read(&fixture.migration, &control, ok_));
    assert_true(control.exists);
    assert_false(control.go);
    assert_string_equal(control.phase, "prepared");
    assert_int_equal(control.kill_ms, fixture.migration.kill_ms);
    assert_int_equal(fixture.entity.generation, 1);

    fixture.migration.kill_ms = 5; /* what stands there stays: prepared again is nothing */
    assert_ok(control_go(&fixture.migration, ok_));
    assert_ok(control_prepare(&fixture.migration, ok_));
    assert_ok(control_read(&fixture.migration, &control, ok_));
    assert_true(control.go);
    assert_string_equal(control.phase, "running");
    assert_int_not_equal(control.kill_ms, 5);
}

static void another_mapping_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct control control;
    struct err err = ERR_INIT;
    fixture_init(&fixture, "mapping", services.kafka_bootstrap);
    fixture_topics(&fixture);
    assert_ok(control_prepare(&fixture.migration, ok_));
    memcpy(fixture.entity.hash, OTHER_HASH, sizeof(OTHER_HASH));
    assert_int_equal(control_read(&fixture.migration, &control, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_int_equal(err.exit_code, EX_CONFIG);
    assert_non_null(strstr(err.text, "tandem run --remap contact"));

    assert_ok(control_remap(&fixture.migration, "contact", ok_));
    assert_ok(control_remap(&fixture.migration, "contact", ok_)); /* once more is nothing */
    assert_ok(control_read(&fixture.migration, &control, ok_));
    assert_int_equal(fixture.entity.generation, 2);
    err_clear(&err);
    assert_int_equal(control_remap(&fixture.migration, "company", &err), -1);
}

static const struct system_settings OLD = {.name = "old"};
static struct source_settings poll_source = {.name = "p", .type = "poll", .system = &OLD};

static void put_letter(struct fixture *fixture, struct sink *sink, const char *key,
                       const char *reason, const char *entity)
{
    const struct sink_header headers[] = {{"tandem.reason", span_of(reason)},
                                          {"tandem.entity", span_of(entity)}};
    const struct sink_message message = {.topic = fixture_topic(fixture, TOPIC_DLQ),
                                         .partition = SINK_PARTITION_BY_KEY,
                                         .key = span_of(key),
                                         .value = span_of("{}"),
                                         .headers = headers,
                                         .header_count = 2};
    assert_ok(sink_put(sink, &message, NULL, ok_));
}

struct hints {
    int count;
    bool good;
};

static int take_hint(void *self, const struct log_message *message, struct err *err)
{
    struct hints *hints = self;
    (void)err;
    hints->count++;
    hints->good = span_is(message->key, "old:1") || span_is(message->key, "old:2");
    return strstr(message->value.data, "\"why\":\"remap\"") ? 0 : -1;
}

static struct hints read_hints(struct fixture *fixture)
{
    struct hints hints = {0};
    assert_ok(log_reader_fold(&fixture->migration, fixture_topic(fixture, TOPIC_HINTS), take_hint,
                              &hints, ok_));
    return hints;
}

/* A mapping that only takes more asks for what died of the old one, once a record; another one for everything. */
static void remap_asks_for_what_is_read_otherwise(void **state)
{
    (void)state;
    struct fixture fixture;
    struct err err = ERR_INIT;
    struct cursor cursor = {.done = true, .seq_from = 1, .seq_to = 9, .count = 9, .after_id = "3"};
    bool found = false;
    fixture_init(&fixture, "remap", services.kafka_bootstrap);
    fixture_topics(&fixture);
    fixture.migration.sources = &poll_source;
    fixture.migration.source_count = 1;
    assert_ok(control_prepare(&fixture.migration, ok_));
    struct sink *sink = sink_open(&fixture.migration, "test", "1", 0, &err);
    assert_non_null(sink);
    assert_ok(cursor_put(sink, &fixture.migration, "old", "contact", "backfill", &cursor, ok_));
    put_letter(&fixture, sink, "old:1", "mapping", "contact");
    put_letter(&fixture, sink, "old:2", "mapping", "contact");
    put_letter(&fixture, sink, "old:1", "mapping", "contact");
    put_letter(&fixture, sink, "old:3", "rejected", "contact");
    put_letter(&fixture, sink, "old:4", "mapping", "company");
    put_letter(&fixture, sink, "form:5", "mapping", "contact");
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    sink_close(sink);

    memcpy(fixture.entity.hash, OTHER_HASH, sizeof(OTHER_HASH)); /* its shape is the same */
    assert_ok(control_remap(&fixture.migration, "contact", ok_));
    struct hints hints = read_hints(&fixture);
    assert_int_equal(hints.count, 2);
    assert_true(hints.good);
    assert_ok(cursor_load(&fixture.migration, "old", "contact", "backfill", &cursor, &found, ok_));
    assert_true(found && cursor.done);

    fixture.entity.old_object = "Lead";
    fixture.entity.hash[0] = 'c';
    assert_ok(control_remap(&fixture.migration, "contact", ok_));
    assert_int_equal(read_hints(&fixture).count, 2);
    assert_ok(cursor_load(&fixture.migration, "old", "contact", "backfill", &cursor, &found, ok_));
    assert_true(found && !cursor.done);
    assert_string_equal(cursor.after_id, "");
    struct control control;
    assert_ok(control_read(&fixture.migration, &control, ok_));
    assert_int_equal(fixture.entity.generation, 3);
}

static void another_partition_count_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct control control;
    struct err err = ERR_INIT;
    fixture_init(&fixture, "count", services.kafka_bootstrap);
    fixture_topics(&fixture);
    fixture.migration.kafka.partitions =
        8; /* as if the topics were made before the configuration was changed */
    assert_ok(control_prepare(&fixture.migration, ok_));
    assert_int_equal(control_read(&fixture.migration, &control, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_non_null(strstr(
        err.text, "count.changes.contact has 4 partitions, the migration was prepared with 8"));
}

static void put(struct fixture *fixture, const char *key, const char *value)
{
    struct err err = ERR_INIT;
    struct sink *sink = sink_open(&fixture->migration, "test", "1", 0, &err);
    const struct sink_message message = {.topic = fixture_topic(fixture, TOPIC_CONTROL),
                                         .key = span_of(key),
                                         .value = span_of(value)};
    assert_ok(sink_put(sink, &message, NULL, ok_));
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    sink_close(sink);
}

static void what_is_newer_or_broken_stops_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *ns, *key, *value, *says;
    } cases[] = {
        {"newer", "migration", "{\"v\":2}", "upgrade this process first"},
        {"newer2", "anything", "{\"v\":2}", "upgrade this process first"},
        {"broken", "migration", "{\"v\":1,\"phase\":\"x\",\"go\":1,\"kill_ms\":1}", "\"go\""},
        {"broken2", "mapping:contact", "{\"v\":1}", "\"generation\""},
        {"broken3", "partitions:contact", "[]", "control key partitions:contact"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        struct control control;
        struct err err = ERR_INIT;
        fixture_init(&fixture, cases[i].ns, services.kafka_bootstrap);
        fixture.migration.kafka.partitions = 1;
        fixture_topics(&fixture);
        assert_ok(control_prepare(&fixture.migration, ok_));
        put(&fixture, "unknown", "{\"v\":1,\"of\":\"a newer minor version\"}");
        assert_ok(control_read(&fixture.migration, &control, ok_));
        put(&fixture, cases[i].key, cases[i].value);
        assert_int_equal(control_read(&fixture.migration, &control, &err), -1);
        assert_int_equal(err.kind, ERR_FATAL);
        if (!strstr(err.text, cases[i].says))
            fail_msg("%s: %s", cases[i].ns, err.text);
    }
}

/* ---- what sources put, on the same broker ---- */

static struct log_reader *read_from(struct fixture *fixture, enum topic_kind kind)
{
    struct err err = ERR_INIT;
    struct log_reader *reader = log_reader_open(&fixture->migration, "test", &err);
    assert_non_null(reader);
    for (int p = 0; p < FIXTURE_PARTITIONS; p++)
        assert_ok(log_reader_add(reader, fixture_topic(fixture, kind), p, -2, ok_));
    return reader;
}

static void next(struct log_reader *reader, struct log_message *ret_message)
{
    struct err err = ERR_INIT;
    if (log_reader_next(reader, FIXTURE_WAIT_MS, ret_message, &err) != 1)
        fail_msg("%s", err.text);
}

static void assert_header(const struct log_message *message, const char *name, const char *value)
{
    struct span got = log_message_header(message, name);
    if (value ? !span_is(got, value) : got.data != NULL)
        fail_msg("%s: \"%.*s\", not \"%s\"", name, (int)got.len, got.data ? got.data : "",
                 value ? value : "");
}

static void a_source_puts_events_and_dead_letters(void **state)
{
    (void)state;
    struct fixture fixture;
    struct err err = ERR_INIT;
    struct arena arena;
    arena_init(&arena);
    fixture_init(&fixture, "source", services.kafka_bootstrap);
    fixture_topics(&fixture);
    struct system_settings system = {.name = "old"};
    struct source_settings settings = {.name = "old-poll", .type = "poll", .system = &system};
    struct sink *sink = sink_open(&fixture.migration, "poll", "1", 0, &err);
    const struct source_context context = {
        .migration = &fixture.migration, .settings = &settings, .sink = sink, .instance = "7"};
    struct event event = {.key = span_of("old:1"),
                          .system = span_of("old"),
                          .id = span_of("1"),
                          .op = 'r',
                          .version = {1, 2, 3, 1},
                          .after = record_new(&fixture.entity, &arena)};
    assert_ok(source_put_event(&context, &fixture.entity, &event, "poll", ok_));
    assert_ok(source_put_dead_letter(&context, &fixture.entity, span_of("old:2"),
                                     span_of("{\"Email\":7}"), "mapping",
                                     "field email: not an address", ok_));
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    sink_close(sink);

    struct log_message message;
    struct log_reader *reader = read_from(&fixture, TOPIC_CHANGES);
    next(reader, &message);
    assert_true(span_is(message.key, "old:1"));
    assert_header(&message, "content-type", "application/json");
    assert_header(&message, "ce_specversion", "1.0");
    assert_header(&message, "ce_id", event.event_id);
    assert_header(&message, "ce_source", "/source/old/old-poll");
    assert_header(&message, "ce_type", "dev.tandem.contact.changed.v1");
    log_reader_close(reader);
    reader = read_from(&fixture, TOPIC_DLQ);
    next(reader, &message);
    assert_true(span_is(message.key, "old:2"));
    assert_true(span_is(message.value, "{\"Email\":7}"));
    assert_header(&message, "tandem.reason", "mapping");
    assert_header(&message, "tandem.entity", "contact");
    assert_header(&message, "tandem.system", "old");
    assert_header(&message, "__connect.errors.connector.name", "source-poll");
    assert_header(&message, "__connect.errors.task.id", "7");
    assert_header(&message, "__connect.errors.stage", "VALUE_CONVERTER");
    assert_header(&message, "__connect.errors.class.name", "tandem.poll");
    assert_header(&message, "__connect.errors.exception.class.name", "tandem.mapping");
    assert_header(&message, "__connect.errors.exception.message", "field email: not an address");
    assert_header(&message, "__connect.errors.topic", NULL);
    log_reader_close(reader);
    arena_clear(&arena);
}

static void a_dead_letter_keeps_what_it_was(void **state)
{
    (void)state;
    struct fixture fixture;
    struct err err = ERR_INIT;
    struct log_message died, message;
    fixture_init(&fixture, "dead", services.kafka_bootstrap);
    fixture_topics(&fixture);
    struct sink *sink = sink_open(&fixture.migration, "apply", "1", 0, &err);
    const struct sink_header headers[] = {{"ce_id", {"x\0y", 3}}, {"tandem.reason", {"forged", 6}}};
    const struct sink_message put = {.topic = fixture_topic(&fixture, TOPIC_CHANGES),
                                     .partition = 3,
                                     .key = {"k\0k", 3},
                                     .value = {"\xff\0\xfe", 3},
                                     .headers = headers,
                                     .header_count = 2};
    assert_ok(sink_put(sink, &put, NULL, ok_));
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    struct log_reader *from = read_from(&fixture, TOPIC_CHANGES);
    next(from, &died);
    static char large[4 * FIXTURE_RECORD_MAX_BYTES];
    struct dead_letter letter = {.topic = put.topic,
                                 .partition = died.partition,
                                 .offset = died.offset,
                                 .timestamp_ms = died.timestamp_ms,
                                 .key = died.key,
                                 .value = died.value,
                                 .message = died.message,
                                 .process = "apply",
                                 .instance = "1",
                                 .stage = "TASK_PUT",
                                 .reason_class = "rejected",
                                 .reason = "no"};
    assert_ok(dead_letter_put(sink, &fixture.migration, &letter, NULL, ok_));
    letter.key = span_of("large");
    letter.value = (struct span){large, sizeof(large)};
    assert_ok(dead_letter_put(sink, &fixture.migration, &letter, NULL, ok_));
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));

    char text[24];
    struct log_reader *reader = read_from(&fixture, TOPIC_DLQ);
    for (int i = 0; i < 2; i++) {
        next(reader, &message);
        assert_header(&message, "__connect.errors.topic", "dead.changes.contact");
        assert_header(&message, "__connect.errors.partition", "3");
        assert_header(&message, "__connect.errors.offset", "0");
        assert_header(&message, "tandem.reason", "rejected");
        (void)snprintf(text, sizeof(text), "%lld", (long long)died.timestamp_ms);
        assert_header(&message, "tandem.timestamp_ms", text);
        if (span_is(message.key, "large")) {
            assert_int_equal(message.value.len, 0);
            assert_header(&message, "tandem.value_bytes", "400000");
        } else {
            assert_true(span_equal(message.key, put.key));
            assert_true(span_equal(message.value, put.value));
            assert_true(span_equal(log_message_header(&message, "ce_id"), headers[0].value));
            assert_header(&message, "tandem.value_bytes", NULL);
        }
    }
    log_reader_close(reader);
    log_reader_close(from);
    sink_close(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_migration_is_prepared_once),
        cmocka_unit_test(another_mapping_is_refused),
        cmocka_unit_test(remap_asks_for_what_is_read_otherwise),
        cmocka_unit_test(another_partition_count_is_refused),
        cmocka_unit_test(what_is_newer_or_broken_stops_the_start),
        cmocka_unit_test(a_source_puts_events_and_dead_letters),
        cmocka_unit_test(a_dead_letter_keeps_what_it_was),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
