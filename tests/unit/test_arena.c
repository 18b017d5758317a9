/*
 * test_arena — memory of one page: zeroed, aligned, kept until the reset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"

static void zeroed_and_aligned(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 16 * 1024, 100 * 1024, 3 * 1024 * 1024};
    struct arena arena;
    arena_init(&arena);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            unsigned char *memory = arena_alloc(&arena, sizes[i]);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 16, 0);
            for (size_t k = 0; k < sizes[i]; k++)
                if (memory[k])
                    fail_msg("byte %zu of %zu is not zero", k, sizes[i]);
            memset(memory, 0xAA, sizes[i]);
        }
        assert_true(arena.used_bytes > 3 * 1024 * 1024);
        arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
    }
    arena_clear(&arena);
    arena_clear(NULL);
}

static void pieces_do_not_overlap(void **state)
{
    (void)state;
    enum { PIECES = 2000 };
    struct arena arena;
    arena_init(&arena);
    uint32_t *pieces[PIECES];
    for (uint32_t i = 0; i < PIECES; i++) {
        pieces[i] = arena_new(&arena, uint32_t, 10);
        for (int k = 0; k < 10; k++)
            pieces[i][k] = i;
    }
    for (uint32_t i = 0; i < PIECES; i++)
        for (int k = 0; k < 10; k++)
            assert_int_equal(pieces[i][k], i);
    arena_clear(&arena);
}

static void copies(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct span copy = arena_copy(&arena, (struct span){"abcdef", 3});
    assert_string_equal(copy.data, "abc");
    assert_int_equal(copy.len, 3);
    assert_null(arena_copy(&arena, SPAN_NONE).data);
    struct span empty = arena_copy(&arena, span_of(""));
    assert_non_null(empty.data);
    assert_int_equal(empty.len, 0);
    char *text = arena_printf(&arena, "%s=%d", "n", 42);
    assert_string_equal(text, "n=42");
    struct span joined = ARENA_JOIN(&arena, span_of("n"), SPAN_NONE, span_of("="), copy);
    assert_string_equal(joined.data, "n=abc");
    assert_int_equal(joined.len, 5);
    arena_clear(&arena);
}

/* What is kept is used again, zeroed, in pieces that fit and in pieces that do not. */
static void keeps_what_it_may(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    arena.keep_bytes = 256 * 1024;
    for (size_t round = 0; round < 20; round++) {
        unsigned char *pieces[40];
        size_t bytes = 1 + round * 7919 % 90000;
        for (size_t i = 0; i < 40; i++) {
            pieces[i] = arena_alloc(&arena, bytes);
            for (size_t k = 0; k < bytes; k++)
                if (pieces[i][k])
                    fail_msg("round %zu: byte %zu of %zu is not zero", round, k, bytes);
            memset(pieces[i], (int)i + 1, bytes);
        }
        for (size_t i = 0; i < 40; i++)
            assert_int_equal(pieces[i][bytes - 1], i + 1);
        arena_reset(&arena);
        assert_int_equal(arena.keep_bytes, 256 * 1024);
    }
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_and_aligned),
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(copies),
        cmocka_unit_test(keeps_what_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
