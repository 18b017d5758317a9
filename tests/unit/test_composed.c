/*
 * test_composed — the conversions that depend on the side, as tables: several
 * values in one, amounts with their code, references; and the one form of an id.
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

static const struct value_choice CHOICES[] = {
    {"web", "Web", "WEB"},
    {"fax", "Telefax", "A_FAX"},
    {"phone", "Phone Inquiry", "PHONE"},
    {"only_old", "Alt", NULL},
};
static const struct value_reference COMPANY = {.to = "company",
                                               .systems = {"salesforce", "hubspot"},
                                               .id_forms = {VALUE_ID_SALESFORCE, VALUE_ID_DIGITS}};
static const struct value_reference OWNER = {.to = "owner",
                                             .by_email = true,
                                             .systems = {"salesforce", "hubspot"},
                                             .id_forms = {VALUE_ID_SALESFORCE, VALUE_ID_DIGITS}};
static const struct value_rules PLAIN = {.type = VALUE_MULTI},
                                TABLE = {.type = VALUE_MULTI,
                                         .choices = CHOICES,
                                         .choice_count = 4},
                                DOLLARS = {.type = VALUE_CURRENCY, .currency = "USD"},
                                AMOUNT = {.type = VALUE_CURRENCY},
                                RECORD = {.type = VALUE_REFERENCE, .reference = &COMPANY},
                                PERSON = {.type = VALUE_REFERENCE, .reference = &OWNER};

#define OLD_KEY    "salesforce:0015g00000AbCdEAAV"
#define SIXTY_FOUR "0123456789012345678901234567890123456789012345678901234567890123"
#define DIGITS_38  "99999999999999999999999999999999999999"

/* want NULL: blank. back: what the same side is told; NULL: nothing. */
static const struct {
    const struct value_rules *rules;
    enum value_side side;
    const char *raw, *want, *refusal, *back;
} CASES[] = {
    /* several values: order and repetition mean nothing */
    {&PLAIN, SIDE_OLD, "b;a;c", "a;b;c", NULL, "a;b;c"},
    {&PLAIN, SIDE_NEW, "c; a ;b;a;", "a;b;c", NULL, "a;b;c"},
    {&PLAIN, SIDE_NEW, ";EMEA", "EMEA", NULL, "EMEA"},
    {&PLAIN, SIDE_OLD, "ab;a;b", "a;ab;b", NULL, "a;ab;b"},
    {&PLAIN, SIDE_OLD, "\xC3\xA9;e\xCC\x81", "\xC3\xA9", NULL, "\xC3\xA9"}, /* NFC makes them one */
    {&PLAIN, SIDE_OLD, "one", "one", NULL, "one"},
    {&PLAIN, SIDE_OLD, " ; ;", NULL, NULL, NULL},
    {&PLAIN, SIDE_OLD, "  ", NULL, NULL, NULL},
    {&PLAIN, SIDE_OLD, "a;\xFF", NULL, "is not UTF-8", NULL},
    {&TABLE, SIDE_OLD, "Web;Telefax", "fax;web", NULL, "Telefax;Web"},
    {&TABLE, SIDE_NEW, "WEB;A_FAX", "fax;web", NULL, "A_FAX;WEB"},
    {&TABLE, SIDE_CANONICAL, "fax;web", "fax;web", NULL, "fax;web"},
    {&TABLE, SIDE_OLD, " Phone Inquiry ;Web;Web", "phone;web", NULL, "Phone Inquiry;Web"},
    {&TABLE, SIDE_OLD, "Alt;Web", "only_old;web", NULL, "Alt;Web"},
    {&TABLE, SIDE_OLD, ";", NULL, NULL, NULL},
    {&TABLE, SIDE_OLD, "Web;Fax", NULL, "has a value that is not in the field's table of values",
     NULL},
    {&TABLE, SIDE_OLD, "web", NULL, "has a value that is not in the field's table of values", NULL},
    {&TABLE, SIDE_NEW, "Web", NULL, "has a value that is not in the field's table of values", NULL},
    {&TABLE, SIDE_OLD, "Web,Telefax", NULL,
     "has a value that is not in the field's table of values", NULL},
    /* amounts */
    {&DOLLARS, SIDE_OLD, "1234.50", "1234.5 USD", NULL, "1234.5"},
    {&DOLLARS, SIDE_NEW, "1.25e3", "1250 USD", NULL, "1250"},
    {&DOLLARS, SIDE_NEW, "-0.00", "0 USD", NULL, "0"},
    {&DOLLARS, SIDE_CANONICAL, "7 EUR", "7 EUR", NULL, "7 EUR"},
    {&DOLLARS, SIDE_OLD, DIGITS_38, DIGITS_38 " USD", NULL, DIGITS_38},
    {&DOLLARS, SIDE_OLD, "", NULL, NULL, NULL},
    {&DOLLARS, SIDE_OLD, "$5", NULL, "is not a decimal number", NULL},
    {&DOLLARS, SIDE_OLD, "1,234.50", NULL, "is not a decimal number", NULL},
    {&DOLLARS, SIDE_OLD, "5 USD", NULL, "is not a decimal number", NULL},
    {&DOLLARS, SIDE_OLD, DIGITS_38 "9", NULL, "has more than 38 digits", NULL},
    {&DOLLARS, SIDE_CANONICAL, "7", NULL, "is an amount without a currency code", NULL},
    {&DOLLARS, SIDE_CANONICAL, "7 usd", NULL,
     "is not a currency code (ISO 4217: three capital letters)", NULL},
    {&DOLLARS, SIDE_CANONICAL, "7  USD", NULL,
     "is not a currency code (ISO 4217: three capital letters)", NULL},
    {&DOLLARS, SIDE_CANONICAL, "x USD", NULL, "is not a decimal number", NULL},
    {&AMOUNT, SIDE_OLD, "1234.50", "1234.5", NULL, "1234.5"}, /* the code comes later */
    {&AMOUNT, SIDE_CANONICAL, "12.5 EUR", "12.5 EUR", NULL, "12.5 EUR"},
    /* references */
    {&RECORD, SIDE_OLD, "0015g00000AbCdE", OLD_KEY, NULL, "0015g00000AbCdEAAV"},
    {&RECORD, SIDE_OLD, " 0015g00000AbCdEAAV ", OLD_KEY, NULL, "0015g00000AbCdEAAV"},
    {&RECORD, SIDE_NEW, "501", "hubspot:501", NULL, "501"},
    {&RECORD, SIDE_CANONICAL, OLD_KEY, OLD_KEY, NULL, OLD_KEY},
    {&RECORD, SIDE_CANONICAL, "hubspot:501", "hubspot:501", NULL, "hubspot:501"},
    {&RECORD, SIDE_OLD, "", NULL, NULL, NULL},
    {&RECORD, SIDE_OLD, "0015g00000abcdeAAV", NULL, "is not the id of a record", NULL},
    {&RECORD, SIDE_OLD, "0015g00000AbCd", NULL, "is not the id of a record", NULL},
    {&RECORD, SIDE_OLD, "0015g00000AbCd-", NULL, "is not the id of a record", NULL},
    {&RECORD, SIDE_NEW, "0501", NULL, "is not the id of a record", NULL},
    {&RECORD, SIDE_NEW, "-1", NULL, "is not the id of a record", NULL},
    {&RECORD, SIDE_NEW, "12345678901234567890", NULL, "is not the id of a record", NULL},
    {&RECORD, SIDE_CANONICAL, "salesforce:0015g00000AbCdE", NULL, "is not the key of a record",
     NULL},
    {&RECORD, SIDE_CANONICAL, "salesforce:", NULL, "is not the key of a record", NULL},
    {&RECORD, SIDE_CANONICAL, "zendesk:1", NULL, "is not the key of a record", NULL},
    {&RECORD, SIDE_CANONICAL, "501", NULL, "is not the key of a record", NULL},
    {&PERSON, SIDE_OLD, "Ann@Example.com", "ann@example.com", NULL, NULL},
    {&PERSON, SIDE_OLD, "0055g00000AbCdE", "salesforce:0055g00000AbCdEAAV", NULL,
     "0055g00000AbCdEAAV"},
    {&PERSON, SIDE_NEW, "77", "hubspot:77", NULL, "77"},
    {&PERSON, SIDE_CANONICAL, "ann@example.com", "ann@example.com", NULL, "ann@example.com"},
    {&PERSON, SIDE_OLD, "ann@", NULL, "is not an e-mail address", NULL},
    {&PERSON, SIDE_OLD, "Ann Lee", NULL, "is not the id of a record", NULL},
};

/* From a heap copy without a byte to spare, so that the sanitizer sees every read behind it. */
static int parse(const struct value_rules *rules, enum value_side side, const char *raw,
                 struct value *ret_value, struct err *err)
{
    size_t len = strlen(raw);
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, raw, len);
    int failed =
        value_parse(rules, side, JSON_STRING_, (struct span){copy, len}, &arena, ret_value, err);
    if (!failed && ret_value->kind == VALUE_SET)
        ret_value->text = arena_copy(&arena, ret_value->text);
    free(copy);
    return failed;
}

static void check_back(size_t i, struct value value)
{
    struct span back = value_write(CASES[i].rules, CASES[i].side, value, &arena);
    if (CASES[i].back ? !span_is(back, CASES[i].back) : back.data != NULL)
        fail_msg("%s goes back as %.*s", CASES[i].raw, (int)back.len, back.data ? back.data : "");
}

static void cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct value value = {VALUE_MISSING, SPAN_NONE}, again;
        struct err err = ERR_INIT;
        int failed = parse(CASES[i].rules, CASES[i].side, CASES[i].raw, &value, &err);
        if (failed != (CASES[i].refusal ? -1 : 0) ||
            (failed && strcmp(err.text, CASES[i].refusal) != 0))
            fail_msg("%s: %s", CASES[i].raw, failed ? err.text : "taken");
        if (failed)
            continue;
        assert_int_equal(value.kind, CASES[i].want ? VALUE_SET : VALUE_BLANK);
        if (CASES[i].want && !span_is(value.text, CASES[i].want))
            fail_msg("%s: %.*s", CASES[i].raw, (int)value.text.len, value.text.data);
        check_back(i, value);
        /* Canonical texts are read as themselves. */
        if (CASES[i].want && CASES[i].rules != &AMOUNT &&
            (parse(CASES[i].rules, SIDE_CANONICAL, CASES[i].want, &again, &err) ||
             !value_equal(value, again)))
            fail_msg("%s is not stable: %s", CASES[i].want, err.text);
    }
}

static void limits(void **state)
{
    (void)state;
    struct value value;
    struct err err = ERR_INIT;
    char many[2002];
    memset(many, ';', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    assert_int_equal(parse(&PLAIN, SIDE_OLD, many, &value, &err), -1);
    assert_string_equal(err.text, "has more than 1000 values");
    err_clear(&err);
    assert_int_equal(
        value_parse(&RECORD, SIDE_OLD, JSON_OBJECT_, span_of("{}"), &arena, &value, &err), -1);
    assert_string_equal(err.text, "is a list or an object, where one value belongs");
}

/* What a side has no word for. */
static void no_words(void **state)
{
    (void)state;
    const struct value only_old = {VALUE_SET, span_of("only_old;web")},
                       web = {VALUE_SET, span_of("web")}, key = {VALUE_SET, span_of(OLD_KEY)},
                       blank = {VALUE_BLANK, SPAN_NONE};
    assert_null(value_write(&TABLE, SIDE_NEW, only_old, &arena).data);
    assert_null(value_for_side(&TABLE, SIDE_NEW, web).data);
    assert_true(span_is(value_for_side(&PLAIN, SIDE_NEW, web), "web"));
    assert_null(value_write(&RECORD, SIDE_NEW, key, &arena).data);
    assert_null(value_write(&RECORD, SIDE_OLD, blank, &arena).data);
}

static void ids(void **state)
{
    (void)state;
    static const struct {
        enum value_id_form form;
        const char *id, *want;
    } rows[] = {
        {VALUE_ID_SALESFORCE, "001D000000IqhSL", "001D000000IqhSLIAZ"}, /* Salesforce's example */
        {VALUE_ID_SALESFORCE, "001D000000IqhSLIAZ", "001D000000IqhSLIAZ"},
        {VALUE_ID_SALESFORCE, "001d000000iqhslIAZ", NULL}, /* the case was lost */
        {VALUE_ID_SALESFORCE, "001D000000IqhSLI", NULL},
        {VALUE_ID_SALESFORCE, "", NULL},
        {VALUE_ID_DIGITS, "1234567890123456789", "1234567890123456789"},
        {VALUE_ID_DIGITS, "0", NULL},
        {VALUE_ID_DIGITS, "12a", NULL},
        {VALUE_ID_TEXT, "any thing: 1", "any thing: 1"},
        {VALUE_ID_TEXT, "a\nb", NULL},
        {VALUE_ID_TEXT, SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span id = value_id(rows[i].form, span_of(rows[i].id), &arena);
        if (rows[i].want ? !span_is(id, rows[i].want) : id.data != NULL)
            fail_msg("%s: %.*s", rows[i].id, (int)id.len, id.data ? id.data : "");
    }
    for (int form = 0; form < VALUE_ID_FORM_COUNT; form++)
        assert_int_equal(value_id_form_parse(value_id_form_name((enum value_id_form)form)), form);
    assert_int_equal(value_id_form_parse("uuid"), -1);
    assert_string_equal(value_id_form_name(VALUE_ID_FORM_COUNT), "?");
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
        cmocka_unit_test(cases),
        cmocka_unit_test(limits),
        cmocka_unit_test(no_words),
        cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
