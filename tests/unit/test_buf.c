/*
 * test_buf — growth, limits and the encodings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define BYTES(text)              \
    (struct span)                \
    {                            \
        (text), sizeof(text) - 1 \
    }

static void spans(void **state)
{
    (void)state;
    assert_true(span_equal(SPAN_NONE, SPAN_NONE));
    assert_false(span_equal(SPAN_NONE, BYTES("")));
    assert_true(span_equal(BYTES(""), BYTES("")));
    assert_true(span_is(BYTES("ab"), "ab"));
    assert_false(span_is(BYTES("ab"), "abc"));
    assert_false(span_is(BYTES("abc"), "ab"));
    assert_true(span_is(SPAN_NONE, NULL));
    assert_false(span_is(BYTES(""), NULL));
    assert_null(span_of(NULL).data);
}

static void grows_and_is_terminated(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 0);
    assert_int_equal(buf.max_bytes, BUF_DEFAULT_MAX_BYTES);
    assert_int_equal(buf_span(&buf).len, 0);
    for (int i = 0; i < 10000; i++)
        buf_printf(&buf, "%d,", i % 10);
    assert_false(buf.failed);
    assert_int_equal(buf.len, 20000);
    assert_int_equal(strlen(buf.data), 20000);
    buf_reset(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    buf_clear(&buf);
    buf_clear(NULL);
}

static void stops_at_its_limit(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    buf_puts(&buf, "0123456789");
    assert_false(buf.failed);
    assert_string_equal(buf.data, "0123456789");
    buf_putc(&buf, 'x');
    assert_true(buf.failed);
    assert_string_equal(buf.data, "0123456789");
    buf_puts(&buf, "");
    assert_true(buf.failed);
    assert_null(buf_take(&buf));
    buf_puts(&buf, "short");
    assert_false(buf.failed);
    buf_puts(&buf, "too long now");
    buf_puts(&buf, "fits");
    assert_string_equal(buf.data, "short");
    buf_clear(&buf);
}

static void taken_text_is_the_callers(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 0);
    char *empty = buf_take(&buf);
    assert_string_equal(empty, "");
    buf_puts(&buf, "mine");
    char *text = buf_take(&buf);
    assert_string_equal(text, "mine");
    assert_int_equal(buf.len, 0);
    assert_null(buf.data);
    free(text);
    free(empty);
}

static void integers(void **state)
{
    (void)state;
    static const int64_t cases[] = {0, 1, -1, 9, 10, -10, 123456789, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char want[32];
        (void)snprintf(want, sizeof(want), "%" PRId64, cases[i]);
        struct buf buf;
        buf_init(&buf, 0);
        buf_put_int(&buf, cases[i]);
        assert_string_equal(buf.data, want);
        buf_clear(&buf);
    }
}

static void json_strings(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct span given;
        const char *want;
    } cases[] = {
        {"none", {NULL, 0}, "\"\""},
        {"plain", {"Ada", 3}, "\"Ada\""},
        {"quote and backslash", {"\"\\/", 3}, "\"\\\"\\\\/\""},
        {"short escapes", {"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {"control", {"\x01\x1f", 2}, "\"\\u0001\\u001f\""},
        {"NUL inside", {"a\0b", 3}, "\"a\\u0000b\""},
        {"DEL stays", {"\x7f", 1}, "\"\x7f\""},
        {"two, three, four bytes",
         {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9},
         "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {"lone continuation", {"a\x80z", 3}, "\"a\xEF\xBF\xBDz\""},
        {"cut sequence", {"a\xE2\x82", 3}, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"overlong", {"\xC0\xAF", 2}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"overlong of three", {"\xE0\x80\x80", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"surrogate", {"\xED\xA0\x80", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"above U+10FFFF",
         {"\xF4\x90\x80\x80", 4},
         "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"lead that never was", {"\xFF", 1}, "\"\xEF\xBF\xBD\""},
        {"last code point", {"\xF4\x8F\xBF\xBF", 4}, "\"\xF4\x8F\xBF\xBF\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf buf;
        buf_init(&buf, 0);
        buf_put_json_string(&buf, cases[i].given);
        if (strcmp(buf.data, cases[i].want) != 0)
            fail_msg("%s: %s, not %s", cases[i].name, buf.data, cases[i].want);
        buf_clear(&buf);
    }
}

static void names_and_urls(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 0);
    buf_put_json_name(&buf, "op");
    assert_string_equal(buf.data, "\"op\":");
    buf_reset(&buf);
    buf_put_url(&buf, BYTES("az-AZ_09.~ /?&=+%\xC3\xA9"));
    assert_string_equal(buf.data, "az-AZ_09.~%20%2F%3F%26%3D%2B%25%C3%A9");
    buf_clear(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans),
        cmocka_unit_test(grows_and_is_terminated),
        cmocka_unit_test(stops_at_its_limit),
        cmocka_unit_test(taken_text_is_the_callers),
        cmocka_unit_test(integers),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(names_and_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
