/*
 * stream_fixture — a migration made by hand for tests of common/stream: entity contact with three fields, a namespace of its own, so
 * that several tests share one broker.
 */
#ifndef TANDEM_TESTS_STREAM_FIXTURE_H
#define TANDEM_TESTS_STREAM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/migration.h"
#include "stream/sink.h"
#include "stream/topics.h"

enum { FIXTURE_PARTITIONS = 4, FIXTURE_RECORD_MAX_BYTES = 100000, FIXTURE_WAIT_MS = 60000 };

struct fixture {
    struct migration migration;
    struct entity entity;
    char bootstrap[80];
    const char *properties[4];
};

static const struct field FIXTURE_FIELDS[] = {
    {.name = "email",
     .old_name = "Email",
     .new_name = "email",
     .rules = {.type = VALUE_EMAIL},
     .match = true,
     .pii = true},
    {.name = "first_name",
     .old_name = "FirstName",
     .new_name = "firstname",
     .rules = {.type = VALUE_STRING}},
    {.name = "age", .old_name = "Age__c", .new_name = "age", .rules = {.type = VALUE_INTEGER}},
};
static const int FIXTURE_SORTED[] = {2, 0, 1};

/* bootstrap: "host:port". The fixture must stay where it is. */
static inline void fixture_init(struct fixture *fixture, const char *ns, const char *bootstrap)
{
    *fixture = (struct fixture){
        .entity = {.name = "contact",
                   .old_object = "Contact",
                   .new_object = "contacts",
                   .fields = FIXTURE_FIELDS,
                   .field_count = 3,
                   .sorted = FIXTURE_SORTED,
                   .hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                   .generation = 1},
    };
    (void)snprintf(fixture->bootstrap, sizeof(fixture->bootstrap), "bootstrap.servers=%s",
                   bootstrap);
    fixture->properties[0] = fixture->bootstrap;
    fixture->migration = (struct migration){
        .ns = ns,
        .time_zone = "UTC",
        .kill_ms = 1803859200000, /* 2027-03-01 */
        .kafka = {.properties = fixture->properties,
                  .property_count = 1,
                  .partitions = FIXTURE_PARTITIONS,
                  .replication = 1,
                  .record_max_bytes = FIXTURE_RECORD_MAX_BYTES},
        .entities = &fixture->entity,
        .entity_count = 1,
        .apply = {.instances = 1, .batch_records = 100, .session_timeout_ms = 6000},
    };
}

#define assert_ok(call)                              \
    do {                                             \
        struct err ok_err_ = ERR_INIT;               \
        struct err *ok_ = &ok_err_;                  \
        if ((call) < 0)                              \
            fail_msg("%s: %s", #call, ok_err_.text); \
    } while (0)

/* Brokers show what was altered a moment later: plan until there is nothing left. */
static inline void fixture_wait_planned(struct fixture *fixture)
{
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + FIXTURE_WAIT_MS;
    struct topics_plan plan = {0};
    for (;;) {
        assert_ok(topics_plan(&fixture->migration, &plan, ok_));
        if (plan.count == 0)
            return;
        if (clock_mono_ms(&CLOCK_SYSTEM) > until_ms)
            fail_msg("%s: %s", plan.items[0].topic, plan.items[0].what);
        topics_plan_clear(&plan);
    }
}

static inline void fixture_topics(struct fixture *fixture)
{
    struct topics_plan plan = {0};
    assert_ok(topics_plan(&fixture->migration, &plan, ok_));
    assert_ok(topics_apply(&fixture->migration, &plan, ok_));
    topics_plan_clear(&plan);
}

static inline const char *fixture_topic(const struct fixture *fixture, enum topic_kind kind)
{
    static char names[TOPIC_KIND_COUNT][TOPIC_NAME_BYTES];
    topic_name(&fixture->migration, kind, &fixture->entity, names[kind]);
    return names[kind];
}

#endif
