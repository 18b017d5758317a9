/*
 * test_computed — fields that are made of others when a system is read: amounts with
 * the code that another field holds, jq expressions; and what a twin says, where nothing is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/expression.h"
#include "model/record.h"

enum { FIRST, LAST, AMOUNT, CODE, FULL, SCORE, BIG, KIND, COUNT };

static const struct value_choice KINDS[] = {{"small", NULL, "S"}, {"large", NULL, "L"}};
static const int NAME_INPUTS[] = {FIRST, LAST}, CODE_INPUTS[] = {CODE},
                 ALL_INPUTS[] = {AMOUNT, BIG}, FIRST_INPUTS[] = {FIRST};
static const struct field FIELDS[COUNT] = {
    [FIRST] = {.name = "first",
               .old_name = "FirstName",
               .rules = {.type = VALUE_STRING},
               .pii = true},
    [LAST] = {.name = "last", .old_name = "LastName", .rules = {.type = VALUE_STRING}},
    [AMOUNT] = {.name = "amount",
                .old_name = "Amount",
                .new_name = "amount",
                .rules = {.type = VALUE_CURRENCY},
                .inputs = CODE_INPUTS,
                .input_count = 1},
    [CODE] = {.name = "code",
              .old_name = "CurrencyIsoCode",
              .new_name = "code",
              .rules = {.type = VALUE_STRING}},
    [FULL] = {.name = "full",
              .new_name = "name",
              .rules = {.type = VALUE_STRING},
              .jq = ".first + \" \" + .last",
              .expression = 0,
              .inputs = NAME_INPUTS,
              .input_count = 2},
    [SCORE] = {.name = "score",
               .new_name = "score",
               .rules = {.type = VALUE_INTEGER},
               .jq = "if .first == \"error\" then error(\"no \" + .first) else .first | length end",
               .expression = 1,
               .inputs = FIRST_INPUTS,
               .input_count = 1},
    [BIG] = {.name = "big", .old_name = "Big", .rules = {.type = VALUE_DECIMAL}},
    [KIND] = {.name = "kind",
              .new_name = "kind",
              .rules = {.type = VALUE_ENUM, .choices = KINDS, .choice_count = 2},
              .jq = ".big",
              .expression = 2,
              .inputs = ALL_INPUTS,
              .input_count = 2},
};
static const int SORTED[COUNT] = {AMOUNT, BIG, CODE, FIRST, FULL, KIND, LAST, SCORE};
static const int COMPUTED[] = {AMOUNT, FULL, SCORE, KIND};
static struct entity contact = {.name = "contact",
                                .fields = FIELDS,
                                .field_count = COUNT,
                                .sorted = SORTED,
                                .computed = COMPUTED,
                                .computed_count = 4};
static struct arena arena;

/* By field: "-" the system did not say, NULL null. want: "-" missing, "" blank. Big is what kind becomes. */
static const struct {
    const char *name, *raw[COUNT], *want[COUNT], *refusal;
    int field;
} CASES[] = {
    {"whole",
     {"Ann", "Lee", "12.50", "EUR", "-", "-", "1", "-"},
     {NULL},
     "field kind: \"1\" is not in the field's table of values",
     KIND},
    {"blank inputs are null",
     {"Ann", "", "", "EUR", "-", "-", "-", "-"},
     {"Ann", "", "", "EUR", "Ann ", "3", "-", "-"},
     NULL,
     -1},
    {"missing inputs leave missing",
     {"Ann", "-", "5", "-", "-", "-", "-", "-"},
     {"Ann", "-", "-", "-", "-", "3", "-", "-"},
     NULL,
     -1},
    {"no code for an amount",
     {"-", "-", "5", "", "-", "-", "-", "-"},
     {NULL},
     "field amount: the amount has no currency code (code)",
     AMOUNT},
    {"no code for no amount",
     {"-", "-", NULL, "", "-", "-", "-", "-"},
     {"-", "-", "", "", "-", "-", "-", "-"},
     NULL,
     -1},
    {"a code that is none",
     {"-", "-", "5", "Euro", "-", "-", "-", "-"},
     {NULL},
     "field amount: the code Euro is not a currency code (ISO 4217: three capital letters)",
     AMOUNT},
    /* What the interpreter says quotes a personal value. */
    {"an error with a personal value",
     {"error", "-", "-", "-", "-", "-", "-", "-"},
     {NULL},
     "field score: its expression fails",
     SCORE},
};

static struct raw_value raw_of(const char *text)
{
    if (!text)
        return (struct raw_value){JSON_NULL_, span_of("null")};
    if (strcmp(text, "-") == 0)
        return (struct raw_value){JSON_NONE_, SPAN_NONE};
    return (struct raw_value){JSON_STRING_, span_of(text)};
}

static void compare(const char *name, const struct record *record, const char *const *want)
{
    for (int f = 0; f < COUNT; f++) {
        struct value value = record->values[f];
        enum value_kind kind = strcmp(want[f], "-") == 0 ? VALUE_MISSING
                               : want[f][0] == '\0'      ? VALUE_BLANK
                                                         : VALUE_SET;
        if (value.kind != kind || (kind == VALUE_SET && !span_is(value.text, want[f])))
            fail_msg("%s, %s: %d \"%.*s\"", name, FIELDS[f].name, value.kind, (int)value.text.len,
                     value.text.data ? value.text.data : "");
    }
}

static void from_the_old_system(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct raw_value raw[COUNT];
        struct record record;
        struct err err = ERR_INIT;
        int field = -1;
        for (int f = 0; f < COUNT; f++)
            raw[f] = raw_of(CASES[i].raw[f]);
        int failed = mapping_read(&contact, SIDE_OLD, raw, &arena, &record, &field, &err);
        if (failed != (CASES[i].refusal ? -1 : 0) ||
            (failed && strcmp(err.text, CASES[i].refusal) != 0))
            fail_msg("%s: %s", CASES[i].name, failed ? err.text : "taken");
        assert_int_equal(field, CASES[i].field);
        if (!failed)
            compare(CASES[i].name, &record, CASES[i].want);
    }
}

/* Events carry what was computed: nothing is computed again. */
static void from_an_event(void **state)
{
    (void)state;
    static const char *const texts[COUNT] = {"-", "-", "12.5 EUR", "-", "Other", "7", "-", "large"};
    struct raw_value raw[COUNT];
    struct record record;
    struct err err = ERR_INIT;
    for (int f = 0; f < COUNT; f++)
        raw[f] = raw_of(texts[f]);
    assert_int_equal(mapping_read(&contact, SIDE_CANONICAL, raw, &arena, &record, NULL, &err), 0);
    compare("event", &record, texts);
}

static void from_the_twin(void **state)
{
    (void)state;
    static const char *const texts[COUNT] = {"x", "x", "12.50", "EUR", "Ann Lee", "n/a", "x", "-"};
    static const char *const want[COUNT] = {"-", "-", "12.5 EUR", "EUR", "Ann Lee", "n/a", "-", ""};
    static const char *const wrong[COUNT] = {"-", "-", "12.5", "Euro", "Ann Lee", "n/a", "-", ""};
    struct raw_value raw[COUNT];
    struct record record;
    for (int f = 0; f < COUNT; f++)
        raw[f] = raw_of(texts[f]);
    mapping_read_twin(&contact, raw, &arena, &record);
    compare("twin", &record, want);
    raw[CODE] = raw_of("Euro");
    mapping_read_twin(&contact, raw, &arena, &record);
    compare("twin with an odd code", &record, wrong);
}

static void on_which_side(void **state)
{
    (void)state;
    const struct value_reference linked = {.association_type = 279}, kept = {.to = "company"};
    struct field field = {.name = "company", .old_name = "AccountId"};
    assert_true(field_is_on(&field, SIDE_OLD) && !field_is_on(&field, SIDE_NEW));
    field.rules.reference = &kept;
    assert_false(field_is_on(&field, SIDE_NEW));
    field.rules.reference = &linked;
    assert_true(field_is_on(&field, SIDE_NEW));
    assert_true(field_is_on(&FIELDS[FULL], SIDE_NEW) && !field_is_on(&FIELDS[FULL], SIDE_OLD));
    assert_string_equal(delete_policy_name(DELETES_REVIEW), "review");
    assert_string_equal(delete_policy_name(DELETES_COUNT), "?");
}

static int open_all(void **state)
{
    (void)state;
    const char *texts[] = {FIELDS[FULL].jq, FIELDS[SCORE].jq, FIELDS[KIND].jq};
    struct err whys[3] = {ERR_INIT, ERR_INIT, ERR_INIT}, err = ERR_INIT;
    arena_init(&arena);
    contact.expressions = expressions_open(texts, 3, whys, &err);
    return contact.expressions ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    expressions_close(contact.expressions);
    arena_clear(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_old_system),
        cmocka_unit_test(from_an_event),
        cmocka_unit_test(from_the_twin),
        cmocka_unit_test(on_which_side),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
