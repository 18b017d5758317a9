/*
 * Every byte at every place of texts of every short length: what a JSON string says of it does not depend on where it stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

enum { LENGTH_MAX = 20, EXPECTED_BYTES = 64 };

/* What one byte becomes, by RFC 8259 §7 and buf.h; a byte of UTF-8 that stands alone is invalid. */
static void expect_byte(unsigned char byte, char expected[8])
{
    const char *const shorts = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (const char *at = shorts; *at; at += 2)
        if ((unsigned char)at[0] == byte) {
            (void)snprintf(expected, 8, "\\%c", at[1]);
            return;
        }
    if (byte < 0x20)
        (void)snprintf(expected, 8, "\\u%04x", byte);
    else if (byte >= 0x80)
        (void)snprintf(expected, 8, "\xEF\xBF\xBD");
    else
        (void)snprintf(expected, 8, "%c", byte);
}

static void every_byte_at_every_place(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 0);
    for (int length = 1; length <= LENGTH_MAX; length++)
        for (int place = 0; place < length; place++)
            for (int byte = 0; byte < 256; byte++) {
                char text[LENGTH_MAX], one[8], expected[EXPECTED_BYTES];
                memset(text, 'x', sizeof(text));
                text[place] = (char)byte;
                expect_byte((unsigned char)byte, one);
                (void)snprintf(expected, sizeof(expected), "\"%.*s%s%.*s\"", place,
                               "xxxxxxxxxxxxxxxxxxxx", one, length - place - 1,
                               "xxxxxxxxxxxxxxxxxxxx");
                buf_reset(&buf);
                buf_put_json_string(&buf, (struct span){text, (size_t)length});
                assert_string_equal(buf.data, expected);
            }
    buf_clear(&buf);
}

static void one_byte_after_another(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 300);
    for (int i = 0; i < 300; i++)
        buf_putc(&buf, (char)('a' + i % 26));
    assert_false(buf.failed);
    assert_int_equal(strlen(buf.data), 300);
    buf_putc(&buf, 'z');
    assert_true(buf.failed);
    assert_int_equal(buf.len, 300);
    buf_clear(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(one_byte_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
