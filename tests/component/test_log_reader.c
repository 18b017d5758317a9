/*
 * test_log_reader — partitions read to their end, across the gaps that a log may have.
 */
#include "component/stream_fixture.h"

#include <librdkafka/rdkafka.h>
#include <sysexits.h>

#include "stream/cursor.h"
#include "stream/kafka.h"
#include "stream/log_reader.h"
#include "support/services.h"

static struct services services;
static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    if (services_start(&services, SERVICE_KAFKA) < 0)
        return -1;
    fixture_init(&fixture, "log", services.kafka_bootstrap);
    fixture_topics(&fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    services_stop(&services);
    return 0;
}

static struct log_reader *open_reader(void)
{
    struct err err = ERR_INIT;
    struct log_reader *reader = log_reader_open(&fixture.migration, "test", &err);
    if (!reader)
        fail_msg("%s", err.text);
    return reader;
}

static void put_numbers(const char *topic, int32_t partition, int from, int to)
{
    struct err err = ERR_INIT;
    struct sink *sink = sink_open(&fixture.migration, "test", "1", 0, &err);
    assert_non_null(sink);
    for (int i = from; i < to; i++) {
        struct buf *value = sink_scratch(sink);
        buf_put_int(value, i);
        const struct sink_message message = {
            .topic = topic, .partition = partition, .key = span_of("k"), .value = buf_span(value)};
        assert_ok(sink_put(sink, &message, NULL, ok_));
    }
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    sink_close(sink);
}

struct seen {
    int count[FIXTURE_PARTITIONS];
    int64_t next[FIXTURE_PARTITIONS];
    int stop_at;
};

static int see(void *self, const struct log_message *message, struct err *err)
{
    struct seen *seen = self;
    assert_true(message->offset >= seen->next[message->partition]);
    seen->next[message->partition] = message->offset + 1;
    if (++seen->count[message->partition] == seen->stop_at)
        return err_set(err, ERR_REJECT, "enough");
    return 0;
}

static void a_topic_is_folded_to_its_end(void **state)
{
    (void)state;
    const char *topic = fixture_topic(&fixture, TOPIC_STATE);
    struct seen seen = {.stop_at = -1};
    struct err err = ERR_INIT;
    assert_ok(log_reader_fold(&fixture.migration, topic, see, &seen, ok_)); /* an empty one too */
    put_numbers(topic, 0, 0, 500);
    put_numbers(topic, 3, 0, 7);
    assert_ok(log_reader_fold(&fixture.migration, topic, see, &seen, ok_));
    assert_int_equal(seen.count[0], 500);
    assert_int_equal(seen.count[1], 0);
    assert_int_equal(seen.count[3], 7);
    seen = (struct seen){.stop_at = 3};
    assert_int_equal(log_reader_fold(&fixture.migration, topic, see, &seen, &err), -1);
    assert_string_equal(err.text, "enough");
    err_clear(&err);
    assert_int_equal(log_reader_fold(&fixture.migration, "log.nothing", see, &seen, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_int_equal(err.exit_code, EX_CONFIG);
}

/*
 * The commit marker of a transaction takes an offset that no message has, as does a log whose last messages were compacted or deleted:
 * the end offset lies behind a gap.
 */
static void a_gap_at_the_end_is_passed(void **state)
{
    (void)state;
    const char *topic = fixture_topic(&fixture, TOPIC_DECISIONS);
    char text[256], value[] = "x";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", services.kafka_bootstrap, text,
                            sizeof(text));
    (void)rd_kafka_conf_set(conf, "transactional.id", "gap", text, sizeof(text));
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    assert_non_null(producer);
    assert_null(rd_kafka_init_transactions(producer, FIXTURE_WAIT_MS));
    assert_null(rd_kafka_begin_transaction(producer));
    assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(1),
                                       RD_KAFKA_V_VALUE(value, 1), RD_KAFKA_V_END),
                     0);
    assert_null(rd_kafka_commit_transaction(producer, FIXTURE_WAIT_MS));
    rd_kafka_destroy(producer);

    struct seen seen = {.stop_at = -1};
    assert_ok(log_reader_fold(&fixture.migration, topic, see, &seen, ok_));
    assert_int_equal(seen.count[1], 1);

    struct log_reader *reader = open_reader();
    struct log_message message;
    struct err err = ERR_INIT;
    int64_t end, position = -5;
    assert_false(log_reader_position(reader, topic, 1, &position));
    assert_int_equal(position, -5);
    assert_ok(log_reader_add(reader, topic, 1, -2, ok_));
    int64_t marked_until_ms = clock_mono_ms(&CLOCK_SYSTEM) + FIXTURE_WAIT_MS;
    do /* the commit is answered before its marker is written */
        assert_ok(log_reader_end(reader, topic, 1, &end, ok_));
    while (end < 2 && clock_mono_ms(&CLOCK_SYSTEM) < marked_until_ms);
    assert_int_equal(end, 2);
    /* Also what a broker says that was cut off and knows no leaders yet: no reason to end. */
    assert_int_equal(log_reader_end(reader, topic, FIXTURE_PARTITIONS, &position, &err), -1);
    assert_int_equal(err.kind, ERR_RETRY);
    assert_non_null(strstr(err.text, "tandem topics apply"));
    err = (struct err)ERR_INIT;
    assert_int_equal(log_reader_next(reader, FIXTURE_WAIT_MS, &message, &err), 1);
    assert_true(log_reader_position(reader, topic, 1, &position));
    assert_int_equal(position, 1);
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + FIXTURE_WAIT_MS;
    while (position < end && clock_mono_ms(&CLOCK_SYSTEM) < until_ms) {
        assert_int_equal(log_reader_next(reader, 50, &message, &err), 0);
        assert_true(log_reader_position(reader, topic, 1, &position));
    }
    assert_int_equal(position, end);
    log_reader_close(reader);
}

static void delete_before(const char *topic, int32_t partition, int64_t offset)
{
    struct err err = ERR_INIT;
    rd_kafka_conf_t *conf = kafka_conf_new(&fixture.migration, "test", "1", NULL, NULL, &err);
    rd_kafka_t *handle = kafka_new(RD_KAFKA_PRODUCER, conf, &err);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *delete = rd_kafka_DeleteRecords_new(list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_DeleteRecords(handle, &delete, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, FIXTURE_WAIT_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(delete);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(handle);
}

static void what_expired_is_missed_loudly(void **state)
{
    (void)state;
    const char *topic = fixture_topic(&fixture, TOPIC_CHANGES);
    struct log_message message;
    struct err err = ERR_INIT;
    struct seen seen = {.stop_at = -1};
    put_numbers(topic, 0, 0, 10);
    delete_before(topic, 0, 4);
    assert_ok(log_reader_fold(&fixture.migration, topic, see, &seen, ok_));
    assert_int_equal(seen.count[0], 6);
    struct log_reader *reader = open_reader();
    assert_ok(log_reader_add(reader, topic, 0, 2, ok_));
    assert_int_equal(log_reader_next(reader, FIXTURE_WAIT_MS, &message, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_non_null(strstr(err.text, "log.changes.contact/0"));
    log_reader_close(reader);

    delete_before(topic, 0, 10); /* nothing left, yet the end offset is 10 */
    seen = (struct seen){.stop_at = -1};
    assert_ok(log_reader_fold(&fixture.migration, topic, see, &seen, ok_));
    assert_int_equal(seen.count[0], 0);
}

static int read_number(struct log_reader *reader, int32_t *ret_partition)
{
    struct log_message message;
    struct err err = ERR_INIT;
    if (log_reader_next(reader, FIXTURE_WAIT_MS, &message, &err) != 1)
        fail_msg("%s", err.text);
    char text[16] = "";
    memcpy(text, message.value.data, message.value.len < 15 ? message.value.len : 15);
    *ret_partition = message.partition;
    return (int)strtol(text, NULL, 10);
}

static void partitions_come_go_and_are_moved(void **state)
{
    (void)state;
    const char *topic = fixture_topic(&fixture, TOPIC_HINTS);
    int32_t partition;
    put_numbers(topic, 0, 0, 100);
    put_numbers(topic, 1, 1000, 1100);
    struct log_reader *reader = open_reader();
    assert_ok(log_reader_add(reader, topic, 0, 5, ok_));
    for (int i = 5; i < 20; i++)
        assert_int_equal(read_number(reader, &partition), i);
    assert_ok(log_reader_add(reader, topic, 1, 10, ok_)); /* the other one goes on where it was */
    int next[2] = {20, 1010};
    for (int i = 0; i < 100; i++) {
        int number = read_number(reader, &partition);
        assert_int_equal(number, next[partition]++);
    }
    assert_ok(log_reader_add(reader, topic, 0, 50, ok_)); /* moved */
    assert_ok(log_reader_remove(reader, topic, 1, ok_));
    for (int i = 50; i < 100; i++) {
        assert_int_equal(read_number(reader, &partition), i);
        assert_int_equal(partition, 0);
    }
    put_numbers(topic, 0, 100, 103); /* and on and on */
    for (int i = 100; i < 103; i++)
        assert_int_equal(read_number(reader, &partition), i);
    assert_ok(log_reader_remove(reader, topic, 1, ok_)); /* once more does no harm */
    log_reader_close(reader);
}

static void cursors_are_found_again(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct cursor got = {.count = -7};
    bool found = true;
    assert_ok(cursor_load(&fixture.migration, "old", "contact", "backfill", &got, &found, ok_));
    assert_false(found);
    assert_int_equal(got.count, -7);
    struct sink *sink = sink_open(&fixture.migration, "test", "1", 0, &err);
    struct cursor cursor = {
        .from_ms = 5, .after_id = "a\"b", .seq_from = 1, .seq_to = 10, .count = 10, .ts_ms = 99};
    assert_ok(cursor_put(sink, &fixture.migration, "old", "contact", "backfill", &cursor, ok_));
    cursor.done = true;
    cursor.from_ms = 6;
    assert_ok(cursor_put(sink, &fixture.migration, "old", "contact", "backfill", &cursor, ok_));
    cursor.from_ms = 7;
    assert_ok(cursor_put(sink, &fixture.migration, "old", "contact", "incremental", &cursor, ok_));
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    assert_ok(cursor_load(&fixture.migration, "old", "contact", "backfill", &got, &found, ok_));
    assert_true(found);
    assert_int_equal(got.from_ms, 6);
    assert_string_equal(got.after_id, "a\"b");
    assert_true(got.done);
    assert_int_equal(got.seq_from, 1);
    assert_int_equal(got.seq_to, 10);
    assert_int_equal(got.count, 10);
    assert_int_equal(got.ts_ms, 99);

    struct sink_message newer = {.topic = fixture_topic(&fixture, TOPIC_CURSORS),
                                 .key = span_of("old/contact/newer"),
                                 .value = span_of("{\"v\":2}")};
    assert_ok(sink_put(sink, &newer, NULL, ok_));
    newer.key = span_of("old/contact/broken");
    newer.value = span_of("{\"v\":1}");
    assert_ok(sink_put(sink, &newer, NULL, ok_));
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    sink_close(sink);
    assert_int_equal(cursor_load(&fixture.migration, "old", "contact", "newer", &got, &found, &err),
                     -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_non_null(strstr(err.text, "upgrade"));
    err_clear(&err);
    assert_int_equal(
        cursor_load(&fixture.migration, "old", "contact", "broken", &got, &found, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_non_null(strstr(err.text, "old/contact/broken"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_is_folded_to_its_end),
        cmocka_unit_test(a_gap_at_the_end_is_passed),
        cmocka_unit_test(what_expired_is_missed_loudly),
        cmocka_unit_test(partitions_come_go_and_are_moved),
        cmocka_unit_test(cursors_are_found_again),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
