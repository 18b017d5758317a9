/*
 * test_mapping — fields by name, and what one system says as a record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/record.h"

static const struct value_choice SOURCES[] = {{"web", "Web", "WEB"}};
static const struct field FIELDS[] = {
    {.name = "email",
     .old_name = "Email",
     .new_name = "email",
     .rules = {.type = VALUE_EMAIL},
     .pii = true},
    {.name = "birth_date",
     .old_name = "Birthdate",
     .new_name = "dob",
     .rules = {.type = VALUE_DATE}},
    {.name = "born", .old_name = "Birthdate", .rules = {.type = VALUE_DATE}, .pii = true},
    {.name = "source",
     .old_name = "LeadSource",
     .new_name = "src",
     .rules = {.type = VALUE_ENUM, .choices = SOURCES, .choice_count = 1}},
    {.name = "rating", .new_name = "rating", .rules = {.type = VALUE_INTEGER}},
};
enum { COUNT = 5 };
static const int SORTED[] = {1, 2, 0, 4, 3};
static const struct entity CONTACT = {
    .name = "contact", .fields = FIELDS, .field_count = COUNT, .sorted = SORTED};

static struct arena arena;

static void fields_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(entity_field(&CONTACT, span_of(FIELDS[i].name)), i);
    static const char *const unknown[] = {"", "a", "emai", "emails", "Email", "zzz", "born_"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_int_equal(entity_field(&CONTACT, span_of(unknown[i])), -1);
    assert_int_equal(entity_field(&CONTACT, SPAN_NONE), -1);
    assert_int_equal(entity_field(&CONTACT, (struct span){"emailx", 5}), 0);
    const struct entity empty = {.name = "empty"};
    assert_int_equal(entity_field(&empty, span_of("email")), -1);
}

#define DIGITS_50  "01234567890123456789012345678901234567890123456789"
#define DIGITS_118 DIGITS_50 DIGITS_50 "012345678901234567"

static const char LONG[] = DIGITS_118 "\xC3\xA9\xC3\xA9tail";
static const char LONG_REFUSAL[] =
    "field rating: \"" DIGITS_118 "\xC3\xA9…\" is not a whole number";
static const char LONG_ODD[] = DIGITS_118 "8\xC3\xA9tail";
static const char LONG_ODD_REFUSAL[] = "field rating: \"" DIGITS_118 "8…\" is not a whole number";

/* By field: "-" the system did not say, NULL null. want: "-" missing, "" blank. */
static const struct {
    const char *name;
    enum value_side side;
    const char *raw[COUNT], *want[COUNT];
    const char *refusal;
    int field;
} CASES[] = {
    {"old",
     SIDE_OLD,
     {" Ann@X.org", "1980-02-03", "1980-02-03", "Web", "7"},
     {"ann@x.org", "1980-02-03", "1980-02-03", "web", "-"},
     NULL,
     -1},
    {"new",
     SIDE_NEW,
     {"ann@x.org", "1980-02-03", "x", "WEB", "7"},
     {"ann@x.org", "1980-02-03", "-", "web", "7"},
     NULL,
     -1},
    {"canonical",
     SIDE_CANONICAL,
     {"ann@x.org", "1980-02-03", "1980-02-04", "web", "7"},
     {"ann@x.org", "1980-02-03", "1980-02-04", "web", "7"},
     NULL,
     -1},
    {"not said, null and empty",
     SIDE_OLD,
     {"-", NULL, "", "-", "-"},
     {"-", "", "", "-", "-"},
     NULL,
     -1},
    {"bad value",
     SIDE_OLD,
     {"-", "2026-02-30", "-", "-", "-"},
     {NULL},
     "field birth_date: \"2026-02-30\" is not a date that exists",
     1},
    {"first bad one",
     SIDE_OLD,
     {"-", "-", "-", "web", "-"},
     {NULL},
     "field source: \"web\" is not in the field's table of values",
     3},
    {"personal",
     SIDE_OLD,
     {"ann.example.com", "-", "-", "-", "-"},
     {NULL},
     "field email: *** is not an e-mail address",
     0},
    {"personal too",
     SIDE_OLD,
     {"-", "-", "1980-02-30", "-", "-"},
     {NULL},
     "field born: *** is not a date that exists",
     2},
    {"long", SIDE_NEW, {"-", "-", "-", "-", LONG}, {NULL}, LONG_REFUSAL, 4},
    {"long, cut in a character",
     SIDE_NEW,
     {"-", "-", "-", "-", LONG_ODD},
     {NULL},
     LONG_ODD_REFUSAL,
     4},
};

static void reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct raw_value raw[COUNT];
        for (int f = 0; f < COUNT; f++) {
            const char *text = CASES[i].raw[f];
            raw[f] = (struct raw_value){!text                    ? JSON_NULL_
                                        : strcmp(text, "-") == 0 ? JSON_NONE_
                                                                 : JSON_STRING_,
                                        span_of(text ? text : "null")};
        }
        struct record record = {0};
        struct err err = ERR_INIT;
        int field = -1;
        int failed = mapping_read(&CONTACT, CASES[i].side, raw, &arena, &record, &field, &err);
        assert_int_equal(failed, CASES[i].refusal ? -1 : 0);
        assert_int_equal(field, CASES[i].field);
        if (CASES[i].refusal) {
            assert_int_equal(err.kind, ERR_REJECT);
            assert_string_equal(err.text, CASES[i].refusal);
            assert_null(record.values);
            assert_int_equal(
                mapping_read(&CONTACT, CASES[i].side, raw, &arena, &record, NULL, NULL), -1);
            continue;
        }
        for (int f = 0; f < COUNT; f++) {
            const char *want = CASES[i].want[f];
            enum value_kind kind = strcmp(want, "-") == 0 ? VALUE_MISSING
                                   : want[0]              ? VALUE_SET
                                                          : VALUE_BLANK;
            if (record.values[f].kind != kind ||
                (kind == VALUE_SET && !span_is(record.values[f].text, want)))
                fail_msg("%s: field %s", CASES[i].name, FIELDS[f].name);
        }
    }
}

static int open_all(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_by_name),
        cmocka_unit_test(reading),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
