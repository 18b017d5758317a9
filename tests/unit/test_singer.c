/*
 * test_singer — lines of taps, good and bad; ids, times and truths of records; what is known of each record, and what counts as missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "producers/singer/known.h"
#include "producers/singer/messages.h"

static struct json_tape tape;
static struct arena arena;

static void test_lines(void **state)
{
    static const struct {
        const char *line, *why; /* NULL: good */
        enum message_type type;
    } CASES[] = {
        {"{\"type\":\"RECORD\",\"stream\":\"a\",\"record\":{\"id\":1}}", NULL, MESSAGE_RECORD},
        {"{\"record\":{},\"version\":7,\"stream\":\"a\",\"type\":\"RECORD\",\"x\":[]}", NULL,
         MESSAGE_RECORD},
        {"{\"type\":\"RECORD\",\"stream\":\"a\",\"record\":{},\"version\":null}", NULL,
         MESSAGE_RECORD},
        {"{\"type\":\"SCHEMA\",\"stream\":\"a\",\"schema\":{},\"key_properties\":[\"id\"]}", NULL,
         MESSAGE_SCHEMA},
        {"{\"type\":\"SCHEMA\",\"stream\":\"a\",\"schema\":{}}", NULL, MESSAGE_SCHEMA},
        {"{\"type\":\"STATE\",\"value\":{}}", NULL, MESSAGE_STATE},
        {"{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"a\",\"version\":1}", NULL,
         MESSAGE_ACTIVATE_VERSION},
        {"{\"type\":\"BATCH\",\"stream\":\"a\",\"manifest\":[]}", NULL, MESSAGE_BATCH},
        {"Starting sync", "byte 0", 0},
        {"", "byte 0", 0},
        {"[]", "it has no type", 0},
        {"{\"type\":7}", "it has no type", 0},
        {"{\"type\":\"record\"}", "not known: \"record\"", 0},
        {"{\"type\":\"RECORD\",\"record\":{}}", "RECORD: it names no stream", 0},
        {"{\"type\":\"RECORD\",\"stream\":\"\",\"record\":{}}", "names no stream", 0},
        {"{\"type\":\"RECORD\",\"stream\":\"a\"}", "\"record\" is no object", 0},
        {"{\"type\":\"RECORD\",\"stream\":\"a\",\"record\":[1]}", "\"record\" is no object", 0},
        {"{\"type\":\"RECORD\",\"stream\":\"a\",\"record\":{},\"version\":\"1\"}", "no number", 0},
        {"{\"type\":\"RECORD\",\"stream\":\"a\",\"record\":{\"n\":NaN}}", "byte", 0},
        {"{\"type\":\"RECORD\",\"stream\":\"a\",\"record\":{\"n\":1}", "byte", 0},
        {"{\"type\":\"STATE\"}", "\"value\" is no object", 0},
        {"{\"type\":\"STATE\",\"value\":null}", "\"value\" is no object", 0},
        {"{\"type\":\"SCHEMA\",\"stream\":\"a\",\"key_properties\":\"id\"}", "no list", 0},
        {"{\"type\":\"SCHEMA\",\"stream\":\"a\",\"key_properties\":[1]}", "no list", 0},
        {"{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"a\"}", "activates no version", 0},
        {"{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"a\",\"version\":-1}", "no number", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct singer_line line;
        struct err err = ERR_INIT;
        int result = singer_line_parse(span_of(CASES[i].line), &tape, &line, &err);
        if ((result < 0) != (CASES[i].why != NULL))
            fail_msg("%s: %d %s", CASES[i].line, result, err.text);
        if (result == 0)
            assert_int_equal(line.type, CASES[i].type);
        else if (err.kind != ERR_REJECT || !CASES[i].why || !strstr(err.text, CASES[i].why))
            fail_msg("%s: said \"%s\", not \"%s\"", CASES[i].line, err.text, CASES[i].why);
    }
}

static void test_parts(void **state)
{
    (void)state;
    struct singer_line line;
    assert_int_equal(singer_line_parse(span_of("{\"type\":\"SCHEMA\",\"stream\":\"Kühe\","
                                               "\"key_properties\":[\"a\",\"b\"]}"),
                                       &tape, &line, NULL),
                     0);
    assert_true(span_is(line.stream, "Kühe"));
    assert_int_equal(line.key_count, 2);
    assert_true(span_is(line.keys[1], "b"));
    assert_int_equal(line.version, MESSAGE_NO_VERSION);
    assert_int_equal(singer_line_parse(span_of("{\"type\":\"RECORD\",\"stream\":\"a\",\"version\":"
                                               "1700000000001,\"record\":{\"id\":\"x\"}}"),
                                       &tape, &line, NULL),
                     0);
    assert_true(line.version == 1700000000001);
    assert_true(span_is(json_text(&tape, line.at), "{\"id\":\"x\"}"));
}

static void test_ids(void **state)
{
    static const char *const ONE[] = {"id"}, *const TWO[] = {"a", "b"}, *const DEEP[] = {"a.id"};
    static const struct {
        const char *record;
        const char *const *keys;
        int count;
        const char *want; /* NULL: none */
    } CASES[] = {
        {"{\"id\":\"003A\"}", ONE, 1, "003A"},
        {"{\"id\":12345678901234567890}", ONE, 1, "12345678901234567890"},
        {"{\"id\":\"a|b:c%\"}", ONE, 1, "a|b:c%"},
        {"{\"a\":{\"id\":\"x\"}}", DEEP, 1, "x"},
        {"{\"a\":1,\"b\":\"x\"}", TWO, 2, "1|x"},
        {"{\"a\":\"1|\",\"b\":\"x\"}", TWO, 2, "1%7C|x"},
        {"{\"a\":\"1\",\"b\":\"|x\"}", TWO, 2, "1|%7Cx"},
        {"{\"a\":\"%\",\"b\":\":\"}", TWO, 2, "%25|%3A"},
        {"{\"a\":1}", TWO, 2, NULL},
        {"{\"id\":null}", ONE, 1, NULL},
        {"{\"id\":\"\"}", ONE, 1, NULL},
        {"{\"id\":true}", ONE, 1, NULL},
        {"{\"id\":{}}", ONE, 1, NULL},
        {"{\"id\":\"a\\u0000b\"}", ONE, 1, NULL},
        {"{}", ONE, 1, NULL},
        {"{\"id\":1}", ONE, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_int_equal(json_parse(&tape, span_of(CASES[i].record), NULL), 0);
        struct span id = singer_record_id(&tape, 0, CASES[i].keys, CASES[i].count, &arena);
        if (CASES[i].want ? !span_is(id, CASES[i].want) : id.data != NULL)
            fail_msg("%s: %.*s", CASES[i].record, (int)id.len, id.data ? id.data : "");
    }
    char longest[MESSAGE_ID_BYTES + 32];
    (void)snprintf(longest, sizeof(longest), "{\"id\":\"%0*d\"}", MESSAGE_ID_BYTES + 1, 0);
    assert_int_equal(json_parse(&tape, span_of(longest), NULL), 0);
    assert_null(singer_record_id(&tape, 0, ONE, 1, &arena).data);
}

static void test_values(void **state)
{
    static const struct {
        const char *value;
        int64_t ms; /* −1: no time */
        bool truth;
    } CASES[] = {
        {"\"1970-01-01T00:00:01Z\"", 1000, true},
        {"\"1970-01-01T00:00:01.000000+00:00\"", 1000, true},
        {"\"1970-01-01T00:00:01\"", -1, true},
        {"1700000000", 1700000000000, true},
        {"1700000000.75", 1700000000000, true},
        {"1700000000123", 1700000000123, true},
        {"\"1700000000123\"", 1700000000123, true},
        {"12345678901234567890", -1, true},
        {"true", -1, true},
        {"false", -1, false},
        {"\"False\"", -1, false},
        {"0", 0, false},
        {"1", 1000, true},
        {"\"\"", -1, false},
        {"null", -1, false},
        {"-5", -1, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char text[80];
        int64_t ms = -1;
        (void)snprintf(text, sizeof(text), "{\"v\":%s}", CASES[i].value);
        assert_int_equal(json_parse(&tape, span_of(text), NULL), 0);
        uint32_t at = json_get(&tape, 0, "v");
        if (!singer_time(&tape, at, &ms))
            ms = -1;
        if (ms != CASES[i].ms || singer_truth(&tape, at) != CASES[i].truth)
            fail_msg("%s: %lld", CASES[i].value, (long long)ms);
    }
    assert_false(singer_truth(&tape, 0));
}

static void test_dates(void **state)
{
    static const struct {
        const char *text, *want;
    } CASES[] = {
        {"1980-02-29T00:00:00.000000Z", "1980-02-29"},
        {"1980-02-29T00:00:00Z", "1980-02-29"},
        {"1980-02-29T00:00:00+00:00", "1980-02-29"},
        {"1960-01-01T00:00:00Z", "1960-01-01"},
        {"1980-02-29", "1980-02-29"},
        {"1980-02-29T00:00:01Z", "1980-02-29T00:00:01Z"},
        {"1980-02-29T00:00:00+02:00", "1980-02-29T00:00:00+02:00"},
        {"1980-02-29T02:00:00+02:00", "1980-02-29T02:00:00+02:00"},
        {"1980-02-30T00:00:00Z", "1980-02-30T00:00:00Z"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        assert_true(span_is(singer_date(span_of(CASES[i].text)), CASES[i].want));
}

/* ---- what is known ---- */

static char dir[] = "/tmp/tandem-known-XXXXXX";

static void put(struct known *known, const char *id, int64_t version, int64_t run, bool gone)
{
    const struct known_row row = {
        .digest = "d", .modified_ms = 5, .version = version, .run = run, .gone = gone};
    assert_int_equal(known_put(known, "s", span_of(id), &row, NULL), 0);
}

static void test_known(void **state)
{
    struct known_row row = {0};
    struct known_count count;
    struct known_missing missing[4];
    struct err err = ERR_INIT;
    bool fresh = false, found = false;
    int64_t number = -1;
    (void)state;
    assert_non_null(mkdtemp(dir));
    struct known *known = known_open(dir, "m/tap", &fresh, NULL);
    assert_non_null(known);
    assert_true(fresh);
    /* A second process is refused, whatever it is for. */
    assert_null(known_open(dir, "m/tap", &fresh, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_int_equal(known_begin(known, NULL), 0);
    put(known, "never-seen", 0, 0, false);
    put(known, "old", 3, 4, false);
    put(known, "now", 4, 5, false);
    put(known, "gone", 3, 4, true);
    assert_int_equal(known_set_runs(known, 4, NULL), 0);
    assert_int_equal(known_set_activated(known, "s", 4, NULL), 0);
    assert_int_equal(known_commit(known, NULL), 0);
    /* The same version again: what has none may be of a time before there were any. */
    struct known_bound bound = {.below_version = 4, .below_run = 5};
    assert_int_equal(known_count(known, "s", bound, &count, NULL), 0);
    assert_int_equal(count.alive, 3);
    assert_int_equal(count.missing, 1);
    bound.unversioned = true;
    assert_int_equal(known_count(known, "s", bound, &count, NULL), 0);
    assert_int_equal(count.missing, 2);
    assert_int_equal(known_take_missing(known, "s", bound, missing, 4, NULL), 2);
    assert_string_equal(missing[0].id, "never-seen");
    assert_int_equal(missing[1].modified_ms, 5);
    /* By difference: seen neither in run 5 nor in run 4. */
    bound = (struct known_bound){.below_run = 4, .unversioned = true};
    assert_int_equal(known_take_missing(known, "s", bound, missing, 4, NULL), 1);
    assert_int_equal(known_take_missing(known, "other", bound, missing, 4, NULL), 0);
    /* What was not committed is not there. */
    assert_int_equal(known_begin(known, NULL), 0);
    put(known, "lost", 4, 5, false);
    known_close(known);
    known = known_open(dir, "m/tap", &fresh, NULL);
    assert_non_null(known);
    assert_false(fresh);
    assert_int_equal(known_find(known, "s", span_of("lost"), &row, &found, NULL), 0);
    assert_false(found);
    assert_int_equal(known_find(known, "s", span_of("now"), &row, &found, NULL), 0);
    assert_true(found && row.version == 4 && row.run == 5 && !row.gone);
    assert_int_equal(known_runs(known, &number, NULL), 0);
    assert_int_equal(number, 4);
    assert_int_equal(known_activated(known, "s", &number, NULL), 0);
    assert_int_equal(number, 4);
    known_close(known);
    /* Another source's file says nothing to this one. */
    known = known_open(dir, "m/other", &fresh, NULL);
    assert_true(known && fresh);
    assert_int_equal(known_count(known, "s", bound, &count, NULL), 0);
    assert_int_equal(count.alive, 0);
    known_close(known);
}

static void test_damaged(void **state)
{
    char path[64];
    bool fresh = false;
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/known.db", dir);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        assert_true(fputs("this is no database\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    struct known *known = known_open(dir, "m/other", &fresh, NULL);
    assert_true(known && fresh);
    known_close(known);
    (void)unlink(path);
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),   cmocka_unit_test(test_parts), cmocka_unit_test(test_ids),
        cmocka_unit_test(test_values),  cmocka_unit_test(test_dates), cmocka_unit_test(test_known),
        cmocka_unit_test(test_damaged),
    };
    json_tape_init(&tape);
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_tape_clear(&tape);
    arena_clear(&arena);
    return failed;
}
