/*
 * test_alike — which texts say the same, as a table: by themselves, or only where a base says that both agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "consumers/verify/alike.h"

enum want { DIFFER, NORMALISED, ALIKE };

static const struct {
    enum value_type type;
    const char *a, *b;
    enum want want;
} CASES[] = {
    {VALUE_PHONE, "(555) 123-4567", "+15551234567", ALIKE},
    {VALUE_PHONE, "+49 30 1234567", "030 1234567", ALIKE},
    {VALUE_PHONE, "0049 30 1234567", "+49301234567", ALIKE},
    {VALUE_PHONE, "+1 555 123 4567", "+1-555-123-4567", ALIKE},
    {VALUE_PHONE, "+15551234567", "+445551234567", DIFFER},
    {VALUE_PHONE, "123456", "+49123456", DIFFER}, /* too short to be sure */
    {VALUE_PHONE, "5551234567", "5551234568", DIFFER},
    {VALUE_PHONE, "5551234567", "995551234567", DIFFER}, /* nobody says that it is international */
    {VALUE_PHONE, "()", "-", DIFFER},
    {VALUE_PHONE, "5551234567", "", DIFFER},
    {VALUE_EMAIL, "Ann@X.org", "ann@x.org", ALIKE},
    {VALUE_EMAIL, "ann@x.org", "anne@x.org", DIFFER},
    {VALUE_STRING, "Ann ", "Ann", ALIKE},
    {VALUE_STRING, "  ", "", ALIKE},
    {VALUE_STRING, "x", "", DIFFER},
    {VALUE_STRING, "Ann", "ann", NORMALISED},
    {VALUE_STRING, "a  b", "a b", NORMALISED},
    {VALUE_STRING, "Ann", "Anne", DIFFER},
    {VALUE_DECIMAL, "1.005", "1.01", NORMALISED},
    {VALUE_DECIMAL, "9.996", "10", NORMALISED},
    {VALUE_DECIMAL, "0.4", "0", NORMALISED},
    {VALUE_DECIMAL, "-0.4", "0", NORMALISED},
    {VALUE_DECIMAL, "-1.2", "1", DIFFER},
    {VALUE_DECIMAL, "1.004", "1.01", DIFFER},
    {VALUE_DECIMAL, "n/a", "1", DIFFER},
    {VALUE_CURRENCY, "12.345 EUR", "12.35 EUR", NORMALISED},
    {VALUE_CURRENCY, "12.345 EUR", "12.35 USD", DIFFER},
    {VALUE_INTEGER, "1", "2", DIFFER},
    {VALUE_DATE, "2026-01-02", "2026-01-03", DIFFER},
    {VALUE_ENUM, "web", "Web", DIFFER},
};

static struct value value_of(const char *text)
{
    return *text ? (struct value){VALUE_SET, span_of(text)}
                 : (struct value){VALUE_BLANK, SPAN_NONE};
}

static void every_case(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        for (int turn = 0; turn < 2; turn++) { /* both ways */
            struct value a = value_of(turn ? CASES[i].b : CASES[i].a);
            struct value b = value_of(turn ? CASES[i].a : CASES[i].b);
            enum want found = alike(CASES[i].type, a, b, &arena)              ? ALIKE
                              : alike_normalised(CASES[i].type, a, b, &arena) ? NORMALISED
                                                                              : DIFFER;
            if (found != CASES[i].want)
                fail_msg("%s, %s: %d, not %d", CASES[i].a, CASES[i].b, (int)found,
                         (int)CASES[i].want);
        }
    }
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
