/*
 * test_conversions — every conversion as a table: good texts, and bad ones with the
 * reason that the dead letter gives.
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

struct conversion {
    enum json_type type;
    const char *raw;
    size_t len;                 /* 0: strlen(raw) */
    const char *want, *refusal; /* both NULL: blank */
};
#define STRING(raw, want)                \
    {                                    \
        JSON_STRING_, raw, 0, want, NULL \
    }
#define NUMBER(raw, want)                \
    {                                    \
        JSON_NUMBER_, raw, 0, want, NULL \
    }
#define BLANK(type, raw)         \
    {                            \
        type, raw, 0, NULL, NULL \
    }
#define BAD(type, raw, why)     \
    {                           \
        type, raw, 0, NULL, why \
    }
#define LIST_OR_OBJECT "is a list or an object, where one value belongs"

static const struct conversion STRINGS[] = {
    STRING("Ann", "Ann"),
    STRING("  Ann ", "  Ann "),
    STRING("   ", "   "),
    STRING("a\r\nb\rc\r\n", "a\nb\rc\n"),
    STRING("a\nb\tc", "a\nb\tc"),
    STRING("M\xC3\xBCller", "M\xC3\xBCller"),
    STRING("Mu\xCC\x88ller", "M\xC3\xBCller"),                      /* u + combining diaeresis */
    STRING("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C"), /* Hangul jamo */
    STRING("\xE2\x84\xAB", "\xC3\x85"),                             /* Angstrom sign */
    STRING("\xEF\xAC\x81", "\xEF\xAC\x81"),           /* the ligature fi stays: NFC, not NFKC */
    STRING("q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87"), /* marks in canonical order */
    STRING("\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"),
    STRING("e\xCC\x81\r\n", "\xC3\xA9\n"),
    NUMBER("1.50", "1.50"),
    NUMBER("12345678901234567890123", "12345678901234567890123"),
    {JSON_BOOL_, "true", 0, "true", NULL},
    BLANK(JSON_STRING_, ""),
    BLANK(JSON_NULL_, "null"),
    {JSON_STRING_, "a\0b", 3, NULL, "holds a NUL character"},
    BAD(JSON_STRING_, "\xC3", "is not UTF-8"),
    BAD(JSON_STRING_, "e\xCC\x81\xFF", "is not UTF-8"),
    BAD(JSON_STRING_, "\xED\xA0\x80", "is not UTF-8"),
    BAD(JSON_ARRAY_, "[]", LIST_OR_OBJECT),
    BAD(JSON_OBJECT_, "{}", LIST_OR_OBJECT),
};

static const struct conversion EMAILS[] = {
    STRING("ann@example.com", "ann@example.com"),
    STRING(" Ann.Lee+x@EXAMPLE.com\t\r\n", "ann.lee+x@example.com"),
    STRING("M\xC3\x9CLLER@example.com", "m\xC3\xBCller@example.com"),
    STRING("MU\xCC\x88LLER@example.com", "m\xC3\xBCller@example.com"),
    STRING("STRASSE@x.de", "strasse@x.de"),
    STRING("stra\xC3\x9F"
           "e@x.de",
           "stra\xC3\x9F"
           "e@x.de"),                               /* lower case, not case folding */
    STRING("I@x.org", "i@x.org"),                   /* also where the locale is Turkish */
    STRING("\xC8\xBA@x.org", "\xE2\xB1\xA5@x.org"), /* grows from 2 bytes to 3 */
    STRING("a@b", "a@b"),
    BLANK(JSON_STRING_, ""),
    BLANK(JSON_STRING_, " \t\r\n"),
    BLANK(JSON_NULL_, "null"),
    BAD(JSON_STRING_, "ann", "is not an e-mail address"),
    BAD(JSON_STRING_, "@example.com", "is not an e-mail address"),
    BAD(JSON_STRING_, "ann@", "is not an e-mail address"),
    BAD(JSON_STRING_, "ann@@example.com", "is not an e-mail address"),
    BAD(JSON_STRING_, "a@b@c", "is not an e-mail address"),
    BAD(JSON_STRING_, "ann lee@example.com", "is not an e-mail address"),
    BAD(JSON_STRING_, "ann\xC2\xA0lee@example.com", "is not an e-mail address"),
    BAD(JSON_STRING_, "ann@example.com\x7F", "is not an e-mail address"),
    BAD(JSON_STRING_, "ann\x01@example.com", "is not an e-mail address"),
    BAD(JSON_STRING_, "\xFF@x", "is not UTF-8"),
    BAD(JSON_STRING_, "\xCC\x88\xFF@x", "is not UTF-8"),
    BAD(JSON_NUMBER_, "12", "is not an e-mail address"),
    BAD(JSON_BOOL_, "true", "is not an e-mail address"),
    {JSON_STRING_, "a\0@b", 4, NULL, "holds a NUL character"},
    BAD(JSON_OBJECT_, "{}", LIST_OR_OBJECT),
};

static const struct conversion PHONES[] = {
    STRING(" +1 (415) 555-0101 x12 ", "+1 (415) 555-0101 x12"),
    STRING("030/123.456", "030/123.456"),
    STRING("110", "110"),
    NUMBER("4155550101", "4155550101"),
    BLANK(JSON_STRING_, " "),
    BAD(JSON_STRING_, "12", "is not a phone number (fewer than 3 digits)"),
    BAD(JSON_STRING_, "--", "is not a phone number (fewer than 3 digits)"),
    BAD(JSON_STRING_, "n/a", "is not a phone number"),
    BAD(JSON_STRING_, "555 0101 ext. 3", "is not a phone number"),
    BAD(JSON_STRING_,
        "555\xC2\xA0"
        "0101",
        "is not a phone number"),
    BAD(JSON_STRING_, "ann@example.com", "is not a phone number"),
    BAD(JSON_NUMBER_, "4.1555E9", "is not a phone number"),
    BAD(JSON_BOOL_, "true", "is not a phone number"),
    {JSON_STRING_,
     "555\0"
     "0101",
     8, NULL, "is not a phone number"},
};

static const struct conversion INTEGERS[] = {
    NUMBER("0", "0"),
    NUMBER("-0", "0"),
    NUMBER("-12", "-12"),
    STRING(" 42 ", "42"),
    NUMBER("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
    BLANK(JSON_STRING_, ""),
    BLANK(JSON_NULL_, "null"),
    BAD(JSON_NUMBER_, "100000000000000000000000000000000000000", "has more than 38 digits"),
    BAD(JSON_NUMBER_, "1e3", "is not a whole number"),
    BAD(JSON_NUMBER_, "1.0", "is not a whole number"),
    BAD(JSON_STRING_, "1,000", "is not a whole number"),
    BAD(JSON_STRING_, "1 000", "is not a whole number"),
    BAD(JSON_STRING_, "+5", "is not a whole number"),
    BAD(JSON_STRING_, "--5", "is not a whole number"),
    BAD(JSON_STRING_, "-", "is not a whole number"),
    BAD(JSON_STRING_, "0x10", "is not a whole number"),
    BAD(JSON_STRING_, "five", "is not a whole number"),
    BAD(JSON_STRING_, "\xD9\xA3", "is not a whole number"), /* an Arabic-Indic digit */
    BAD(JSON_STRING_, "007", "is a number with leading zeros"),
    BAD(JSON_STRING_, "-00", "is a number with leading zeros"),
    BAD(JSON_BOOL_, "true", "is not a whole number"),
    BAD(JSON_ARRAY_, "[1]", LIST_OR_OBJECT),
};

static const struct conversion DECIMALS[] = {
    NUMBER("1.50", "1.5"),
    NUMBER("1234.50", "1234.5"),
    NUMBER("0", "0"),
    NUMBER("-0.000", "0"),
    NUMBER("0e999999999999", "0"),
    NUMBER("100", "100"),
    NUMBER("100.00", "100"),
    NUMBER("-0.05", "-0.05"),
    NUMBER("1.0E7", "10000000"),
    NUMBER("1.25e+2", "125"),
    NUMBER("125E-2", "1.25"),
    NUMBER("125e-5", "0.00125"),
    NUMBER("0.00125e5", "125"),
    NUMBER("1e37", "10000000000000000000000000000000000000"),
    NUMBER("1e-38", "0.00000000000000000000000000000000000001"),
    NUMBER("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
    STRING("0001.1000", "1.1"),
    STRING(" -3.25 ", "-3.25"),
    STRING(".5", "0.5"),
    STRING("99999999999999999999999999999999999999.000", "99999999999999999999999999999999999999"),
    STRING("0000000000000000000000000000000000000000000000000000001", "1"),
    BLANK(JSON_STRING_, ""),
    BLANK(JSON_NULL_, "null"),
    BAD(JSON_STRING_, "1,5", "is not a decimal number"), /* a point or a thousand? nobody guesses */
    BAD(JSON_STRING_, "5.", "is not a decimal number"),
    BAD(JSON_STRING_, ".", "is not a decimal number"),
    BAD(JSON_STRING_, "-", "is not a decimal number"),
    BAD(JSON_STRING_, "+1", "is not a decimal number"),
    BAD(JSON_STRING_, "1.2.3", "is not a decimal number"),
    BAD(JSON_STRING_, "1e", "is not a decimal number"),
    BAD(JSON_STRING_, "1e+", "is not a decimal number"),
    BAD(JSON_STRING_, "1e5x", "is not a decimal number"),
    BAD(JSON_STRING_, "$5", "is not a decimal number"),
    BAD(JSON_STRING_, "NaN", "is not a decimal number"),
    BAD(JSON_STRING_, "0x1p3", "is not a decimal number"),
    BAD(JSON_NUMBER_, "1e38", "has more than 38 digits"),
    BAD(JSON_NUMBER_, "1e-39", "has more than 38 digits"),
    BAD(JSON_NUMBER_, "1e999999999999999999999", "has more than 38 digits"),
    BAD(JSON_NUMBER_, "1e-999999999999999999999", "has more than 38 digits"),
    BAD(JSON_NUMBER_, "1.00000000000000000000000000000000000001", "has more than 38 digits"),
    BAD(JSON_BOOL_, "false", "is not a decimal number"),
};

static const struct conversion BOOLEANS[] = {
    {JSON_BOOL_, "true", 0, "true", NULL},
    {JSON_BOOL_, "false", 0, "false", NULL},
    NUMBER("1", "true"),
    NUMBER("0", "false"),
    STRING(" Yes ", "true"),
    STRING("NO", "false"),
    STRING("on", "true"),
    STRING("Off", "false"),
    STRING("TRUE", "true"),
    STRING("0", "false"),
    BLANK(JSON_STRING_, "  "),
    BLANK(JSON_NULL_, "null"),
    BAD(JSON_STRING_, "y", "is neither true nor false"),
    BAD(JSON_STRING_, "truee", "is neither true nor false"),
    BAD(JSON_NUMBER_, "2", "is neither true nor false"),
    BAD(JSON_NUMBER_, "1.0", "is neither true nor false"),
    BAD(JSON_STRING_, "ja", "is neither true nor false"),
    BAD(JSON_OBJECT_, "{}", LIST_OR_OBJECT),
};

static const struct conversion DATES[] = {
    STRING("2026-01-02", "2026-01-02"),
    STRING(" 2024-02-29 ", "2024-02-29"),
    STRING("0001-01-01", "0001-01-01"),
    STRING("9999-12-31", "9999-12-31"),
    BLANK(JSON_STRING_, ""),
    BLANK(JSON_NULL_, "null"),
    BAD(JSON_STRING_, "2026-02-30", "is not a date that exists"),
    BAD(JSON_STRING_, "2026-02-29", "is not a date that exists"),
    BAD(JSON_STRING_, "1900-02-29", "is not a date that exists"),
    BAD(JSON_STRING_, "2026-13-01", "is not a date that exists"),
    BAD(JSON_STRING_, "2026-00-01", "is not a date that exists"),
    BAD(JSON_STRING_, "2026-01-00", "is not a date that exists"),
    BAD(JSON_STRING_, "2026-01-02T00:00:00Z", "is not a date (YYYY-MM-DD)"),
    BAD(JSON_STRING_, "2026-1-2", "is not a date (YYYY-MM-DD)"),
    BAD(JSON_STRING_, "20260102", "is not a date (YYYY-MM-DD)"),
    BAD(JSON_STRING_, "02/01/2026", "is not a date (YYYY-MM-DD)"),
    BAD(JSON_STRING_, "2026-01-0x", "is not a date (YYYY-MM-DD)"),
    BAD(JSON_STRING_, "2026-x1-02", "is not a date (YYYY-MM-DD)"),
    BAD(JSON_STRING_, "-026-01-02", "is not a date (YYYY-MM-DD)"),
    BAD(JSON_NUMBER_, "1767312000000", "is not a date (YYYY-MM-DD)"),
    BAD(JSON_BOOL_, "true", "is not a date (YYYY-MM-DD)"),
};

static const struct conversion TIMESTAMPS[] = {
    STRING("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
    STRING("2026-01-02T03:04:05.678999Z", "2026-01-02T03:04:05.678Z"),
    STRING("2026-01-02T03:04:05.000+0000", "2026-01-02T03:04:05.000Z"),
    STRING("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000Z"),
    STRING("2025-12-31T23:30:00-05:00", "2026-01-01T04:30:00.000Z"),
    STRING(" 1969-12-31T23:59:59.999Z ", "1969-12-31T23:59:59.999Z"),
    STRING("2026-01-02", "2026-01-02T05:00:00.000Z"), /* midnight in New York */
    STRING("2026-07-02", "2026-07-02T04:00:00.000Z"),
    BLANK(JSON_STRING_, ""),
    BLANK(JSON_NULL_, "null"),
    BAD(JSON_STRING_, "2026-02-30", "is not a date that exists"),
    BAD(JSON_STRING_, "2026-02-3x", "is not a date (YYYY-MM-DD)"),
    BAD(JSON_STRING_, "2026-02-30T00:00:00Z", "is not a timestamp with a zone (RFC 3339)"),
    BAD(JSON_STRING_, "2026-01-02T03:04:05", "is not a timestamp with a zone (RFC 3339)"),
    BAD(JSON_STRING_, "2026-01-02T25:00:00Z", "is not a timestamp with a zone (RFC 3339)"),
    BAD(JSON_STRING_, "yesterday", "is not a timestamp with a zone (RFC 3339)"),
    BAD(JSON_STRING_, "0000-01-01T00:00:00+01:00", "is outside the years 0000 to 9999"),
    BAD(JSON_STRING_, "9999-12-31T23:59:59-01:00", "is outside the years 0000 to 9999"),
    BAD(JSON_NUMBER_, "1767312000000", "is not a timestamp with a zone (RFC 3339)"),
    BAD(JSON_BOOL_, "true", "is not a timestamp with a zone (RFC 3339)"),
};

static const struct conversion ENUMS[] = {
    /* the old system's names */
    STRING("Web", "web"),
    STRING(" Phone Inquiry ", "phone"),
    STRING("Alt", "only_old"),
    BLANK(JSON_STRING_, ""),
    BLANK(JSON_NULL_, "null"),
    BAD(JSON_STRING_, "web", "is not in the field's table of values"),
    BAD(JSON_STRING_, "WEB", "is not in the field's table of values"),
    BAD(JSON_STRING_, "ON", "is not in the field's table of values"),
    BAD(JSON_STRING_, "Fax", "is not in the field's table of values"),
    BAD(JSON_NUMBER_, "1", "is not in the field's table of values"),
    BAD(JSON_ARRAY_, "[\"Web\"]", LIST_OR_OBJECT),
};

static const struct {
    enum value_type type;
    const struct conversion *rows;
    size_t count;
} TABLES[] = {
#define TABLE(type, rows)                            \
    {                                                \
        type, rows, sizeof(rows) / sizeof((rows)[0]) \
    }
    TABLE(VALUE_STRING, STRINGS),   TABLE(VALUE_EMAIL, EMAILS),
    TABLE(VALUE_PHONE, PHONES),     TABLE(VALUE_INTEGER, INTEGERS),
    TABLE(VALUE_DECIMAL, DECIMALS), TABLE(VALUE_BOOLEAN, BOOLEANS),
    TABLE(VALUE_DATE, DATES),       TABLE(VALUE_TIMESTAMP, TIMESTAMPS),
    TABLE(VALUE_ENUM, ENUMS),
};
/* multi, currency and reference: test_composed. */
_Static_assert(sizeof(TABLES) / sizeof(TABLES[0]) == VALUE_TYPE_COUNT - 3, "a table per type");

static struct value_rules rules_of(enum value_type type)
{
    return (struct value_rules){
        .type = type, .choices = CHOICES, .choice_count = 4, .zone = new_york};
}

/* From a heap copy without a byte to spare, so that the sanitizer sees every read behind it. */
static int parse(const struct value_rules *rules, enum value_side side,
                 const struct conversion *row, struct value *ret_value, struct err *err)
{
    static char *copy;
    free(copy);
    size_t len = row->len ? row->len : strlen(row->raw);
    copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, row->raw, len);
    int failed =
        value_parse(rules, side, row->type, (struct span){copy, len}, &arena, ret_value, err);
    if (!failed && ret_value->kind == VALUE_SET)
        ret_value->text = arena_copy(&arena, ret_value->text);
    free(copy);
    copy = NULL;
    return failed;
}

static void check_row(enum value_type type, const struct conversion *row)
{
    struct value_rules rules = rules_of(type);
    struct value value = {VALUE_MISSING, SPAN_NONE};
    struct err err = ERR_INIT;
    int failed = parse(&rules, SIDE_OLD, row, &value, &err);
    const char *name = value_type_name(type);
    if (row->refusal) {
        if (!failed || err.kind != ERR_REJECT || strcmp(err.text, row->refusal) != 0)
            fail_msg("%s \"%s\": %s, not \"%s\"", name, row->raw, failed ? err.text : "taken",
                     row->refusal);
        assert_int_equal(value.kind, VALUE_MISSING);
        return;
    }
    if (failed)
        fail_msg("%s \"%s\": %s", name, row->raw, err.text);
    assert_int_equal(value.kind, row->want ? VALUE_SET : VALUE_BLANK);
    if (row->want && !span_is(value.text, row->want))
        fail_msg("%s \"%s\": \"%.*s\", not \"%s\"", name, row->raw, (int)value.text.len,
                 value.text.data, row->want);
    if (!row->want)
        return;
    /* Canonical texts are read as themselves. */
    struct conversion again = {JSON_STRING_, row->want, 0, row->want, NULL};
    struct value second;
    if (parse(&rules, SIDE_CANONICAL, &again, &second, &err) || !value_equal(value, second))
        fail_msg("%s: \"%s\" is not stable: %s", name, row->want, err.text);
}

static void conversions(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof(TABLES) / sizeof(TABLES[0]); t++)
        for (size_t i = 0; i < TABLES[t].count; i++)
            check_row(TABLES[t].type, &TABLES[t].rows[i]);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(conversions)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
