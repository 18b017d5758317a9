/*
 * test_sink — what was put is on Kafka as it was put, and only a settled sink says so.
 */
#include "component/stream_fixture.h"

#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>
#include <sysexits.h>

#include "base/service.h"
#include "stream/log_reader.h"
#include "support/services.h"

static struct services services;
static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    if (services_start(&services, SERVICE_KAFKA) < 0)
        return -1;
    fixture_init(&fixture, "sink", services.kafka_bootstrap);
    fixture_topics(&fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    services_stop(&services);
    return 0;
}

static struct sink *open_sink(const struct migration *migration)
{
    struct err err = ERR_INIT;
    struct sink *sink = sink_open(migration, "test", "1", 0, &err);
    if (!sink)
        fail_msg("%s", err.text);
    return sink;
}

static void every_byte_arrives(void **state)
{
    (void)state;
    struct sink *sink = open_sink(&fixture.migration);
    struct sink_report reports[3];
    const struct sink_header headers[] = {
        {"a", {"1", 1}}, {"bin", {"\0\xff", 2}}, {"a", {"2", 1}}, {"empty", {"", 0}}};
    struct sink_message message = {.topic = fixture_topic(&fixture, TOPIC_STATE), .partition = 2};
    message.key = span_of("k\xc3\xa9y");
    message.value = (struct span){"va\0lue", 6};
    message.headers = headers;
    message.header_count = 4;
    assert_ok(sink_put(sink, &message, &reports[0], ok_));
    message.value = (struct span){"", 0};
    message.header_count = 0;
    assert_ok(sink_put(sink, &message, &reports[1], ok_));
    message.value = SPAN_NONE;
    assert_ok(sink_put(sink, &message, &reports[2], ok_));
    assert_int_equal(reports[0].offset, -1);
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    assert_int_equal(sink_unreported(sink), 0);
    int64_t end;
    assert_ok(sink_end_offset(sink, message.topic, 2, &end, ok_));
    assert_int_equal(end, reports[2].offset + 1);
    sink_close(sink);

    struct err err = ERR_INIT;
    struct log_message got;
    struct log_reader *reader = log_reader_open(&fixture.migration, "test", &err);
    assert_non_null(reader);
    assert_ok(log_reader_add(reader, message.topic, 2, reports[0].offset, ok_));
    assert_int_equal(log_reader_next(reader, FIXTURE_WAIT_MS, &got, &err), 1);
    assert_int_equal(got.offset, reports[0].offset);
    assert_true(span_is(got.key, "k\xc3\xa9y"));
    assert_true(span_equal(got.value, (struct span){"va\0lue", 6}));
    assert_true(span_is(log_message_header(&got, "a"), "2"));
    assert_true(span_equal(log_message_header(&got, "bin"), (struct span){"\0\xff", 2}));
    assert_null(log_message_header(&got, "none").data);
    assert_int_equal(log_reader_next(reader, FIXTURE_WAIT_MS, &got, &err), 1);
    assert_non_null(got.value.data); /* empty is not null */
    assert_int_equal(got.value.len, 0);
    assert_int_equal(log_reader_next(reader, FIXTURE_WAIT_MS, &got, &err), 1);
    assert_null(got.value.data);
    log_reader_close(reader);
}

/* Test vectors of Kafka's own Java client (UtilsTest.testMurmur2): other tools must find our partitions. */
static void keys_go_where_java_puts_them(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t murmur2;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
    struct sink *sink = open_sink(&fixture.migration);
    struct sink_report reports[COUNT];
    for (int i = 0; i < COUNT; i++) {
        const struct sink_message message = {.topic = fixture_topic(&fixture, TOPIC_CHANGES),
                                             .partition = SINK_PARTITION_BY_KEY,
                                             .key = span_of(cases[i].key),
                                             .value = span_of("{}")};
        assert_ok(sink_put(sink, &message, &reports[i], ok_));
    }
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(reports[i].partition,
                         (cases[i].murmur2 & 0x7fffffff) % FIXTURE_PARTITIONS);
    sink_close(sink);
}

static void many_messages_keep_their_order(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct sink *sink = open_sink(&fixture.migration);
    struct sink_report *reports = calloc(COUNT, sizeof(*reports));
    assert_non_null(reports);
    for (int i = 0; i < COUNT; i++) {
        struct buf *value = sink_scratch(sink);
        buf_put_int(value, i);
        const struct sink_message message = {.topic = fixture_topic(&fixture, TOPIC_OUTCOMES),
                                             .partition = 1,
                                             .key = span_of("k"),
                                             .value = buf_span(value)};
        assert_ok(sink_put(sink, &message, &reports[i], ok_));
    }
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    for (int i = 1; i < COUNT; i++)
        assert_int_equal(reports[i].offset, reports[0].offset + i);
    free(reports);
    sink_close(sink);
}

static void too_large_is_rejected(void **state)
{
    (void)state;
    static char large[4 * FIXTURE_RECORD_MAX_BYTES + 1];
    memset(large, 'x', sizeof(large));
    struct sink *sink = open_sink(&fixture.migration);
    static const struct {
        enum topic_kind kind;
        size_t bytes;
        bool fits;
    } cases[] = {
        {TOPIC_CHANGES, FIXTURE_RECORD_MAX_BYTES - 2000, true},
        {TOPIC_CHANGES, FIXTURE_RECORD_MAX_BYTES, false},
        {TOPIC_STATE, FIXTURE_RECORD_MAX_BYTES, true},
        {TOPIC_STATE, 4 * FIXTURE_RECORD_MAX_BYTES - 2000, true},
        {TOPIC_STATE, 4 * FIXTURE_RECORD_MAX_BYTES, false},
        {TOPIC_DLQ, 4 * FIXTURE_RECORD_MAX_BYTES - 2000, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        const struct sink_message message = {.topic = fixture_topic(&fixture, cases[i].kind),
                                             .partition = 0,
                                             .key = span_of("k"),
                                             .value = {large, cases[i].bytes}};
        int result = sink_put(sink, &message, NULL, &err);
        assert_int_equal(result, cases[i].fits ? 0 : -1);
        assert_int_equal(err.kind, cases[i].fits ? ERR_NONE : ERR_REJECT);
    }
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_)); /* the broker takes what we let through */
    sink_close(sink);
}

static void a_missing_topic_is_not_created(void **state)
{
    (void)state;
    struct fixture other;
    struct err err = ERR_INIT;
    struct topics_plan plan = {0};
    fixture_init(&other, "nowhere", services.kafka_bootstrap);
    struct sink *sink = open_sink(&other.migration);
    struct sink_message message = {
        .topic = "nowhere.changes.contact", .key = span_of("k"), .value = span_of("v")};
    assert_int_equal(sink_put(sink, &message, NULL, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_int_equal(err.exit_code, EX_CONFIG);
    assert_non_null(strstr(err.text, "tandem topics apply"));
    err_clear(&err);
    message.topic = "sink.changes.contact"; /* exists, but is another migration's */
    assert_int_equal(sink_put(sink, &message, NULL, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    sink_close(sink);
    assert_ok(topics_plan(&other.migration, &plan, ok_));
    assert_int_equal(plan.count, 10);
    topics_plan_clear(&plan);
}

/* The mock cluster, because a real broker cannot be told to refuse one request. */
static void a_failed_report_is_fatal(void **state)
{
    (void)state;
    char text[256];
    struct err err = ERR_INIT;
    struct fixture mocked;
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
    rd_kafka_mock_cluster_t *mock = rd_kafka_mock_cluster_new(host, 1);
    assert_non_null(mock);
    fixture_init(&mocked, "mock", rd_kafka_mock_cluster_bootstraps(mock));
    assert_int_equal(rd_kafka_mock_topic_create(mock, "mock.cursors", 1, 1), 0);
    struct sink *sink = open_sink(&mocked.migration);
    const struct sink_message message = {
        .topic = "mock.cursors", .partition = 0, .key = span_of("k"), .value = span_of("v")};
    assert_ok(sink_put(sink, &message, NULL, ok_));
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    rd_kafka_mock_push_request_errors(mock, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_ok(sink_put(sink, &message, NULL, ok_));
    assert_int_equal(sink_settle(sink, FIXTURE_WAIT_MS, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_int_equal(err.exit_code, EX_NOPERM);
    assert_non_null(strstr(err.text, "mock.cursors"));
    err_clear(&err);
    assert_int_equal(sink_put(sink, &message, NULL, &err), -1); /* and stays so */
    assert_int_equal(err.kind, ERR_FATAL);
    sink_close(sink);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(host);
}

static void a_silent_broker_delays_and_loses_nothing(void **state)
{
    (void)state;
    char text[256];
    struct err err = ERR_INIT;
    struct fixture mocked;
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
    rd_kafka_mock_cluster_t *mock = rd_kafka_mock_cluster_new(host, 1);
    fixture_init(&mocked, "mock", rd_kafka_mock_cluster_bootstraps(mock));
    assert_int_equal(rd_kafka_mock_topic_create(mock, "mock.cursors", 1, 1), 0);
    struct sink *sink = open_sink(&mocked.migration);
    struct sink_report report;
    const struct sink_message message = {
        .topic = "mock.cursors", .partition = 0, .key = span_of("k"), .value = span_of("v")};
    assert_ok(sink_put(sink, &message, NULL, ok_));
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    rd_kafka_mock_broker_set_down(mock, 1);
    assert_ok(sink_put(sink, &message, &report, ok_));
    assert_int_equal(sink_settle(sink, 300, &err), -1);
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(sink_unreported(sink), 1);
    assert_int_equal(report.offset, -1);
    rd_kafka_mock_broker_set_up(mock, 1);
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    assert_int_equal(report.offset, 1);

    /* Last, because a stop cannot be taken back: a full queue lets go when a stop is asked for. */
    rd_kafka_mock_broker_set_down(mock, 1);
    service_request_stop();
    int result = 0;
    for (int i = 0; i < 1000000 && result == 0; i++)
        result = sink_put(sink, &message, NULL, &err);
    assert_int_equal(result, -1);
    assert_int_equal(err.kind, ERR_RETRY);
    sink_close(sink);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_arrives),
        cmocka_unit_test(keys_go_where_java_puts_them),
        cmocka_unit_test(many_messages_keep_their_order),
        cmocka_unit_test(too_large_is_rejected),
        cmocka_unit_test(a_missing_topic_is_not_created),
        cmocka_unit_test(a_failed_report_is_fatal),
        cmocka_unit_test(a_silent_broker_delays_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
