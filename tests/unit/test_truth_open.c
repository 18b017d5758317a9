/*
 * test_truth_open — what a rule would make of a question, known from its row: every answer, and the moment at which each row stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/truth_open.h"

enum { NAME, AGE, FIELDS, SKEW = 10, EVERY = TRUTH_EVERY_FIELD };

static const struct truth_rule RULES[] = {
    {EVERY, TRUTH_REVIEW, false, TRUTH_ALWAYS},
    {EVERY, TRUTH_OLD, false, 1000},
    {EVERY, TRUTH_NEW, false, 2000},
    {EVERY, TRUTH_NEWEST, false, 3000},
    {EVERY, TRUTH_REVIEW, false, 4000},
};

/* seen_ms: until when the last read saw the record as it is; −1: no Date, 0: no version at all. */
static const struct {
    const char *name;
    int field;
    enum held_class class_;
    int64_t modified_ms, seen_ms;
    struct truth_time new_time;
    enum truth_open want;
} CASES[] = {
    {"old", NAME, HELD_CONFLICT, 1400, 1500, {0}, TRUTH_OPEN_OLD},
    {"new", NAME, HELD_CONFLICT, 2400, 2500, {0}, TRUTH_OPEN_NEW},
    {"a first meeting as well", NAME, HELD_FIRST_MEETING, 2400, 2500, {0}, TRUTH_OPEN_NEW},
    {"the rule of before", NAME, HELD_CONFLICT, 400, 500, {0}, TRUTH_OPEN_REVIEW},
    {"the rule of after", NAME, HELD_CONFLICT, 4400, 4500, {0}, TRUTH_OPEN_REVIEW},
    {"seen later than changed: it may be silent",
     NAME,
     HELD_CONFLICT,
     900,
     1500,
     {0},
     TRUTH_OPEN_OLD},
    {"volatile: by its modified-at", AGE, HELD_CONFLICT, 900, 1500, {0}, TRUTH_OPEN_REVIEW},
    {"newest, later by more than the skew",
     NAME,
     HELD_CONFLICT,
     3400,
     3500,
     {true, 3510, 3511},
     TRUTH_OPEN_NEW},
    {"newest, within the skew",
     NAME,
     HELD_CONFLICT,
     3400,
     3500,
     {true, 3509, 3510},
     TRUTH_OPEN_NOT_APART},
    {"newest, before: old may be older still",
     NAME,
     HELD_CONFLICT,
     3400,
     3500,
     {true, 100, 101},
     TRUTH_OPEN_NOT_APART},
    {"newest, no history", NAME, HELD_CONFLICT, 3400, 3500, {0}, TRUTH_OPEN_NO_HISTORY},
    {"no Date", NAME, HELD_CONFLICT, 1400, -1, {0}, TRUTH_OPEN_NO_MOMENT},
    {"no version", NAME, HELD_CONFLICT, 0, 0, {0}, TRUTH_OPEN_NO_MOMENT},
    {"unconfirmed", NAME, HELD_UNCONFIRMED, 1400, 1500, {0}, TRUTH_OPEN_NOT_BY_RULE},
    {"the record", -1, HELD_IDENTITY, 1400, 1500, {0}, TRUTH_OPEN_NOT_BY_RULE},
};

static void each_answer(void **state)
{
    (void)state;
    const struct field fields[FIELDS] = {{.name = "name"}, {.name = "age", .is_volatile = true}};
    const struct entity entity = {.fields = fields,
                                  .field_count = FIELDS,
                                  .truth = RULES,
                                  .truth_count = sizeof(RULES) / sizeof(RULES[0]),
                                  .clock_skew_ms = SKEW};
    int seen[TRUTH_OPEN_COUNT] = {0};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct row row = {
            .has_version = CASES[i].seen_ms != 0,
            .version = {.modified_ms = CASES[i].modified_ms,
                        .observed_to_ms = CASES[i].seen_ms < 0 ? INT64_MAX : CASES[i].seen_ms}};
        const struct held held = {.field = CASES[i].field, .class_ = CASES[i].class_};
        memset(row.hash, 'a', sizeof(row.hash) - 1);
        enum truth_open open = truth_open(&entity, &row, &held, &CASES[i].new_time);
        if (open != CASES[i].want)
            fail_msg("%s: %s", CASES[i].name, truth_open_name(open));
        seen[open]++;
        row.deleted = true;
        assert_int_equal(truth_open(&entity, &row, &held, NULL), TRUTH_OPEN_NOT_BY_RULE);
    }
    seen[TRUTH_OPEN_NO_RULE]++; /* below */
    for (int o = 0; o < TRUTH_OPEN_COUNT; o++)
        assert_true(seen[o] > 0);
}

static void nothing_declared(void **state)
{
    (void)state;
    const struct field fields[FIELDS] = {{.name = "name"}};
    const struct entity entity = {.fields = fields, .field_count = FIELDS};
    const struct row row = {.has_version = true,
                            .version = {.modified_ms = 1, .observed_to_ms = 2}};
    const struct held held = {.field = NAME, .class_ = HELD_CONFLICT};
    assert_int_equal(truth_open(&entity, &row, &held, NULL), TRUTH_OPEN_NO_RULE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_answer),
                                       cmocka_unit_test(nothing_declared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
