/*
 * test_marker — what the name of an operation says, and what it says of an event.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/marker.h"

static const char HASH[] = "1e15e1c64b34c4998e83b3be1b42cbf542e91fb3646967e0f61fe36aaec679bd";
static const char OTHER[] = "093c47b58de4bf0ca84c8c115b79fb31390f5e2529cb7bafd32ee2a674265a17";

static const struct {
    const char *name, *text;
    bool ours, deletes, has_version;
    struct version version;
} TEXTS[] = {
    {"a version", "0.42.7.u64-96-a-1.1e15e1c64b34c499", true, false, true, {100, 150, 160, 1}},
    {"an open interval",
     "3.42.7.u64-96--2.1e15e1c64b34c499",
     true,
     false,
     true,
     {100, 150, INT64_MAX, 2}},
    {"a delete", "0.42.7.d64-96-a-1.1e15e1c64b34c499", true, true, true, {100, 150, 160, 1}},
    {"of a partial event", "0.42.7.u.1e15e1c64b34c499", true, false, false, {0}},
    {"of an older Tandem", "0.42.7.1e15e1c64b34c499", true, false, false, {0}},
    {"a delete of an older Tandem", "0.42.7.e3b0c44298fc1c14", true, true, false, {0}},
    {"of an older one still", "0.42.7", true, false, false, {0}},
    {"half a version", "0.42.7.u64-96-a.1e15e1c64b34c499", true, false, false, {0}},
    {"a version with a tail", "0.42.7.u64-96-a-1x.1e15e1c64b34c499", true, false, false, {0}},
    {"empty", "", false, false, false, {0}},
    {"another's", "by hand", false, false, false, {0}},
    {"a partition alone", "0.", false, false, false, {0}},
};

static void texts_are_parsed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct marker marker = {0};
        print_message("%s\n", TEXTS[i].name);
        assert_int_equal(marker_parse(span_of(TEXTS[i].text), &marker), TEXTS[i].ours);
        if (!TEXTS[i].ours)
            continue;
        assert_int_equal(marker.epoch, 42);
        assert_int_equal(marker.number, 7);
        assert_int_equal(marker.deletes, TEXTS[i].deletes);
        assert_int_equal(marker.has_version, TEXTS[i].has_version);
        if (marker.has_version)
            assert_memory_equal(&marker.version, &TEXTS[i].version, sizeof marker.version);
    }
}

static void what_is_printed_is_parsed(void **state)
{
    (void)state;
    const struct version versions[] = {
        {1767312000000, 1767312000100, 1767312001200, 1},
        {1767312000000, 0, INT64_MAX, 7},
        {-1, INT64_MAX - 1, INT64_MAX - 1, INT64_MAX},
        {INT64_MAX, 0, INT64_MAX - 1, 1},
    };
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        char text[MARKER_BYTES];
        struct marker read = {0};
        const struct marker made = {.partition = INT32_MAX,
                                    .epoch = INT64_MAX,
                                    .number = INT64_MAX,
                                    .deletes = i % 2,
                                    .has_version = true,
                                    .version = versions[i]};
        size_t len = marker_print(&made, HASH, text);
        assert_true(len == strlen(text) && len < MARKER_BYTES);
        assert_true(marker_parse(span_of(text), &read));
        assert_true(read.partition == made.partition && read.epoch == made.epoch &&
                    read.number == made.number && read.deletes == made.deletes);
        assert_memory_equal(&read.version, &made.version, sizeof made.version);
        assert_true(marker_names(span_of(text), HASH) && !marker_names(span_of(text), OTHER));
    }
}

static void the_later_of_two(void **state)
{
    (void)state;
    const struct marker a = {.epoch = 5, .number = 9}, b = {.epoch = 6, .number = 1},
                        c = {.epoch = 6, .number = 2};
    assert_true(marker_later(&b, &a) && marker_later(&c, &b) && marker_later(&c, &a));
    assert_false(marker_later(&a, &b) || marker_later(&b, &c) || marker_later(&c, &c));
}

/* A former owner wrote what no row tells of: is this event to be written over it? */
static void an_event_against_what_stands_there(void **state)
{
    (void)state;
    struct marker there;
    assert_true(marker_parse(span_of("0.42.7.u64-96-a-1.1e15e1c64b34c499"), &there));
    const struct version older = {99, 500, 600, 1}, newer = {101, 100, 110, 1},
                         same = {100, 150, 160, 1}, silent = {100, 161, 170, 1};
    assert_int_equal(marker_order(&there, &older, OTHER), VERSION_OLDER);
    assert_int_equal(marker_order(&there, &newer, OTHER), VERSION_NEWER);
    assert_int_equal(marker_order(&there, &same, HASH), VERSION_SAME);
    assert_int_equal(marker_order(&there, &same, OTHER), VERSION_UNORDERED);
    assert_int_equal(marker_order(&there, &silent, OTHER), VERSION_NEWER);
    assert_true(marker_parse(span_of("0.42.7.1e15e1c64b34c499"), &there));
    assert_int_equal(marker_order(&there, &older, OTHER), VERSION_NEWER);
}

static void contents_are_compared(void **state)
{
    (void)state;
    struct span a = span_of("0.1.1.u.1e15e1c64b34c499"), b = span_of("0.9.2.1e15e1c64b34c499"),
                c = span_of("0.1.1.u.093c47b58de4bf0c"), none = span_of("0.1.1");
    assert_true(marker_same_content(a, b));
    assert_false(marker_same_content(a, c) || marker_same_content(none, none));
    assert_false(marker_names(none, HASH) || marker_names(SPAN_NONE, HASH));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_parsed),
        cmocka_unit_test(what_is_printed_is_parsed),
        cmocka_unit_test(the_later_of_two),
        cmocka_unit_test(an_event_against_what_stands_there),
        cmocka_unit_test(contents_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
