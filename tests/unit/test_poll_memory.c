/*
 * test_poll_memory — the overlap memory may only ever say "known" of exactly
 * what was delivered last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "producers/poll/memory.h"

static const char A[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char B[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static void note(struct memory *memory, const char *id, int64_t modified_ms, int64_t observed_ms,
                 const char *event_id)
{
    struct memory_entry entry;
    (void)memory_entry_of(&entry, span_of(id), modified_ms, observed_ms, event_id);
    memory_note(memory, &entry);
}

static bool knows(const struct memory *memory, const char *id, const char *event_id)
{
    return memory_is(memory_find(memory, span_of(id)), event_id);
}

/* One record "r": what was noted in this order, and whether A, then B, is known afterwards. */
static const struct {
    const char *name;
    struct {
        int64_t observed_ms;
        const char *event_id; /* NULL: delivered by other means */
    } noted[4];
    int count;
    bool knows_a, knows_b;
} ROWS[] = {
    {"nothing", {{0}}, 0, false, false},
    {"A", {{10, A}}, 1, true, false},
    {"A then B", {{10, A}, {20, B}}, 2, false, true},
    {"A, B, A: three changes", {{10, A}, {20, B}, {30, A}}, 3, true, false},
    {"a page asked for earlier comes late", {{20, B}, {10, A}}, 2, false, true},
    {"same moment: the later delivery", {{10, A}, {10, B}}, 2, false, true},
    {"hydrated meanwhile", {{10, A}, {20, NULL}}, 2, false, false},
    {"hydrated, then an older page", {{20, NULL}, {10, A}}, 2, false, false},
    {"hydrated, then a newer page", {{20, NULL}, {30, A}}, 2, true, false},
};

static void last_delivery(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct memory memory;
        memory_init(&memory, 10);
        for (int n = 0; n < ROWS[i].count; n++)
            note(&memory, "r", 5, ROWS[i].noted[n].observed_ms, ROWS[i].noted[n].event_id);
        if (knows(&memory, "r", A) != ROWS[i].knows_a || knows(&memory, "r", B) != ROWS[i].knows_b)
            fail_msg("%s", ROWS[i].name);
        assert_false(knows(&memory, "other", A));
        memory_clear(&memory);
    }
}

static void forgets_what_is_not_read_again(void **state)
{
    (void)state;
    char id[32];
    struct memory memory;
    memory_init(&memory, 100000);
    for (int i = 0; i < 50000; i++) {
        (void)snprintf(id, sizeof(id), "003%012dAAA", i);
        note(&memory, id, i, 1, A);
    }
    assert_int_equal(memory.count, 50000);
    size_t before = memory.capacity;
    memory_forget_before(&memory, 49990);
    assert_int_equal(memory.count, 10);
    assert_true(memory.capacity < before);
    assert_int_equal(memory.floor_ms, 49990);
    for (int i = 49980; i < 50000; i++) {
        (void)snprintf(id, sizeof(id), "003%012dAAA", i);
        assert_int_equal(knows(&memory, id, A), i >= 49990);
    }
    memory_clear(&memory);
}

static void full_means_publish(void **state)
{
    (void)state;
    struct memory memory;
    memory_init(&memory, 2);
    note(&memory, "1", 5, 10, A);
    note(&memory, "2", 5, 10, A);
    note(&memory, "3", 5, 10, NULL); /* does not fit: delivered by other means at 10 */
    assert_false(knows(&memory, "3", A));
    note(&memory, "2", 5, 20, B); /* what is known goes on to be right */
    assert_true(knows(&memory, "2", B));
    memory_forget_before(&memory, 6);
    note(&memory, "3", 7, 9, A); /* observed before what did not fit */
    assert_false(knows(&memory, "3", A));
    note(&memory, "3", 7, 11, A);
    assert_true(knows(&memory, "3", A));
    memory_clear(&memory);
}

static void forgets_all(void **state)
{
    (void)state;
    struct memory memory;
    memory_init(&memory, 10);
    note(&memory, "1", 5, 10, A);
    memory_forget_all(&memory, 100);
    assert_false(knows(&memory, "1", A));
    note(&memory, "1", 5, 99, A);
    assert_false(knows(&memory, "1", A));
    note(&memory, "1", 5, 100, A);
    assert_true(knows(&memory, "1", A));
    memory_clear(&memory);
}

static void ids_that_do_not_fit(void **state)
{
    (void)state;
    struct memory memory;
    struct memory_entry entry;
    memory_init(&memory, 10);
    assert_false(memory_entry_of(&entry, span_of(""), 1, 1, A));
    assert_false(memory_entry_of(&entry, span_of("0123456789012345678901234567890x"), 1, 1, A));
    memory_note(&memory, &entry);
    assert_int_equal(memory.count, 0);
    assert_true(memory_entry_of(&entry, span_of("0123456789012345678901234567890"), 1, 1, A));
    memory_clear(&memory);
    memory_init(&memory, 0);
    note(&memory, "1", 5, 10, A);
    assert_false(knows(&memory, "1", A));
    memory_clear(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_delivery),       cmocka_unit_test(forgets_what_is_not_read_again),
        cmocka_unit_test(full_means_publish),  cmocka_unit_test(forgets_all),
        cmocka_unit_test(ids_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
