/*
 * test_roundtrip — the ground under every other test: a message through a
 * real Kafka and a value through a real Redis.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis.h>
#include <librdkafka/rdkafka.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/services.h"

enum { TIMEOUT_MS = 60000 };

static struct services services;

static int start(void **state)
{
    (void)state;
    if (services_start(&services, SERVICE_KAFKA | SERVICE_REDIS) < 0)
        return -1;
    return services_create_topic(&services, "roundtrip", 3);
}

static int stop(void **state)
{
    (void)state;
    services_stop(&services);
    return access(services.dir, F_OK) == 0 ? -1 : 0;
}

static rd_kafka_t *client(rd_kafka_type_t type)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(
        rd_kafka_conf_set(conf, "bootstrap.servers", services.kafka_bootstrap, text, sizeof(text)),
        RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "group.id", "roundtrip", text, sizeof(text)),
                     RD_KAFKA_CONF_OK);
    if (type == RD_KAFKA_PRODUCER)
        assert_int_equal(rd_kafka_conf_set(conf, "enable.idempotence", "true", text, sizeof(text)),
                         RD_KAFKA_CONF_OK);
    else
        assert_int_equal(
            rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", text, sizeof(text)),
            RD_KAFKA_CONF_OK);
    rd_kafka_t *kafka = rd_kafka_new(type, conf, text, sizeof(text));
    assert_non_null(kafka);
    return kafka;
}

static void a_message_through_kafka(void **state)
{
    (void)state;
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER);
    char value[] = "hello";
    assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("roundtrip"),
                                       RD_KAFKA_V_KEY("k", 1), RD_KAFKA_V_VALUE(value, 5),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(producer, TIMEOUT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);

    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, "roundtrip", RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(consumer, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
    int64_t deadline_ms = clock_mono_ms(&CLOCK_SYSTEM) + TIMEOUT_MS;
    rd_kafka_message_t *message = NULL;
    while (!message && clock_mono_ms(&CLOCK_SYSTEM) < deadline_ms)
        message = rd_kafka_consumer_poll(consumer, 100);
    assert_non_null(message);
    assert_int_equal(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(message->len, 5);
    assert_memory_equal(message->payload, "hello", 5);
    rd_kafka_message_destroy(message);
    assert_int_equal(rd_kafka_consumer_close(consumer), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(consumer);
}

static void a_value_through_redis(void **state)
{
    (void)state;
    redisContext *redis = redisConnect("127.0.0.1", services.redis_port);
    assert_non_null(redis);
    assert_int_equal(redis->err, 0);
    redisReply *reply = redisCommand(redis, "SET %s %b", "k", "hel\0lo", (size_t)6);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    reply = redisCommand(redis, "GET k");
    assert_non_null(reply);
    assert_int_equal(reply->len, 6);
    assert_memory_equal(reply->str, "hel\0lo", 6);
    freeReplyObject(reply);
    redisFree(redis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_through_kafka),
        cmocka_unit_test(a_value_through_redis),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
