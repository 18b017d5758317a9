/*
 * cmocka_analyzer — cmocka's assertions as the static analyzer has to see
 * them: what was asserted holds afterwards. cmocka declares its functions as
 * if they returned. tests/support/tidy.py puts this file in front of tests;
 * the compiler never sees it.
 */
#ifndef TANDEM_TESTS_CMOCKA_ANALYZER_H
#define TANDEM_TESTS_CMOCKA_ANALYZER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ANALYZER_ASSUME(condition) \
    do {                           \
        if (!(condition))          \
            __builtin_trap();      \
    } while (0)

#undef assert_true
#undef assert_false
#undef assert_null
#undef assert_non_null
#undef assert_int_equal
#undef assert_int_not_equal
#undef assert_ptr_equal
#undef assert_return_code
#define assert_true(c)             ANALYZER_ASSUME(c)
#define assert_false(c)            ANALYZER_ASSUME(!(c))
#define assert_null(p)             ANALYZER_ASSUME((p) == NULL)
#define assert_non_null(p)         ANALYZER_ASSUME((p) != NULL)
#define assert_int_equal(a, b)     ANALYZER_ASSUME((a) == (b))
#define assert_int_not_equal(a, b) ANALYZER_ASSUME((a) != (b))
#define assert_ptr_equal(a, b)     ANALYZER_ASSUME((a) == (b))
#define assert_return_code(rc, e)  ANALYZER_ASSUME((rc) >= 0)

#endif
