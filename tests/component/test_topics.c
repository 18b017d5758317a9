/*
 * test_topics — plan and apply against a real broker: what is missing is created with its settings, what differs is altered, what others set
 * stays, and what cannot be mended is refused.
 */
#include "component/stream_fixture.h"

#include <sysexits.h>

#include "stream/kafka.h"
#include "stream/topics_wanted.h"
#include "support/services.h"

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

/* The topic's value of a setting as the cluster has it. */
static void setting_of(struct fixture *fixture, const char *topic, const char *name,
                       char *ret_value, size_t size)
{
    struct topics_admin admin;
    rd_kafka_event_t *event;
    const rd_kafka_ConfigEntry_t **entries;
    size_t count;
    assert_ok(topics_admin_open(&admin, &fixture->migration, ok_));
    assert_ok(topics_admin_describe(&admin, topic, &event, &entries, &count, ok_));
    ret_value[0] = '\0';
    for (size_t i = 0; i < count; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            (void)snprintf(ret_value, size, "%s", rd_kafka_ConfigEntry_value(entries[i]));
    rd_kafka_event_destroy(event);
    topics_admin_close(&admin);
}

static void set(struct fixture *fixture, const char *topic, const char *const pairs[][2], int count)
{
    struct topics_admin admin;
    assert_ok(topics_admin_open(&admin, &fixture->migration, ok_));
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    for (int i = 0; i < count; i++)
        (void)rd_kafka_ConfigResource_set_config(resource, pairs[i][0], pairs[i][1]);
    rd_kafka_AlterConfigs(admin.handle, &resource, 1, NULL, admin.queue);
    rd_kafka_ConfigResource_destroy(resource);
    struct err err = ERR_INIT;
    rd_kafka_event_t *event = topics_admin_wait(&admin, "test", &err);
    assert_non_null(event);
    rd_kafka_event_destroy(event);
    topics_admin_close(&admin);
}

/* What was set is shown a moment later. */
static void wait_count(struct fixture *fixture, int count, struct topics_plan *ret_plan)
{
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + FIXTURE_WAIT_MS;
    for (;;) {
        assert_ok(topics_plan(&fixture->migration, ret_plan, ok_));
        if (ret_plan->count == count)
            return;
        if (clock_mono_ms(&CLOCK_SYSTEM) > until_ms)
            fail_msg("%d differences, not %d", ret_plan->count, count);
        topics_plan_clear(ret_plan);
    }
}

static void missing_topics_are_created(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_plan plan = {0};
    char value[64];
    fixture_init(&fixture, "created", services.kafka_bootstrap);
    assert_ok(topics_plan(&fixture.migration, &plan, ok_));
    assert_int_equal(plan.count, 10);
    for (int i = 0; i < plan.count; i++) {
        assert_true(plan.items[i].missing);
        assert_false(plan.items[i].fatal);
    }
    assert_ok(topics_apply(&fixture.migration, &plan, ok_));
    topics_plan_clear(&plan);

    fixture_wait_planned(&fixture);
    setting_of(&fixture, "created.state.contact", "cleanup.policy", value, sizeof(value));
    assert_string_equal(value, "compact");
    setting_of(&fixture, "created.state.contact", "max.message.bytes", value, sizeof(value));
    assert_string_equal(value, "400000");
    setting_of(&fixture, "created.state.contact", "min.compaction.lag.ms", value, sizeof(value));
    assert_string_equal(value, "3600000");
    setting_of(&fixture, "created.changes.contact", "message.timestamp.type", value, sizeof(value));
    assert_string_equal(value, "LogAppendTime");
}

static void differences_are_named_and_mended(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_plan plan = {0};
    char value[64];
    fixture_init(&fixture, "differs", services.kafka_bootstrap);
    fixture_topics(&fixture);
    static const char *const wrong[][2] = {
        {"cleanup.policy", "delete"}, {"max.message.bytes", "1000"}, {"segment.ms", "1234567"}};
    set(&fixture, "differs.state.contact", wrong, 3);

    wait_count(&fixture, 3, &plan);
    assert_string_equal(plan.items[0].what, "cleanup.policy delete, wants compact");
    assert_string_equal(plan.items[1].what, "max.message.bytes 1000, wants at least 400000");
    assert_string_equal(plan.items[2].what, "min.compaction.lag.ms 0, wants at least 3600000");
    assert_ok(topics_apply(&fixture.migration, &plan, ok_));
    topics_plan_clear(&plan);

    fixture_wait_planned(&fixture);
    setting_of(&fixture, "differs.state.contact", "segment.ms", value, sizeof(value));
    assert_string_equal(value, "1234567"); /* what an operator set stays */
}

static void another_partition_count_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_plan plan = {0};
    struct err err = ERR_INIT;
    assert_int_equal(services_create_topic(&services, "counts.changes.contact", 3), 0);
    fixture_init(&fixture, "counts", services.kafka_bootstrap);
    wait_count(&fixture, 1 + 2 + 9, &plan); /* the count, two settings, nine that are missing */
    assert_string_equal(plan.items[0].topic, "counts.changes.contact");
    assert_true(plan.items[0].fatal);
    assert_string_equal(plan.items[0].what,
                        "partitions 3, wants 4 (a record's partition must never change)");
    assert_int_equal(topics_apply(&fixture.migration, &plan, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_int_equal(err.exit_code, EX_CONFIG);
    assert_non_null(strstr(err.text, "counts.changes.contact"));
    topics_plan_clear(&plan);

    /* and nothing was created before the refusal */
    assert_ok(topics_plan(&fixture.migration, &plan, ok_));
    int missing = 0;
    for (int i = 0; i < plan.count; i++)
        missing += plan.items[i].missing;
    assert_int_equal(missing, 9);
    topics_plan_clear(&plan);
}

static void too_few_replicas_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_plan plan = {0};
    struct err err = ERR_INIT;
    fixture_init(&fixture, "replicas", services.kafka_bootstrap);
    fixture_topics(&fixture);
    fixture.migration.kafka.replication = 3;
    assert_ok(topics_plan(&fixture.migration, &plan, ok_));
    assert_true(plan.items[0].fatal);
    assert_non_null(strstr(plan.items[0].what, "replication 1, wants 3"));
    assert_int_equal(topics_apply(&fixture.migration, &plan, &err), -1);
    topics_plan_clear(&plan);
}

static void a_wrong_property_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *property, *text;
    } cases[] = {
        {"compression.typ=lz4", "kafka property \"compression.typ\""},
        {"compression.type=fast", "kafka property \"compression.type\""},
        {"acks=1", "kafka property \"acks\" is set by Tandem itself"},
        {"group.id=x", "kafka property \"group.id\" is set by Tandem itself"},
        {"nonsense", "is not name=value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        struct topics_plan plan = {0};
        struct err err = ERR_INIT;
        fixture_init(&fixture, "wrong", services.kafka_bootstrap);
        fixture.properties[fixture.migration.kafka.property_count++] = cases[i].property;
        assert_int_equal(topics_plan(&fixture.migration, &plan, &err), -1);
        assert_int_equal(err.kind, ERR_FATAL);
        assert_int_equal(err.exit_code, EX_CONFIG);
        if (!strstr(err.text, cases[i].text))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_topics_are_created),
        cmocka_unit_test(differences_are_named_and_mended),
        cmocka_unit_test(another_partition_count_is_refused),
        cmocka_unit_test(too_few_replicas_are_refused),
        cmocka_unit_test(a_wrong_property_is_named),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
