/*
 * map: what was put is found, a full map says so, and ids that follow each other do not crowd together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/map.h"

enum { KEYS = 2000 };

static void test_put_and_get(void **state)
{
    (void)state;
    struct arena arena;
    struct map map;
    int one = 1, two = 2;
    arena_init(&arena);
    map_init(&map, 2, &arena);
    assert_null(map_get(&map, span_of("a")));
    assert_true(map_put(&map, span_of("a"), &one));
    assert_true(map_put(&map, span_of("b"), &two));
    assert_false(map_put(&map, span_of("c"), &two));
    assert_true(map_put(&map, span_of("a"), &two));
    assert_ptr_equal(map_get(&map, span_of("a")), &two);
    assert_null(map_get(&map, span_of("c")));
    assert_null(map_get(&map, span_of("")));
    arena_clear(&arena);
}

/* The longest row of entries that are taken, one after the other: what a look-up may have to walk. */
static size_t longest_run(const struct map *map)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i <= map->mask; i++) {
        run = map->entries[i].value ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* Ids of one form differ in their last places only: a hash whose low bits do not see those is a list. */
static void test_ids_in_order_are_spread(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        int digits;
        const char *behind;
    } forms[] = {{"", 0, ""},
                 {"", 4, ""},
                 {"", 8, ""},
                 {"1", 7, ""},
                 {"", 12, ""},
                 {"id=10000", 7, ""},
                 {"", 16, ""},
                 {"0035e00", 8, "AAA"},
                 {"salesforce:0035e000000", 4, "AAA"},
                 {"email=person", 5, "@example.com"}};
    for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
        struct arena arena;
        struct map map;
        arena_init(&arena);
        map_init(&map, KEYS, &arena);
        for (int i = 0; i < KEYS; i++) {
            char text[64];
            (void)snprintf(text, sizeof text, "%s%0*d%s", forms[form].before, forms[form].digits, i,
                           forms[form].behind);
            assert_true(map_put(&map, arena_copy(&arena, span_of(text)), &arena));
        }
        assert_int_equal(map.count, KEYS);
        if (longest_run(&map) > 100) /* at random some 20 */
            fail_msg("ids like %s%0*d%s: a run of %zu", forms[form].before, forms[form].digits, 1,
                     forms[form].behind, longest_run(&map));
        arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_get),
        cmocka_unit_test(test_ids_in_order_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
