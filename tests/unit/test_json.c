/*
 * test_json — texts and the tapes they become; texts that are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

static struct json_tape tape;

/* Parsed from an exact heap copy, so that the sanitizer sees every byte read behind it. */
static char *copy;
static int parse(struct span text, struct err *err)
{
    free(copy);
    copy = malloc(text.len ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.len);
    return json_parse(&tape, (struct span){copy, text.len}, err);
}

static void must_parse(const char *text)
{
    struct err err = ERR_INIT;
    if (parse(span_of(text), &err))
        fail_msg("%s: %s", text, err.text);
}

#define TEXT(literal)                  \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

/* What the first token is. */
static void scalars(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        enum json_type type;
        struct span want;
    } cases[] = {
        {TEXT("null"), JSON_NULL_, TEXT("null")},
        {TEXT(" true "), JSON_BOOL_, TEXT("true")},
        {TEXT("\tfalse\r\n"), JSON_BOOL_, TEXT("false")},
        {TEXT("12"), JSON_NUMBER_, TEXT("12")},
        {TEXT("  12"), JSON_NUMBER_, TEXT("12")},
        {TEXT("-0"), JSON_NUMBER_, TEXT("-0")},
        {TEXT("1.50"), JSON_NUMBER_, TEXT("1.50")},
        {TEXT("1E+03 "), JSON_NUMBER_, TEXT("1E+03")},
        {TEXT("123456789012345678901234567890.00"), JSON_NUMBER_,
         TEXT("123456789012345678901234567890.00")},
        {TEXT("\"\""), JSON_STRING_, TEXT("")},
        {TEXT("\"a b\""), JSON_STRING_, TEXT("a b")},
        {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), JSON_STRING_, TEXT("\"\\/\b\f\n\r\t")},
        {TEXT(" \"\\u0041\\u00e9\\u20AC\""), JSON_STRING_, TEXT("A\xC3\xA9\xE2\x82\xAC")},
        {TEXT("\"\\ud83d\\ude00!\""), JSON_STRING_, TEXT("\xF0\x9F\x98\x80!")},
        {TEXT("\"\\uDBFF\\uDFFF\""), JSON_STRING_, TEXT("\xF4\x8F\xBF\xBF")},
        {TEXT("\"a\\u0000b\""), JSON_STRING_, TEXT("a\0b")},
        {TEXT("\"\\ud800\""), JSON_STRING_, TEXT("\xEF\xBF\xBD")},
        {TEXT("\"\\udc00x\""), JSON_STRING_, TEXT("\xEF\xBF\xBDx")},
        {TEXT("\"\\ud800\\u0041\""), JSON_STRING_,
         TEXT("\xEF\xBF\xBD"
              "A")},
        {TEXT("\"\\ud800\\ud83d\\ude00\""), JSON_STRING_, TEXT("\xEF\xBF\xBD\xF0\x9F\x98\x80")},
        {TEXT("\"\\uFFFF\""), JSON_STRING_, TEXT("\xEF\xBF\xBF")},
        {TEXT("\"\x7F\xC3\xA9\""), JSON_STRING_, TEXT("\x7F\xC3\xA9")},
        {TEXT("{}"), JSON_OBJECT_, TEXT("{}")},
        {TEXT(" [ ] "), JSON_ARRAY_, TEXT("[ ]")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        if (parse(cases[i].text, &err))
            fail_msg("%s: %s", cases[i].text.data, err.text);
        if (tape.count != 1 || tape.tokens[0].type != cases[i].type || tape.tokens[0].next != 1 ||
            !span_equal(json_text(&tape, 0), cases[i].want))
            fail_msg("%s: type %d, \"%.*s\"", cases[i].text.data, tape.tokens[0].type,
                     (int)json_text(&tape, 0).len, json_text(&tape, 0).data);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct span cases[] = {
        TEXT(""),
        TEXT(" "),
        TEXT("nul"),
        TEXT("nulll"),
        TEXT("True"),
        TEXT("[1"),
        TEXT("[1,2"),
        TEXT("{\"a\":1"),
        TEXT("{\"a\""),
        TEXT("[1] x"),
        TEXT("[1][2]"),
        TEXT("1 2"),
        TEXT("[1,]"),
        TEXT("{\"a\":1,}"),
        TEXT("[,1]"),
        TEXT("{a:1}"),
        TEXT("{'a':1}"),
        TEXT("{1:1}"),
        TEXT("[01]"),
        TEXT("[1.]"),
        TEXT("[.5]"),
        TEXT("[+1]"),
        TEXT("[1e]"),
        TEXT("[-]"),
        TEXT("[0x10]"),
        TEXT("NaN"),
        TEXT("[Infinity]"),
        TEXT("\"a"),
        TEXT("\"\\"),
        TEXT("\"\\x41\""),
        TEXT("\"\\u12\""),
        TEXT("\"\\u12g4\""),
        TEXT("\"a\nb\""),
        TEXT("\"a\tb\""),
        TEXT("\"\x1f\""),
        TEXT("\"a\0b\""),
        TEXT("[1]\0"),
        TEXT("/**/[1]"),
        TEXT("[1]//"),
        TEXT("\xEF\xBB\xBF[1]"),
        TEXT("[1}"),
        TEXT("{\"a\":1]"),
        TEXT("]"),
        TEXT("\"\x80\""),
        TEXT("\"\xC3\""),
        TEXT("\"\xC0\xAF\""),
        TEXT("\"\xE0\x80\xAF\""),
        TEXT("\"\xED\xA0\x80\""),
        TEXT("\"\xF4\x90\x80\x80\""),
        TEXT("\"\xF8\x88\x80\x80\x80\""),
        TEXT("\"\xFF\""),
        TEXT("{\"\xC3\":1}"),
        TEXT("[\"\\ud800\\u12\"]"),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        if (!parse(cases[i], &err))
            fail_msg("case %zu: %s was taken", i, cases[i].data);
        assert_int_equal(err.kind, ERR_REJECT);
        assert_memory_equal(err.text, "JSON, byte ", 11);
        assert_null(strchr(err.text, '\n'));
    }
}

static void says_where_and_quotes_nothing(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(parse(span_of("{\"name\": secret}"), &err), -1);
    assert_string_equal(err.text, "JSON, byte 9: invalid character");
    err_clear(&err);
    assert_int_equal(parse(span_of("[\"abc\xC3(\"]"), &err), -1);
    assert_string_equal(err.text, "JSON, byte 5: invalid UTF-8");
}

static void structure(void **state)
{
    (void)state;
    must_parse(
        "{\"a\" : {\"x\":[1 , {\"y\":null}, \"]\"] } , \"b\":[], \"c\":{}, \"\\u0064\":\"e\"}");
    assert_int_equal(tape.tokens[0].next, tape.count);
    uint32_t a = json_get(&tape, 0, "a");
    assert_true(span_is(json_text(&tape, a), "{\"x\":[1 , {\"y\":null}, \"]\"] }"));
    uint32_t x = json_get(&tape, a, "x");
    assert_true(span_is(json_text(&tape, x), "[1 , {\"y\":null}, \"]\"]"));
    assert_true(span_is(json_text(&tape, x + 2), "{\"y\":null}"));
    assert_true(span_is(json_text(&tape, json_get(&tape, 0, "b")), "[]"));
    assert_true(span_is(json_text(&tape, json_get(&tape, 0, "d")), "e"));
    int elements = 0, members = 0;
    for (uint32_t i = json_first(&tape, x); i < json_end(&tape, x); i = tape.tokens[i].next)
        elements++;
    for (uint32_t k = json_first(&tape, 0); k < json_end(&tape, 0); k = tape.tokens[k + 1].next)
        members++;
    assert_int_equal(elements, 3);
    assert_int_equal(members, 4);
}

static void paths(void **state)
{
    (void)state;
    must_parse("{\"paging\":{\"next\":{\"after\":\"77\"}},\"list\":[10,[11,{\"code\":\"X\"}]],"
               "\"n\":-9223372036854775808,\"m\":9223372036854775807,\"o\":9223372036854775808,"
               "\"e\":1e3,\"f\":1.0,\"t\":true,\"s\":\"5\",\"z\":null,\"same\":1,\"same\":2}");
    static const struct {
        const char *path, *want;
    } cases[] = {
        {"paging.next.after", "77"},
        {"paging.next", "{\"after\":\"77\"}"},
        {"list.0", "10"},
        {"list.1.1.code", "X"},
        {"list.-1.0", "11"},
        {"list.1.-1.code", "X"},
        {"list.-2", NULL},
        {"list.1.0", "11"},
        {"z", "null"},
        {"same", "1"},
        {"paging.nope", NULL},
        {"paging.next.after.deeper", NULL},
        {"list.2", NULL},
        {"list.x", NULL},
        {"list.", "[10,[11,{\"code\":\"X\"}]]"},
        {"list..", NULL},
        {"list.99999999999999999999", NULL},
        {"n.0", NULL},
        {"pagin", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t at = json_path(&tape, 0, cases[i].path);
        if (!cases[i].want ? at != 0 : at == 0 || !span_is(json_text(&tape, at), cases[i].want))
            fail_msg("%s", cases[i].path);
    }
    assert_int_equal(json_path(&tape, json_get(&tape, 0, "list"), ""), json_get(&tape, 0, "list"));
    assert_int_equal(json_get(&tape, json_get(&tape, 0, "list"), "0"), 0);

    int64_t number = 7;
    bool truth = false;
    struct span text = SPAN_NONE;
    assert_true(json_int_at(&tape, 0, "n", &number));
    assert_int_equal(number, INT64_MIN);
    assert_true(json_int_at(&tape, 0, "m", &number));
    assert_int_equal(number, INT64_MAX);
    assert_true(json_int_at(&tape, 0, "list.0", &number));
    static const char *const no_int[] = {"o", "e", "f", "t", "s", "z", "list", "none"};
    for (size_t i = 0; i < sizeof(no_int) / sizeof(no_int[0]); i++)
        assert_false(json_int_at(&tape, 0, no_int[i], &number));
    assert_int_equal(number, 10);
    assert_true(json_bool_at(&tape, 0, "t", &truth));
    assert_true(truth);
    assert_false(json_bool_at(&tape, 0, "s", &truth));
    assert_true(json_string_at(&tape, 0, "s", &text));
    assert_true(span_is(text, "5"));
    assert_false(json_string_at(&tape, 0, "n", &text));
    must_parse("12");
    assert_true(json_int_at(&tape, 0, "", &number));
    assert_int_equal(number, 12);
    must_parse("false");
    assert_true(json_bool_at(&tape, 0, "", &truth));
    assert_false(truth);
    assert_false(json_bool_at(&tape, 0, "x", &truth));
}

static void depth_bomb(void **state)
{
    (void)state;
    enum { BOMB = 200000 };
    char *text = malloc(2 * BOMB);
    assert_non_null(text);
    static const int depths[] = {1, JSON_DEPTH_MAX, JSON_DEPTH_MAX + 1, BOMB};
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        size_t depth = (size_t)depths[i];
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct err err = ERR_INIT;
        int failed = parse((struct span){text, 2 * depth}, &err);
        assert_int_equal(failed, depth > JSON_DEPTH_MAX ? -1 : 0);
        if (failed)
            assert_string_equal(err.text, "JSON, byte 64: nested too deeply");
    }
    free(text);
}

/* Every escape of a long text stays where it is while the tape grows. */
static void many_escapes(void **state)
{
    (void)state;
    enum { STRINGS = 5000 };
    struct buf text;
    buf_init(&text, 0);
    buf_putc(&text, '[');
    for (int i = 0; i < STRINGS; i++)
        buf_printf(&text, "%s\"\\n%d\\u20ac\"", i ? "," : "", i);
    buf_putc(&text, ']');
    struct err err = ERR_INIT;
    assert_int_equal(parse(buf_span(&text), &err), 0);
    assert_int_equal(tape.count, STRINGS + 1);
    for (int i = 0; i < STRINGS; i++) {
        char want[32];
        (void)snprintf(want, sizeof(want), "\n%d\xE2\x82\xAC", i);
        assert_true(span_is(json_text(&tape, (uint32_t)i + 1), want));
    }
    buf_clear(&text);
}

/* With an arena to keep them in, unescaped strings outlive the next parse. */
static void kept_strings(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    tape.keep = &arena;
    must_parse("[\"\\u0041\\n\",\"\"]");
    struct span kept = json_text(&tape, 1);
    tape.keep = NULL;
    must_parse("[\"\\u0042\\u0042\\u0042\"]");
    assert_true(span_is(kept, "A\n"));
    arena_clear(&arena);
}

static void utf8_words(void **state)
{
    (void)state;
    char text[40];
    for (size_t bad = 0; bad < sizeof(text); bad++) {
        memset(text, 'a', sizeof(text));
        text[bad] = (char)0xFF;
        assert_int_equal(utf8_valid_bytes((struct span){text, sizeof(text)}), bad);
        assert_true(utf8_is_ascii(text, bad));
        assert_false(utf8_is_ascii(text, sizeof(text)));
    }
    assert_int_equal(utf8_valid_bytes(span_of("a\xC3\xA9z")), 4);
    assert_int_equal(utf8_valid_bytes(SPAN_NONE), 0);
}

static int open_tape(void **state)
{
    (void)state;
    json_tape_init(&tape);
    return 0;
}

static int close_tape(void **state)
{
    (void)state;
    free(copy);
    json_tape_clear(&tape);
    json_tape_clear(NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),      cmocka_unit_test(refused),
        cmocka_unit_test(structure),    cmocka_unit_test(says_where_and_quotes_nothing),
        cmocka_unit_test(paths),        cmocka_unit_test(depth_bomb),
        cmocka_unit_test(many_escapes), cmocka_unit_test(kept_strings),
        cmocka_unit_test(utf8_words),
    };
    return cmocka_run_group_tests(tests, open_tape, close_tape);
}
