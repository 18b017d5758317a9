/*
 * test_version — what "newer" means, as tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/version.h"

static const struct {
    const char *name;
    struct version known, candidate; /* modified, from, to, generation */
    bool same_content;
    enum version_order want;
} CASES[] = {
    {"modified later", {10, 100, 110, 1}, {11, 100, 110, 1}, false, VERSION_NEWER},
    {"modified earlier", {10, 100, 110, 1}, {9, 100, 110, 1}, false, VERSION_OLDER},
    {"modified later, read earlier", {10, 100, 110, 1}, {11, 50, 60, 1}, false, VERSION_NEWER},
    {"modified earlier, read later", {10, 100, 110, 1}, {9, 200, 210, 1}, false, VERSION_OLDER},
    {"modified later, same content", {10, 100, 110, 1}, {11, 100, 110, 1}, true, VERSION_NEWER},
    {"modified earlier, same content", {10, 100, 110, 1}, {9, 200, 210, 1}, true, VERSION_OLDER},
    {"modified later, lower generation",
     {10, 100, 110, 2},
     {11, 100, 110, 1},
     false,
     VERSION_NEWER},
    {"modified earlier, higher generation",
     {10, 100, 110, 1},
     {9, 100, 110, 2},
     false,
     VERSION_OLDER},

    {"higher generation", {10, 100, 110, 1}, {10, 100, 110, 2}, false, VERSION_NEWER},
    {"higher generation, read earlier", {10, 100, 110, 1}, {10, 50, 60, 2}, true, VERSION_NEWER},
    {"lower generation, read later", {10, 100, 110, 2}, {10, 200, 210, 1}, false, VERSION_OLDER},

    {"read later: a silent change", {10, 100, 110, 1}, {10, 111, 120, 1}, false, VERSION_NEWER},
    {"read later: nothing changed", {10, 100, 110, 1}, {10, 111, 120, 1}, true, VERSION_NEWER},
    {"read earlier", {10, 100, 110, 1}, {10, 80, 99, 1}, false, VERSION_OLDER},
    {"read earlier, same content", {10, 100, 110, 1}, {10, 80, 99, 1}, true, VERSION_OLDER},

    {"the same read", {10, 100, 110, 1}, {10, 100, 110, 1}, true, VERSION_SAME},
    {"the same interval, different content",
     {10, 100, 110, 1},
     {10, 100, 110, 1},
     false,
     VERSION_UNORDERED},
    {"touching at the end", {10, 100, 110, 1}, {10, 110, 120, 1}, false, VERSION_UNORDERED},
    {"touching at the start", {10, 100, 110, 1}, {10, 90, 100, 1}, false, VERSION_UNORDERED},
    {"overlapping, different content",
     {10, 100, 110, 1},
     {10, 105, 115, 1},
     false,
     VERSION_UNORDERED},
    {"within", {10, 100, 110, 1}, {10, 103, 106, 1}, false, VERSION_UNORDERED},
    {"around", {10, 103, 106, 1}, {10, 100, 110, 1}, false, VERSION_UNORDERED},
    {"later on both ends, same content", {10, 100, 110, 1}, {10, 105, 115, 1}, true, VERSION_NEWER},
    {"earlier on both ends, same content",
     {10, 105, 115, 1},
     {10, 100, 110, 1},
     true,
     VERSION_SAME},
    {"later start only", {10, 100, 110, 1}, {10, 105, 110, 1}, true, VERSION_SAME},
    {"later end only", {10, 100, 110, 1}, {10, 100, 115, 1}, true, VERSION_SAME},
    {"within, same content", {10, 100, 110, 1}, {10, 103, 106, 1}, true, VERSION_SAME},

    {"no Date, different content",
     {10, 0, INT64_MAX, 1},
     {10, 0, INT64_MAX, 1},
     false,
     VERSION_UNORDERED},
    {"no Date, same content", {10, 0, INT64_MAX, 1}, {10, 0, INT64_MAX, 1}, true, VERSION_SAME},
    {"no Date, modified later", {10, 0, INT64_MAX, 1}, {11, 0, INT64_MAX, 1}, false, VERSION_NEWER},
};

static void order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        enum version_order got =
            version_compare(&CASES[i].known, &CASES[i].candidate, CASES[i].same_content);
        if (got != CASES[i].want)
            fail_msg("%s: %s, not %s", CASES[i].name, version_order_name(got),
                     version_order_name(CASES[i].want));
    }
}

/* Seen from the other side, newer is older – but where the same content was read again later. */
static void mirrored(void **state)
{
    (void)state;
    static const enum version_order mirror[] = {VERSION_NEWER, VERSION_SAME, VERSION_OLDER,
                                                VERSION_UNORDERED};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        enum version_order back =
            version_compare(&CASES[i].candidate, &CASES[i].known, CASES[i].same_content);
        bool read_again = CASES[i].same_content &&
                          CASES[i].known.modified_ms == CASES[i].candidate.modified_ms &&
                          CASES[i].known.generation == CASES[i].candidate.generation;
        if (back != mirror[CASES[i].want] &&
            !(read_again && (back == VERSION_SAME || back == VERSION_NEWER)))
            fail_msg("%s: back %s", CASES[i].name, version_order_name(back));
    }
}

/* A(t1), A(t3), then a delayed page with B(t2): the row's version has moved on, so B is older. */
static void delayed_page(void **state)
{
    (void)state;
    const struct version a1 = version_observed(10, 100000, 50, 1);
    const struct version a3 = version_observed(10, 300000, 50, 1);
    const struct version b2 = version_observed(10, 200000, 50, 1);
    assert_int_equal(version_compare(&a1, &a3, true), VERSION_NEWER);
    assert_int_equal(version_compare(&a3, &b2, false), VERSION_OLDER);
    assert_int_equal(version_compare(&a1, &b2, false),
                     VERSION_NEWER); /* what would happen had it not moved */
}

/* A→B→A without a moved date: three changes. */
static void there_and_back(void **state)
{
    (void)state;
    const struct version a1 = version_observed(10, 100000, 50, 1);
    const struct version b2 = version_observed(10, 200000, 50, 1);
    const struct version a3 = version_observed(10, 300000, 50, 1);
    assert_int_equal(version_compare(&a1, &b2, false), VERSION_NEWER);
    assert_int_equal(version_compare(&b2, &a3, false), VERSION_NEWER);
}

static void observed(void **state)
{
    (void)state;
    static const struct {
        int64_t date_ms, duration_ms, from, to;
    } cases[] = {
        {100000, 250, 99750, 101000}, {100000, 0, 100000, 101000},
        {100, 250, 0, 1100},          {0, 0, 0, 1000},
        {-1, 250, 0, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct version version = version_observed(7, cases[i].date_ms, cases[i].duration_ms, 3);
        assert_int_equal(version.modified_ms, 7);
        assert_int_equal(version.generation, 3);
        assert_int_equal(version.observed_from_ms, cases[i].from);
        assert_int_equal(version.observed_to_ms, cases[i].to);
    }
}

/* A read that starts then is disjoint from both, whatever its Date was cut to and however long it took. */
static void read_again(void **state)
{
    (void)state;
    static const struct {
        struct version a, b;
        int64_t duration_ms, want;
    } cases[] = {
        {{10, 100, 1100, 1}, {10, 600, 1600, 1}, 0, 2601},
        {{10, 600, 1600, 1}, {10, 100, 1100, 1}, 0, 2601},
        {{10, 100, 1100, 1}, {10, 600, 1600, 1}, 400, 3001},
        {{10, 5000, INT64_MAX, 1}, {10, 600, 1600, 1}, 0, 66001},
        {{10, 600, 1600, 1}, {10, 5000, INT64_MAX, 1}, 0, 66001},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t at = version_read_again_ms(&cases[i].a, &cases[i].b, cases[i].duration_ms);
        assert_int_equal(at, cases[i].want);
        if (cases[i].a.observed_to_ms == INT64_MAX || cases[i].b.observed_to_ms == INT64_MAX)
            continue;
        int64_t date_ms = at / 1000 * 1000;
        struct version next = version_observed(10, date_ms, cases[i].duration_ms, 1);
        assert_int_equal(version_compare(&cases[i].a, &next, false), VERSION_NEWER);
        assert_int_equal(version_compare(&cases[i].b, &next, false), VERSION_NEWER);
    }
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(version_order_name(VERSION_OLDER), "older");
    assert_string_equal(version_order_name(VERSION_UNORDERED), "unordered");
    assert_string_equal(version_order_name(VERSION_ORDER_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),        cmocka_unit_test(mirrored),
        cmocka_unit_test(delayed_page), cmocka_unit_test(there_and_back),
        cmocka_unit_test(observed),     cmocka_unit_test(read_again),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
