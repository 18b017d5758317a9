/*
 * test_row — rows as bytes: there and back, what is refused, and what Redis
 * derives from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "model/state.h"

static const struct value_reference COMPANY = {.to = "company"};
static const struct value_reference OWNER = {.to = "owner", .by_email = true};
static const struct field FIELDS[] = {
    {.name = "email", .rules = {.type = VALUE_EMAIL}},
    {.name = "count", .rules = {.type = VALUE_INTEGER}},
    {.name = "notes", .rules = {.type = VALUE_STRING}},
    {.name = "city", .rules = {.type = VALUE_STRING}},
    {.name = "company", .rules = {.type = VALUE_REFERENCE, .reference = &COMPANY}},
    {.name = "owner", .rules = {.type = VALUE_REFERENCE, .reference = &OWNER}},
};
static const int SORTED[] = {3, 4, 1, 0, 2, 5};
static const struct entity CONTACT = {
    .name = "contact", .fields = FIELDS, .field_count = 6, .sorted = SORTED};
/* The same after a mapping lost a field. */
static const int SORTED_LESS[] = {1, 0, 2};
static const struct entity LESS = {
    .name = "contact", .fields = FIELDS, .field_count = 3, .sorted = SORTED_LESS};

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct arena arena;
static struct json_tape tape;

static const char *const WHOLE =
    "{\"v\":1,\"key\":\"sf:003\\\"A\",\"status\":\"held\",\"epoch\":42,"
    "\"version\":{\"modified_ms\":-5,\"observed_from_ms\":100,\"observed_to_ms\":1200,"
    "\"generation\":3},"
    "\"hash\":\"" A64 "\",\"event_id\":\"" B64
    "\",\"deleted\":true,\"redirect\":\"sf:004\",\"twin\":\"501\",\"op\":\"0.42.7\","
    "\"base\":{\"email\":{\"old\":\"a@b\",\"new\":\"c@d\"},\"count\":{\"old\":7},"
    "\"notes\":{\"old\":{\"sha256\":\"" A64 "\",\"bytes\":2000},\"new\":\"x\\ny\"},"
    "\"city\":{\"old\":null,\"new\":\"Bonn\",\"unconfirmed\":true}},"
    "\"sent\":{\"email\":\"a@b\",\"count\":7,\"city\":null},"
    "\"held\":[{\"class\":\"conflict\",\"field\":\"count\",\"old\":7,\"new\":null},"
    "{\"class\":\"identity\",\"detail\":\"sf:\\u0001\",\"since_ms\":1767312001000,\"who\":\"u:7\"},"
    "{\"class\":\"unconfirmed\",\"field\":"
    "\"city\",\"old\":\"K\xC3\xB6ln\"}],"
    "\"claims\":[\"email=a@b\",\"id=501\",\"a\\tb\"],"
    "\"awaits\":[{\"field\":\"company\",\"old\":\"sf:001\",\"since_ms\":5},{\"field\":"
    "\"owner\",\"old\":null,\"later\":true}],\"look_ms\":77,\"waits_on\":\"email=c@d\",\"due_ms\":"
    "1767312009000,\"attempt\":2,"
    "\"why\":\"waits\",\"pending\":{\"after\":{\"x\":[1,2.50]}}}";

static const char *const LEAST = "{\"v\":1,\"key\":\"sf:1\",\"status\":\"idle\",\"epoch\":0}";
static const char *const OPEN_ENDED = "{\"v\":1,\"key\":\"sf:1\",\"status\":\"waiting\",\"epoch\":"
                                      "9,\"version\":{\"modified_ms\":1,\"observed_from_ms\":0,"
                                      "\"generation\":1},\"base\":{\"city\":{\"old\":\"Bonn\"}}}";

static int decode(const struct entity *entity, const char *text, struct row *ret_row,
                  struct err *err)
{
    return row_decode(entity, span_of(text), &tape, &arena, ret_row, err);
}

/* The tape is used for something else in between: a row borrows its text and the arena only. */
static void spoil_tape(void)
{
    struct err err = ERR_INIT;
    assert_int_equal(
        json_parse(&tape, span_of("[\"\\u0058\\u0058\\u0058\\u0058\\u0058\\u0058\",1]"), &err), 0);
}

static void there_and_back(void **state)
{
    (void)state;
    const char *const texts[] = {WHOLE, LEAST, OPEN_ENDED};
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct row row;
        struct err err = ERR_INIT;
        if (decode(&CONTACT, texts[i], &row, &err))
            fail_msg("%s", err.text);
        spoil_tape();
        buf_reset(&out);
        row_encode(&row, &CONTACT, &out);
        assert_false(out.failed);
        assert_string_equal(out.data, texts[i]);
    }
    buf_clear(&out);
}

static void members(void **state)
{
    (void)state;
    struct row row;
    struct err err = ERR_INIT;
    assert_int_equal(decode(&CONTACT, WHOLE, &row, &err), 0);
    assert_true(span_is(row.key, "sf:003\"A"));
    assert_int_equal(row.status, STATE_HELD);
    assert_int_equal(row.epoch, 42);
    assert_true(row.has_version && row.deleted);
    assert_int_equal(row.version.modified_ms, -5);
    assert_int_equal(row.version.observed_to_ms, 1200);
    assert_string_equal(row.hash, A64);
    assert_string_equal(row.event_id, B64);
    assert_true(base_is(row.base[0].new_side, (struct value){VALUE_SET, span_of("c@d")}));
    assert_true(span_equal(row.base[1].old_side.text, row.base[1].new_side.text));
    assert_int_equal(row.base[2].old_side.bytes, 2000);
    assert_true(row.base[3].known && row.base[3].unconfirmed);
    assert_int_equal(row.base[3].old_side.kind, VALUE_BLANK);
    assert_int_equal(row.sent[2].kind, VALUE_MISSING);
    assert_int_equal(row.sent[3].kind, VALUE_BLANK);
    assert_int_equal(row.held_count, 3);
    assert_int_equal(row.held[0].field, 1);
    assert_int_equal(row.held[0].new_now.kind, VALUE_BLANK);
    assert_int_equal(row.held[1].field, -1);
    assert_int_equal(row.held[1].old_now.kind, VALUE_MISSING);
    assert_true(span_is(row.held[1].detail, "sf:\x01"));
    assert_true(row.held[1].since_ms == 1767312001000 && span_is(row.held[1].who, "u:7"));
    assert_int_equal(row.claim_count, 3);
    assert_true(span_is(row.claims[2], "a\tb"));
    assert_int_equal(row.attempt, 2);
    assert_true(span_is(row.pending, "{\"after\":{\"x\":[1,2.50]}}"));

    assert_int_equal(decode(&CONTACT, LEAST, &row, &err), 0);
    assert_false(row.has_version || row.deleted);
    assert_string_equal(row.hash, "");
    assert_int_equal(row.twin.len + row.op.len + row.pending.len + row.waits_on.len, 0);
    assert_int_equal(decode(&CONTACT, OPEN_ENDED, &row, &err), 0);
    assert_int_equal(row.version.observed_to_ms, INT64_MAX);
}

/* A field that is not in the mapping any more leaves the row. */
static void lost_field(void **state)
{
    (void)state;
    struct row row;
    struct err err = ERR_INIT;
    assert_int_equal(decode(&LESS, WHOLE, &row, &err), 0);
    assert_int_equal(row.held_count, 2);
    assert_int_equal(row.held[1].class_, HELD_IDENTITY);
    struct buf out;
    buf_init(&out, 0);
    row_encode(&row, &LESS, &out);
    assert_null(strstr(out.data, "city"));
    assert_non_null(strstr(out.data, "\"notes\""));
    buf_clear(&out);
}

static const struct {
    const char *text, *want;
    enum err_kind kind;
} REFUSED[] = {
#define ROW_WITH(members) "{\"v\":1,\"key\":\"a\",\"status\":\"idle\",\"epoch\":1" members "}"
    {"", "not a row: JSON, byte 0: the text ends too early", ERR_REJECT},
    {"{}", "not a row: no format version", ERR_REJECT},
    {"[]", "not a row: no format version", ERR_REJECT},
    {"7", "not a row: no format version", ERR_REJECT},
    {"{\"v\":\"1\"}", "not a row: no format version", ERR_REJECT},
    {"{\"v\":0}", "not a row: no format version", ERR_REJECT},
    {"{\"v\":2,\"anything\":1}",
     "a row has format version 2, this process knows 1: upgrade it first", ERR_FATAL},
    {"{\"v\":1,\"key\":\"a\",\"status\":\"idle\",\"colour\":1}",
     "a row has a member that this process does not know, \"colour\": upgrade it first", ERR_FATAL},
    {"{\"v\":1,\"status\":\"idle\",\"epoch\":1}", "not a row: no key", ERR_REJECT},
    {"{\"v\":1,\"key\":\"a\",\"epoch\":1}", "not a row: no status", ERR_REJECT},
    {"{\"v\":1,\"key\":\"a\",\"status\":\"idle\"}", "not a row: no epoch", ERR_REJECT},
    {ROW_WITH(",\"key\":\"b\""), "not a row: key", ERR_REJECT},
    {"{\"v\":1,\"key\":7,\"status\":\"idle\",\"epoch\":1}", "not a row: key", ERR_REJECT},
    {"{\"v\":1,\"key\":\"a\",\"status\":\"busy\",\"epoch\":1}", "not a row: its status",
     ERR_REJECT},
    {"{\"v\":1,\"key\":\"a\",\"status\":\"idle\",\"epoch\":1.5}", "not a row: a number",
     ERR_REJECT},
    {ROW_WITH(",\"version\":{\"modified_ms\":1,\"generation\":1}"), "not a row: a version",
     ERR_REJECT},
    {ROW_WITH(",\"version\":{\"observed_from_ms\":1,\"generation\":1}"), "not a row: a version",
     ERR_REJECT},
    {ROW_WITH(",\"version\":{\"modified_ms\":1,\"observed_from_ms\":1}"), "not a row: a version",
     ERR_REJECT},
    {ROW_WITH(",\"version\":{\"modified_ms\":1,\"observed_from_ms\":1,\"observed_to_ms\":\"x\","
              "\"generation\":1}"),
     "not a row: a version", ERR_REJECT},
    {ROW_WITH(",\"hash\":\"abc\""), "not a row: a hash", ERR_REJECT},
    {ROW_WITH(",\"hash\":\"A123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""),
     "not a row: a hash", ERR_REJECT},
    {ROW_WITH(",\"hash\":\":123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""),
     "not a row: a hash", ERR_REJECT},
    {ROW_WITH(",\"hash\":\"z123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""),
     "not a row: a hash", ERR_REJECT},
    {ROW_WITH(",\"hash\":\"!123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""),
     "not a row: a hash", ERR_REJECT},
    {ROW_WITH(",\"base\":{\"city\":{}}"), "not a row: a base", ERR_REJECT},
    {ROW_WITH(",\"base\":{\"city\":{\"old\":[]}}"), "not a row: a value", ERR_REJECT},
    {ROW_WITH(",\"base\":{\"city\":{\"old\":\"a\",\"new\":{}}}"), "not a row: a long base",
     ERR_REJECT},
    {ROW_WITH(",\"base\":{\"city\":{\"old\":{\"sha256\":\"x\",\"bytes\":2000}}}"),
     "not a row: a hash", ERR_REJECT},
    {ROW_WITH(",\"base\":{\"city\":{\"old\":{\"sha256\":\"" A64 "\"}}}"), "not a row: a long base",
     ERR_REJECT},
    {ROW_WITH(",\"base\":{\"city\":{\"old\":{\"sha256\":\"" A64 "\",\"bytes\":3}}}"),
     "not a row: a long base", ERR_REJECT},
    {ROW_WITH(",\"sent\":{\"city\":{}}"), "not a row: a value", ERR_REJECT},
    {ROW_WITH(",\"held\":[{}]"), "not a row: the class of a question", ERR_REJECT},
    {ROW_WITH(",\"held\":[{\"class\":\"odd\"}]"), "not a row: the class of a question", ERR_REJECT},
    {ROW_WITH(",\"held\":[{\"class\":\"conflict\",\"old\":[]}]"), "not a row: a value", ERR_REJECT},
    {ROW_WITH(",\"held\":[{\"class\":\"conflict\",\"new\":[]}]"), "not a row: a value", ERR_REJECT},
    {ROW_WITH(",\"held\":{}"), "not a row: held", ERR_REJECT},
    {ROW_WITH(",\"claims\":[1]"), "not a row: its claims", ERR_REJECT},
    {ROW_WITH(",\"claims\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
              "\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]"),
     "not a row: its claims", ERR_REJECT},
    {ROW_WITH(",\"attempt\":-1"), "not a row: its attempt", ERR_REJECT},
    {ROW_WITH(",\"attempt\":3000000000"), "not a row: its attempt", ERR_REJECT},
    {ROW_WITH(",\"attempt\":1e1"), "not a row: its attempt", ERR_REJECT},
    {ROW_WITH(",\"pending\":\"x\""), "not a row: pending", ERR_REJECT},
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        struct row row = {.epoch = 77};
        struct err err = ERR_INIT;
        if (!decode(&CONTACT, REFUSED[i].text, &row, &err))
            fail_msg("%s was taken", REFUSED[i].text);
        if (err.kind != REFUSED[i].kind || strcmp(err.text, REFUSED[i].want) != 0)
            fail_msg("%s: %s, not %s", REFUSED[i].text, err.text, REFUSED[i].want);
        assert_int_equal(row.epoch, 77);
    }
}

static void too_large(void **state)
{
    (void)state;
    struct row row;
    row_init(&row, &CONTACT, span_of("a"), &arena);
    char *text = calloc(1, ROW_TEXT_MAX_BYTES + 1);
    assert_non_null(text);
    memset(text, 'x', ROW_TEXT_MAX_BYTES);
    struct buf out;
    buf_init(&out, 0);
    row.why = (struct span){text, ROW_TEXT_MAX_BYTES - 1000};
    row_encode(&row, &CONTACT, &out);
    assert_false(out.failed);
    buf_reset(&out);
    row.why.len = ROW_TEXT_MAX_BYTES;
    row_encode(&row, &CONTACT, &out);
    assert_true(out.failed);
    buf_clear(&out);
    free(text);
}

#define AWAITS                                                                          \
    ",\"awaits\":[{\"field\":\"company\",\"old\":\"sf:001\"},"                          \
    "{\"field\":\"owner\",\"old\":\"a@b\"},{\"field\":\"company\",\"old\":\"sf:001\"}," \
    "{\"field\":\"gone\",\"old\":\"sf:2\"},{\"field\":\"company\",\"old\":null},"       \
    "{\"field\":\"company\",\"old\":\"sf:9\",\"later\":true}]"

static void index_lines(void **state)
{
    (void)state;
    static const struct {
        const char *members, *want;
    } cases[] = {
        {"", ""},
        {",\"twin\":\"501\"", ""},
        {",\"claims\":[\"id=501\",\"email=b\",\"email=a\",\"email=ab\"],\"twin\":\"501\",\"waits_"
         "on\":\"email=c\",\"due_ms\":12",
         "cemail=a\ncemail=ab\ncemail=b\ncid=501\nd12\nwemail=c\n"},
        {AWAITS, ""}, /* no twin: nothing of it is written yet */
        {",\"twin\":\"501\"" AWAITS, "rcompany:sf:001\n"},
        {",\"twin\":\"501\",\"due_ms\":9" AWAITS ",\"look_ms\":12", "d9\nrcompany:sf:001\n"},
        {",\"twin\":\"501\",\"due_ms\":90" AWAITS ",\"look_ms\":12", "d12\nrcompany:sf:001\n"},
        {",\"twin\":\"501\",\"pending\":{}" AWAITS ",\"look_ms\":12", ""},
        {",\"twin\":\"501\",\"deleted\":true" AWAITS, ""},
        {",\"twin\":\"501\",\"waits_on\":\"id=7\"" AWAITS, "wid=7\n"},
        {",\"claims\":[\"a\",\"a\"]", "ca\nca\n"},
        {",\"claims\":[\"\"]", "c\n"},
        {",\"claims\":[\"a\\nb\"]", NULL},
        {",\"waits_on\":\"\\n\"", NULL},
    };
    struct buf out, text;
    buf_init(&out, 0);
    buf_init(&text, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_reset(&text);
        buf_printf(&text, "{\"v\":1,\"key\":\"a\",\"status\":\"idle\",\"epoch\":1%s}",
                   cases[i].members);
        struct row row;
        struct err err = ERR_INIT;
        assert_int_equal(decode(&CONTACT, text.data, &row, &err), 0);
        buf_reset(&out);
        row_index(&row, &out);
        assert_int_equal(out.failed, cases[i].want == NULL);
        if (cases[i].want)
            assert_string_equal(buf_span(&out).data, cases[i].want);
    }
    buf_clear(&out);
    buf_clear(&text);
}

static int open_all(void **state)
{
    (void)state;
    arena_init(&arena);
    json_tape_init(&tape);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    arena_clear(&arena);
    json_tape_clear(&tape);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(members),
        cmocka_unit_test(lost_field),     cmocka_unit_test(refused),
        cmocka_unit_test(too_large),      cmocka_unit_test(index_lines),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
