/*
 * test_truth — which side is right, as tables: the rule that held at the moment of the change, "newest" and what it refuses to
 * decide, first meetings, enforced rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/truth.h"

#define ALWAYS TRUTH_ALWAYS
enum { EMAIL, PHONE, CITY, EVERY = TRUTH_EVERY_FIELD };

/* ---- which rule ---- */

static const struct truth_rule DATED[] = {
    {EVERY, TRUTH_REVIEW, false, ALWAYS}, {EVERY, TRUTH_NEW, false, 1000},
    {EMAIL, TRUTH_OLD, false, ALWAYS},    {EMAIL, TRUTH_NEWEST, false, 500},
    {EMAIL, TRUTH_NEW, false, 2000},
};
static const struct {
    const char *name;
    int field;
    int64_t moment_ms;
    enum truth_choice want;
} AT[] = {
    {"the first rule has no start", EMAIL, INT64_MIN, TRUTH_OLD},
    {"before the second", EMAIL, 499, TRUTH_OLD},
    {"at its first moment", EMAIL, 500, TRUTH_NEWEST},
    {"within", EMAIL, 1999, TRUTH_NEWEST},
    {"the last goes on", EMAIL, INT64_MAX, TRUTH_NEW},
    {"a field of its own ignores what holds for all", EMAIL, 1500, TRUTH_NEWEST},
    {"another field: what holds for all", PHONE, 999, TRUTH_REVIEW},
    {"another field, later", PHONE, 1000, TRUTH_NEW},
};

static void rules_at(void **state)
{
    (void)state;
    struct entity entity = {.truth = DATED, .truth_count = 5};
    for (size_t i = 0; i < sizeof(AT) / sizeof(AT[0]); i++) {
        const struct truth_rule *rule = truth_rule_at(&entity, AT[i].field, AT[i].moment_ms);
        if (!rule || rule->choice != AT[i].want)
            fail_msg("%s: %s", AT[i].name, rule ? truth_choice_name(rule->choice) : "no rule");
    }
    entity.truth_count = 0;
    assert_null(truth_rule_at(&entity, EMAIL, 500));
    /* Rules for another field only. */
    entity.truth = DATED + 2;
    entity.truth_count = 3;
    assert_null(truth_rule_at(&entity, PHONE, 500));
}

/* ---- what it decides ---- */

enum { SKEW = 10 };
/* One rule, always, for every field; the two times as {known, after, until]. */
static const struct {
    const char *name;
    enum merge_verdict given;
    enum truth_choice choice;
    bool enforce;
    struct truth_time old_time, new_time;
    enum merge_verdict want;
} CASES[] = {
    /* conflict: the truth declared for this field decides */
    {"old", MERGE_HOLD_CONFLICT, TRUTH_OLD, false, {1, 0, 9}, {0}, MERGE_TRUTH_OLD},
    {"new", MERGE_HOLD_CONFLICT, TRUTH_NEW, false, {1, 0, 9}, {0}, MERGE_TRUTH_NEW},
    {"review", MERGE_HOLD_CONFLICT, TRUTH_REVIEW, false, {1, 0, 9}, {0}, MERGE_HOLD_CONFLICT},
    {"old, enforced", MERGE_HOLD_CONFLICT, TRUTH_OLD, true, {1, 0, 9}, {0}, MERGE_TRUTH_OLD},
    {"no moment", MERGE_HOLD_CONFLICT, TRUTH_OLD, false, {0}, {1, 0, 9}, MERGE_HOLD_CONFLICT},
    {"an impossible moment",
     MERGE_HOLD_CONFLICT,
     TRUTH_OLD,
     false,
     {1, 9, 9},
     {0},
     MERGE_HOLD_CONFLICT},
    /* newest: only intervals disjoint beyond the skew */
    {"old is later",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 60, 70},
     {1, 40, 50},
     MERGE_TRUTH_OLD},
    {"old is later, not beyond the skew",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 59, 70},
     {1, 40, 50},
     MERGE_HOLD_CONFLICT},
    {"new is later",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 40, 50},
     {1, 60, 70},
     MERGE_TRUTH_NEW},
    {"new is later, not beyond the skew",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 40, 50},
     {1, 59, 70},
     MERGE_HOLD_CONFLICT},
    {"overlapping",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 40, 70},
     {1, 60, 90},
     MERGE_HOLD_CONFLICT},
    {"one within the other",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 0, 200},
     {1, 90, 91},
     MERGE_HOLD_CONFLICT},
    {"the same",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 40, 50},
     {1, 40, 50},
     MERGE_HOLD_CONFLICT},
    {"new unknown",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 40, 50},
     {0},
     MERGE_HOLD_CONFLICT},
    {"new impossible",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 60, 70},
     {1, 50, 40},
     MERGE_HOLD_CONFLICT},
    {"old open at the beginning, new later",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, INT64_MIN, 50},
     {1, 60, 70},
     MERGE_TRUTH_NEW},
    {"old open at the beginning, new earlier",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, INT64_MIN, 90},
     {1, 60, 70},
     MERGE_HOLD_CONFLICT},
    {"new open at the end",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 40, 50},
     {1, 60, INT64_MAX},
     MERGE_TRUTH_NEW},
    {"both open at the end",
     MERGE_HOLD_CONFLICT,
     TRUTH_NEWEST,
     false,
     {1, 40, INT64_MAX},
     {1, 60, INT64_MAX},
     MERGE_HOLD_CONFLICT},
    /* first meeting: the same rules */
    {"first meeting, old",
     MERGE_HOLD_FIRST,
     TRUTH_OLD,
     false,
     {1, INT64_MIN, 9},
     {0},
     MERGE_TRUTH_OLD},
    {"first meeting, new",
     MERGE_HOLD_FIRST,
     TRUTH_NEW,
     false,
     {1, INT64_MIN, 9},
     {0},
     MERGE_TRUTH_NEW},
    {"first meeting, review",
     MERGE_HOLD_FIRST,
     TRUTH_REVIEW,
     false,
     {1, INT64_MIN, 9},
     {0},
     MERGE_HOLD_FIRST},
    {"first meeting, newest, no history",
     MERGE_HOLD_FIRST,
     TRUTH_NEWEST,
     false,
     {1, INT64_MIN, 9},
     {1, INT64_MIN, 900},
     MERGE_HOLD_FIRST},
    {"first meeting, newest, new has a history",
     MERGE_HOLD_FIRST,
     TRUTH_NEWEST,
     false,
     {1, INT64_MIN, 9},
     {1, 99, 100},
     MERGE_TRUTH_NEW},
    /* edited in new alone */
    {"kept", MERGE_KEEP, TRUTH_OLD, false, {1, 0, 9}, {1, 10, 20}, MERGE_KEEP},
    {"enforced", MERGE_KEEP, TRUTH_OLD, true, {1, 0, 9}, {1, 10, 20}, MERGE_TRUTH_OLD},
    {"enforced, time of the edit unknown",
     MERGE_KEEP,
     TRUTH_OLD,
     true,
     {1, 0, 9},
     {0},
     MERGE_TRUTH_OLD},
    {"enforced, no time at all", MERGE_KEEP, TRUTH_OLD, true, {0}, {0}, MERGE_KEEP},
    {"enforced, but new is right", MERGE_KEEP, TRUTH_NEW, true, {1, 0, 9}, {1, 10, 20}, MERGE_KEEP},
    /* nothing to decide */
    {"nothing", MERGE_NOTHING, TRUTH_OLD, true, {1, 0, 9}, {1, 10, 20}, MERGE_NOTHING},
    {"agree", MERGE_AGREE, TRUTH_NEW, true, {1, 0, 9}, {1, 10, 20}, MERGE_AGREE},
    {"only old moved", MERGE_WRITE, TRUTH_NEW, true, {1, 0, 9}, {1, 10, 20}, MERGE_WRITE},
    {"unconfirmed",
     MERGE_HOLD_UNCONFIRMED,
     TRUTH_OLD,
     true,
     {1, 0, 9},
     {1, 10, 20},
     MERGE_HOLD_UNCONFIRMED},
};

static void decisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct truth_rule rule = {EVERY, CASES[i].choice, CASES[i].enforce, ALWAYS};
        struct entity entity = {.truth = &rule, .truth_count = 1, .clock_skew_ms = SKEW};
        struct truth_facts facts = {CASES[i].old_time, CASES[i].new_time};
        enum merge_verdict got = truth_decide(&entity, CITY, CASES[i].given, &facts);
        if (got != CASES[i].want)
            fail_msg("%s: %s, not %s", CASES[i].name, merge_verdict_name(got),
                     merge_verdict_name(CASES[i].want));
    }
}

/* Without a rule everything stays what the merge said. */
static void undeclared(void **state)
{
    (void)state;
    struct entity entity = {.clock_skew_ms = SKEW};
    struct truth_facts facts = {{1, 0, 9}, {1, 100, 200}};
    for (int v = 0; v < MERGE_VERDICT_COUNT; v++)
        assert_int_equal(truth_decide(&entity, CITY, (enum merge_verdict)v, &facts), v);
}

/* The moment of a conflict is the old system's change, the moment of an edit the new system's. */
static void moments(void **state)
{
    (void)state;
    static const struct truth_rule rules[] = {{EVERY, TRUTH_NEW, false, ALWAYS},
                                              {EVERY, TRUTH_OLD, true, 100}};
    struct entity entity = {.truth = rules, .truth_count = 2};
    struct truth_facts before = {{1, 0, 99}, {1, 0, 500}}, after = {{1, 0, 100}, {1, 0, 50}};
    assert_int_equal(truth_decide(&entity, CITY, MERGE_HOLD_CONFLICT, &before), MERGE_TRUTH_NEW);
    assert_int_equal(truth_decide(&entity, CITY, MERGE_HOLD_CONFLICT, &after), MERGE_TRUTH_OLD);
    assert_int_equal(truth_decide(&entity, CITY, MERGE_KEEP, &before), MERGE_TRUTH_OLD);
    assert_int_equal(truth_decide(&entity, CITY, MERGE_KEEP, &after), MERGE_KEEP);
}

/* "newest" never prefers the side that changed first, wherever in their intervals the two changes were, and however the clocks
 * differ within the skew. */
static void newest_is_never_wrong(void **state)
{
    (void)state;
    struct truth_rule rule = {EVERY, TRUTH_NEWEST, false, ALWAYS};
    struct entity entity = {.truth = &rule, .truth_count = 1, .clock_skew_ms = 2};
    enum { SPAN = 9 };
    for (int n = 0; n < SPAN * SPAN * SPAN * SPAN; n++) {
        struct truth_time old_time = {true, n % SPAN, n / SPAN % SPAN};
        struct truth_time new_time = {true, n / SPAN / SPAN % SPAN, n / SPAN / SPAN / SPAN};
        struct truth_facts facts = {old_time, new_time};
        enum merge_verdict got = truth_decide(&entity, CITY, MERGE_HOLD_CONFLICT, &facts);
        for (int64_t o = old_time.after_ms + 1; o <= old_time.until_ms; o++)
            for (int64_t w = new_time.after_ms + 1; w <= new_time.until_ms; w++)
                for (int64_t skew = -2; skew <= 2; skew++) {
                    assert_false(got == MERGE_TRUTH_OLD && o <= w + skew);
                    assert_false(got == MERGE_TRUTH_NEW && w + skew <= o);
                }
    }
}

/* ---- when was it changed ---- */

static void same_time(struct truth_time got, struct truth_time want)
{
    assert_int_equal(got.known, want.known);
    if (want.known) {
        assert_int_equal(got.after_ms, want.after_ms);
        assert_int_equal(got.until_ms, want.until_ms);
    }
}

static void histories(void **state)
{
    (void)state;
    static const struct truth_edit edits[] = {
        {50, true}, {10, false}, {30, false}, {20, false}, {40, true}};
    same_time(truth_time_of_history(edits, 5), truth_time_between(29, 30));
    same_time(truth_time_of_history(edits, 1), (struct truth_time){0}); /* all of them ours */
    same_time(truth_time_of_history(edits, 0), (struct truth_time){0});
}

static void times_of_old(void **state)
{
    (void)state;
    struct version applied = {100, 1000, 2000, 1}, now = {300, 5000, 6000, 1};
    struct version silent = {100, 5000, 6000, 1}, dateless = {100, 0, INT64_MAX, 1};
    same_time(truth_time_of_old(&applied, &now, false, false), truth_time_between(100, 300));
    same_time(truth_time_of_old(&applied, &silent, false, false), truth_time_between(1000, 6000));
    same_time(truth_time_of_old(&applied, &dateless, false, false), (struct truth_time){0});
    /* A question since before: not between these two versions; and it may have been silent, so modified-at says nothing. */
    same_time(truth_time_of_old(&applied, &now, true, false), truth_time_between(INT64_MIN, 2000));
    same_time(truth_time_of_old(&applied, &silent, true, false),
              truth_time_between(INT64_MIN, 2000));
    same_time(truth_time_of_old(&dateless, &now, true, false), (struct truth_time){0});
    same_time(truth_time_of_old(NULL, &now, false, false), truth_time_between(INT64_MIN, 300));
    same_time(truth_time_of_old(&applied, &now, false, true), truth_time_between(INT64_MIN, 300));
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < TRUTH_CHOICE_COUNT; i++)
        assert_int_equal(truth_choice_parse(truth_choice_name((enum truth_choice)i)), i);
    assert_int_equal(truth_choice_parse("enforce"), -1);
    assert_string_equal(truth_choice_name(TRUTH_CHOICE_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_at),
        cmocka_unit_test(decisions),
        cmocka_unit_test(undeclared),
        cmocka_unit_test(moments),
        cmocka_unit_test(newest_is_never_wrong),
        cmocka_unit_test(histories),
        cmocka_unit_test(times_of_old),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
