/*
 * test_value — what all types share: missing and blank, limits, sides, JSON,
 * match keys. What each type reads is in test_conversions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "model/value.h"

static struct arena arena;
static struct zone *new_york;

static const struct value_choice CHOICES[] = {
    {"web", "Web", "WEB"},
    {"phone", "Phone Inquiry", "PHONE"},
    {"only_new", NULL, "ON"},
    {"only_old", "Alt", NULL},
};

static struct value_rules rules_of(enum value_type type)
{
    return (struct value_rules){
        .type = type, .choices = CHOICES, .choice_count = 4, .zone = new_york};
}

static void missing_is_not_blank(void **state)
{
    (void)state;
    for (int type = 0; type < VALUE_TYPE_COUNT; type++) {
        struct value_rules rules = rules_of((enum value_type)type);
        struct value value = {VALUE_SET, SPAN_NONE};
        struct err err = ERR_INIT;
        assert_int_equal(value_parse(&rules, SIDE_OLD, JSON_NONE_, SPAN_NONE, &arena, &value, &err),
                         0);
        assert_int_equal(value.kind, VALUE_MISSING);
    }
}

static void limits_and_zones(void **state)
{
    (void)state;
    struct value_rules rules = {.type = VALUE_STRING, .max_bytes = 5};
    struct value value;
    struct err err = ERR_INIT;
    assert_int_equal(
        value_parse(&rules, SIDE_OLD, JSON_STRING_, span_of("M\xC3\xBCll"), &arena, &value, &err),
        0);
    assert_int_equal(
        value_parse(&rules, SIDE_OLD, JSON_STRING_, span_of("M\xC3\xBClle"), &arena, &value, &err),
        -1);
    assert_string_equal(err.text, "is longer than 5 bytes");
    char *text = calloc(1, 65538);
    assert_non_null(text);
    memset(text, 'a', 65537);
    rules.max_bytes = 0;
    err_clear(&err);
    assert_int_equal(value_parse(&rules, SIDE_OLD, JSON_STRING_, (struct span){text, 65536}, &arena,
                                 &value, &err),
                     0);
    assert_int_equal(value_parse(&rules, SIDE_OLD, JSON_STRING_, (struct span){text, 65537}, &arena,
                                 &value, &err),
                     -1);
    free(text);
    rules.type = VALUE_TIMESTAMP;
    err_clear(&err);
    assert_int_equal(
        value_parse(&rules, SIDE_OLD, JSON_STRING_, span_of("2026-01-02"), &arena, &value, &err),
        -1);
    assert_string_equal(err.text, "is a date, where a timestamp belongs");
}

static void equality(void **state)
{
    (void)state;
    const struct value missing = {VALUE_MISSING, SPAN_NONE}, blank = {VALUE_BLANK, SPAN_NONE},
                       a = {VALUE_SET, span_of("a")}, b = {VALUE_SET, span_of("b")};
    const struct value all[] = {missing, blank, a, b};
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++)
            assert_int_equal(value_equal(all[i], all[k]), i == k);
}

static void sides(void **state)
{
    (void)state;
    static const struct {
        enum value_side side;
        const char *read, *canonical; /* NULL: refused */
    } cases[] = {
        {SIDE_OLD, "Web", "web"},
        {SIDE_NEW, "WEB", "web"},
        {SIDE_CANONICAL, "web", "web"},
        {SIDE_NEW, "Web", NULL},
        {SIDE_CANONICAL, "Web", NULL},
        {SIDE_NEW, "ON", "only_new"},
        {SIDE_OLD, "Alt", "only_old"},
        {SIDE_NEW, "Alt", NULL},
        {SIDE_CANONICAL, "only_new", "only_new"},
    };
    struct value_rules rules = rules_of(VALUE_ENUM);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct value value;
        struct err err = ERR_INIT;
        int failed = value_parse(&rules, cases[i].side, JSON_STRING_, span_of(cases[i].read),
                                 &arena, &value, &err);
        assert_int_equal(failed, cases[i].canonical ? 0 : -1);
        if (!failed) {
            assert_true(span_is(value.text, cases[i].canonical));
            assert_true(span_is(value_for_side(&rules, cases[i].side, value), cases[i].read));
        }
    }
    const struct value only_new = {VALUE_SET, span_of("only_new")},
                       gone = {VALUE_SET, span_of("gone")};
    assert_null(value_for_side(&rules, SIDE_OLD, only_new).data);
    assert_null(value_for_side(&rules, SIDE_OLD, gone).data);
    rules.type = VALUE_STRING;
    assert_true(span_is(value_for_side(&rules, SIDE_NEW, gone), "gone"));
    assert_null(value_for_side(&rules, SIDE_NEW, (struct value){VALUE_BLANK, SPAN_NONE}).data);
}

static void json(void **state)
{
    (void)state;
    static const struct {
        enum value_type type;
        const char *text, *want;
    } cases[] = {
        {VALUE_STRING, "a\"b\n", "\"a\\\"b\\n\""},
        {VALUE_STRING, NULL, "null"},
        {VALUE_INTEGER, "-12", "-12"},
        {VALUE_INTEGER, "999999999999999", "999999999999999"},
        {VALUE_INTEGER, "9999999999999999", "\"9999999999999999\""},
        {VALUE_INTEGER, "0", "0"},
        {VALUE_INTEGER, "-", "\"-\""},
        {VALUE_INTEGER, "007", "\"007\""},
        {VALUE_INTEGER, "-0", "\"-0\""},
        {VALUE_INTEGER, "1e3", "\"1e3\""},
        {VALUE_INTEGER, "n/a", "\"n/a\""},
        {VALUE_INTEGER, "1\",", "\"1\\\",\""},
        {VALUE_BOOLEAN, "false", "false"},
        {VALUE_BOOLEAN, "TRUE", "\"TRUE\""},
        {VALUE_BOOLEAN, "maybe", "\"maybe\""},
        {VALUE_BOOLEAN, NULL, "null"},
        {VALUE_DECIMAL, "1.5", "\"1.5\""},
        {VALUE_BOOLEAN, "true", "true"},
        {VALUE_DATE, "2026-01-02", "\"2026-01-02\""},
        {VALUE_ENUM, "web", "\"web\""},
    };
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct value value = {cases[i].text ? VALUE_SET : VALUE_BLANK, span_of(cases[i].text)};
        buf_reset(&out);
        value_put_json(&out, cases[i].type, value);
        assert_string_equal(buf_span(&out).data, cases[i].want);
    }
    buf_clear(&out);
}

static void match_keys(void **state)
{
    (void)state;
    static const struct {
        enum value_type type;
        const char *text, *want;
    } cases[] = {
        {VALUE_EMAIL, "ann@example.com", "ann@example.com"},
        {VALUE_STRING, "  Ann \t  LEE\n", "ann lee"},
        {VALUE_STRING, "   ", ""},
        {VALUE_STRING, "Ann\xC2\xA0Lee", "ann lee"}, /* no-break space */
        {VALUE_STRING, "STRASSE", "strasse"},
        {VALUE_STRING,
         "Stra\xC3\x9F"
         "e",
         "strasse"},
        {VALUE_STRING, "\xCE\x9F\xCE\x94\xCE\x9F\xCE\xA3",
         "\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x83"}, /* sigma */
        {VALUE_STRING, "\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x82",
         "\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x83"}, /* final sigma */
        {VALUE_STRING, "M\xC3\x9CLLER", "m\xC3\xBCller"},
        {VALUE_PHONE, "+1 (415) 555-0101", "+14155550101"},
        {VALUE_PHONE, "(+49) 30 1+2", "+493012"},
        {VALUE_PHONE, "030/123.456", "030123456"},
        {VALUE_STRING, "\xFF", ""},
        {VALUE_STRING, NULL, ""},
        {VALUE_PHONE, NULL, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct value value = {cases[i].text ? VALUE_SET : VALUE_BLANK, span_of(cases[i].text)};
        struct span key = value_match_key(cases[i].type, value, &arena);
        if (!span_is(key, cases[i].want))
            fail_msg("%s: \"%.*s\"", cases[i].text, (int)key.len, key.data);
    }
}

static void names(void **state)
{
    (void)state;
    for (int type = 0; type < VALUE_TYPE_COUNT; type++)
        assert_int_equal(value_type_parse(value_type_name((enum value_type)type)), type);
    assert_int_equal(value_type_parse("text"), -1);
    assert_string_equal(value_type_name(VALUE_TYPE_COUNT), "?");
    assert_null(VALUE_TYPE_NAMES[VALUE_TYPE_COUNT]);
}

static int open_all(void **state)
{
    (void)state;
    arena_init(&arena);
    struct err err = ERR_INIT;
    new_york = zone_open("America/New_York", &err);
    return new_york ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    arena_clear(&arena);
    zone_close(new_york);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_is_not_blank),
        cmocka_unit_test(limits_and_zones),
        cmocka_unit_test(equality),
        cmocka_unit_test(sides),
        cmocka_unit_test(json),
        cmocka_unit_test(match_keys),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
