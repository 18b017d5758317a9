/*
 * test_err — the first message wins; context goes in front of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"

static void first_message_wins(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(err_set(&err, ERR_REJECT, "field %s", "email"), -1);
    assert_int_equal(err_set(&err, ERR_FATAL, "second"), -1);
    assert_int_equal(err.kind, ERR_REJECT);
    assert_string_equal(err.text, "field email");
    assert_int_equal(err.exit_code, 0);
    assert_int_equal(err_wrap(&err, "record %d", 7), -1);
    assert_string_equal(err.text, "record 7: field email");
    err_clear(&err);
    assert_int_equal(err.kind, ERR_NONE);
    assert_string_equal(err.text, "");
    assert_int_equal(err_set(&err, ERR_RETRY, "again"), -1);
    assert_string_equal(err.text, "again");
}

static void exit_codes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(err_exit(&err, EX_CONFIG, "bad"), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_int_equal(err.exit_code, EX_CONFIG);
    err_clear(&err);
    (void)err_set(&err, ERR_FATAL, "worse");
    assert_int_equal(err.exit_code, EX_SOFTWARE);
}

static void null_and_empty_are_fine(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_RETRY, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    err_clear(NULL);
    struct err err = ERR_INIT;
    assert_int_equal(err_wrap(&err, "context"), -1);
    assert_string_equal(err.text, "");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char text[2 * ERR_TEXT_BYTES];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct err err = ERR_INIT;
    (void)err_set(&err, ERR_RETRY, "%s", text);
    assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
    (void)err_wrap(&err, "ctx");
    assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
    assert_memory_equal(err.text, "ctx: xxx", 8);
    (void)err_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
}

static void kind_names(void **state)
{
    (void)state;
    static const char *const want[] = {"none", "retry", "reject", "fatal"};
    for (int kind = 0; kind < ERR_KIND_COUNT; kind++)
        assert_string_equal(err_kind_name((enum err_kind)kind), want[kind]);
    assert_string_equal(err_kind_name(ERR_KIND_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_message_wins),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(null_and_empty_are_fine),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(kind_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
