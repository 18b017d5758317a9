/*
 * test_topics — names of topics both ways, and the rules that design §2 asks of the table.
 *
 * test_topics --print writes the table, a JSON object a line, for tests/component/test_schemas.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "stream/topics.h"
#include "stream/topics_wanted.h"

static struct entity entities[] = {{.name = "contact"}, {.name = "company"}};
static struct migration migration = {
    .ns = "acme",
    .kafka = {.partitions = 6, .replication = 3, .record_max_bytes = 1000},
    .entities = entities,
    .entity_count = 2};

static void names_go_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum topic_kind kind;
        struct entity *entity;
        int partitions;
    } cases[] = {
        {"acme.changes.contact", TOPIC_CHANGES, &entities[0], 6},
        {"acme.changes.company", TOPIC_CHANGES, &entities[1], 6},
        {"acme.hints.contact", TOPIC_HINTS, &entities[0], 6},
        {"acme.state.company", TOPIC_STATE, &entities[1], 6},
        {"acme.decisions.contact", TOPIC_DECISIONS, &entities[0], 6},
        {"acme.outcomes", TOPIC_OUTCOMES, NULL, 6},
        {"acme.dlq", TOPIC_DLQ, NULL, 6},
        {"acme.review", TOPIC_REVIEW, NULL, 1},
        {"acme.cursors", TOPIC_CURSORS, NULL, 1},
        {"acme.control", TOPIC_CONTROL, NULL, 1},
        {"acme.activity", TOPIC_ACTIVITY, NULL, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[TOPIC_NAME_BYTES];
        enum topic_kind kind = TOPIC_KIND_COUNT;
        struct entity *entity = NULL;
        topic_name(&migration, cases[i].kind, cases[i].entity, name);
        assert_string_equal(name, cases[i].name);
        assert_true(topic_parse(&migration, name, &kind, &entity));
        assert_int_equal(kind, cases[i].kind);
        assert_ptr_equal(entity, cases[i].entity);
        assert_int_equal(topic_partitions(&migration, kind), cases[i].partitions);
    }
}

static void what_is_not_ours_is_not_parsed(void **state)
{
    (void)state;
    static const char *const names[] = {"acme.changes",
                                        "acme.changes.lead",
                                        "acme2.changes.contact",
                                        "changes.contact",
                                        "acme.dlq.contact",
                                        "acme.",
                                        ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        enum topic_kind kind;
        assert_false(topic_parse(&migration, names[i], &kind, NULL));
    }
}

static void rules_hold(void **state)
{
    (void)state;
    for (int kind = 0; kind < TOPIC_KIND_COUNT; kind++) {
        const struct topic_rule *rule = &TOPIC_RULES[kind];
        assert_non_null(rule->name);
        assert_non_null(rule->summary);
        /* a dead letter with its old timestamp would be expired at once */
        assert_int_equal(rule->log_append_time, !rule->compact);
        if (rule->per_entity)
            assert_true(rule->spread); /* co-partitioned */
    }
    assert_int_equal(TOPIC_RULES[TOPIC_DLQ].size_factor, 4);
    assert_int_equal(TOPIC_RULES[TOPIC_STATE].size_factor, 4);
    assert_int_equal(TOPIC_RULES[TOPIC_REVIEW].size_factor, 4);
    assert_true(TOPIC_RULES[TOPIC_STATE].min_compaction_lag_ms >= 3600000);
}

static const struct topic_setting *setting_of(const struct topic_wanted *wanted, const char *name)
{
    for (int i = 0; i < wanted->setting_count; i++)
        if (strcmp(wanted->settings[i].name, name) == 0)
            return &wanted->settings[i];
    return NULL;
}

static void delete_topics_outlive_the_kill_date(void **state)
{
    (void)state;
    const long long day_ms = 86400000;
    struct topic_wanted *list = NULL;
    int count = 0;
    migration.kill_ms = 1000 * day_ms;
    assert_int_equal(topics_wanted(&migration, 100 * day_ms, &list, &count), 0);
    assert_int_equal(count, 4 * 2 + 6);
    assert_string_equal(list[0].name, "acme.changes.contact");
    char want[24];
    (void)snprintf(want, sizeof(want), "%lld", 990 * day_ms);
    assert_string_equal(setting_of(&list[0], "retention.ms")->want, want);
    assert_string_equal(setting_of(&list[0], "min.insync.replicas")->want, "2");
    assert_string_equal(setting_of(&list[0], "max.message.bytes")->want, "1000");
    assert_null(setting_of(&list[4], "retention.ms"));
    free(list);
}

static void settings_hold(void **state)
{
    (void)state;
    static const struct {
        struct topic_setting want;
        const char *has;
        bool holds;
    } cases[] = {
        {{"cleanup.policy", "compact", false}, "compact", true},
        {{"cleanup.policy", "compact", false}, "delete", false},
        {{"cleanup.policy", "compact", false}, "compact,delete", false},
        {{"retention.ms", "100", true}, "100", true},
        {{"retention.ms", "100", true}, "101", true},
        {{"retention.ms", "100", true}, "99", false},
        {{"retention.ms", "100", true}, "-1", true},
        {{"retention.ms", "-1", true}, "100", false},
        {{"retention.ms", "-1", true}, "-1", true},
        {{"retention.ms", "100", true}, NULL, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(topic_setting_holds(&cases[i].want, cases[i].has), cases[i].holds);
}

static int print_rules(void)
{
    for (int kind = 0; kind < TOPIC_KIND_COUNT; kind++) {
        const struct topic_rule *rule = &TOPIC_RULES[kind];
        printf("{\"name\":\"%s\",\"per_entity\":%s,\"spread\":%s,\"cleanup.policy\":\"%s\","
               "\"message.timestamp.type\":\"%s\",\"size_factor\":%d,\"retention.ms\":%lld,"
               "\"min.compaction.lag.ms\":%lld}\n",
               rule->name, rule->per_entity ? "true" : "false", rule->spread ? "true" : "false",
               rule->compact ? "compact" : "delete",
               rule->log_append_time ? "LogAppendTime" : "CreateTime", rule->size_factor,
               (long long)rule->retention_ms, (long long)rule->min_compaction_lag_ms);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0)
        return print_rules();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_both_ways), cmocka_unit_test(what_is_not_ours_is_not_parsed),
        cmocka_unit_test(rules_hold),         cmocka_unit_test(delete_topics_outlive_the_kill_date),
        cmocka_unit_test(settings_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
