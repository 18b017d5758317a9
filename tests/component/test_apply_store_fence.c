/*
 * test_apply_store_fence — load and finish are transactions and not scripts: what another owner takes while one is on its way, and what
 * stays when a guard says no.
 */
#include <pthread.h>

#include "store_fixture.h"

enum { ROUNDS = 20, NEW_EPOCH = 8 };

static enum store_outcome finish(struct span row)
{
    struct err err = ERR_INIT;
    int64_t marks[2] = {0};
    struct store_finish one = {.key = span_of("sf:1"), .row = row, .index = span_of("cemail=a@x")};
    return store_finish(store, &owner, &one, 1, marks, &err);
}

static struct span row_of(struct store *from, int64_t epoch)
{
    struct err err = ERR_INIT;
    int64_t theirs[2] = {epoch, -1};
    struct store_owner other = {&entity, theirs, 2};
    struct store_load one = {.key = span_of("sf:1")};
    assert_int_equal(store_load(from, &other, &one, 1, &arena, &err), STORE_OK);
    return one.row;
}

static struct store *another(void)
{
    struct err err = ERR_INIT;
    bool changed = false;
    struct store *other = store_open(&migration, &err);
    assert_non_null(other);
    assert_int_equal(store_ensure(other, &changed, &err), STORE_OK);
    return other;
}

static void a_fenced_owner_neither_loads_nor_finishes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int64_t mark = 0, mark_epoch = 0;
    struct store_load one = {.key = span_of("sf:1")};
    struct store *other = another();
    assert_int_equal(finish(span_of("{1}")), STORE_OK);
    assert_int_equal(store_take(other, &entity, 0, NEW_EPOCH, &mark, &mark_epoch, &err), STORE_OK);
    assert_int_equal(store_load(store, &owner, &one, 1, &arena, &err), STORE_FENCED);
    assert_int_equal(finish(span_of("{2}")), STORE_FENCED);
    assert_true(span_is(row_of(other, NEW_EPOCH), "{1}"));
    /* and the connection is not left with what was watched */
    assert_true(span_is(row_of(store, NEW_EPOCH), "{1}"));
    store_close(other);
}

struct taker {
    struct store *store;
    struct arena arena;
    struct span row; /* as it was when the partition was taken */
    int late;        /* commands before it, so that it comes at each moment once */
    enum store_outcome outcome;
};

static void *take(void *opaque)
{
    struct taker *taker = opaque;
    struct err err = ERR_INIT;
    int64_t mark = 0, mark_epoch = 0;
    for (int i = 0; i < taker->late; i++)
        (void)store_now(taker->store, &mark, &err);
    taker->outcome = store_take(taker->store, &entity, 0, NEW_EPOCH, &mark, &mark_epoch, &err);
    (void)store_row(taker->store, &entity, span_of("sf:1"), &taker->arena, &taker->row, &err);
    return NULL;
}

/* Whenever the new owner comes in between: the row is the last one of which the former owner was told that it is in. */
static void a_partition_taken_in_between(void **state)
{
    for (int round = 0; round < ROUNDS; round++) {
        assert_int_equal(open_store(state), 0);
        struct taker taker = {.store = another(), .late = round};
        struct span last = span_of("{0}");
        pthread_t thread;
        arena_init(&taker.arena);
        enum store_outcome outcome = finish(last);
        assert_int_equal(outcome, STORE_OK);
        assert_int_equal(pthread_create(&thread, NULL, take, &taker), 0);
        for (int i = 1; outcome == STORE_OK; i++) {
            struct span row = TEXT("{%d}", i);
            outcome = finish(row);
            last = outcome == STORE_OK ? row : last;
        }
        pthread_join(thread, NULL);
        assert_int_equal(taker.outcome, STORE_OK);
        assert_int_equal(outcome, STORE_FENCED);
        assert_true(span_equal(row_of(taker.store, NEW_EPOCH), last));
        assert_true(span_equal(taker.row, last));
        arena_clear(&taker.arena);
        store_close(taker.store);
    }
}

/* Another partition's new owner is not ours: what it interrupts is done again. */
static void another_partition_taken_in_between(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct store *other = another();
    int64_t mark = 0, mark_epoch = 0;
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(store_take(other, &entity, 1, i, &mark, &mark_epoch, &err), STORE_OK);
        assert_int_equal(finish(TEXT("{%d}", i)), STORE_OK);
    }
    assert_true(span_is(row_of(store, 7), "{19}"));
    store_close(other);
}

/* What load knows spares finish the script; what changed all the same takes effect. */
static void only_the_row_and_the_end_of_its_operation(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int64_t marks[2] = {0};
    struct span claim = span_of("email=a@x");
    assert_int_equal(finish(span_of("{1}")), STORE_OK);
    for (int changed = 0; changed < 2; changed++) {
        struct store_load before = {.key = span_of("sf:1")}, after = before;
        struct store_begin begun = {
            .key = span_of("sf:1"), .op = span_of("0.7.1"), .claims = &claim, .claim_count = 1};
        assert_int_equal(store_load(store, &owner, &before, 1, &arena, &err), STORE_OK);
        assert_true(span_is(before.index, "0\ncemail=a@x"));
        assert_int_equal(store_begin(store, &owner, &begun, 1, &arena, &err), STORE_OK);
        struct store_finish row = {.key = span_of("sf:1"),
                                   .row = TEXT("{%d}", 2 + changed),
                                   .index = span_of(changed ? "cemail=b@x" : "cemail=a@x"),
                                   .index_before = before.index,
                                   .begun = begun.text};
        assert_int_equal(store_finish(store, &owner, &row, 1, marks, &err), STORE_OK);
        assert_int_equal(store_load(store, &owner, &after, 1, &arena, &err), STORE_OK);
        assert_true(span_equal(after.row, row.row));
        assert_null(after.op.data);
        struct span holder = holder_of(span_of(changed ? "email=b@x" : "email=a@x"));
        assert_true(span_is(holder, "sf:1"));
    }
    assert_null(holder_of(claim).data);
}

/* A server that forgot its scripts is told the text before the transaction, not within it: the row and what follows from it go together. */
static void forgotten_scripts_are_sent_again(void **state)
{
    (void)state;
    assert_int_equal(finish(span_of("{1}")), STORE_OK);
    assert_int_equal(redis_say("SCRIPT FLUSH"), REDIS_REPLY_STATUS);
    assert_int_equal(redis_say("HDEL tandem:t:claims:contact email=a@x"), REDIS_REPLY_INTEGER);
    assert_int_equal(redis_say("HDEL tandem:t:index:contact sf:1"), REDIS_REPLY_INTEGER);
    assert_int_equal(finish(span_of("{2}")), STORE_OK);
    assert_true(span_is(row_of(store, 7), "{2}"));
    assert_true(span_is(holder_of(span_of("email=a@x")), "sf:1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_fenced_owner_neither_loads_nor_finishes, open_store),
        cmocka_unit_test(a_partition_taken_in_between),
        cmocka_unit_test_setup(another_partition_taken_in_between, open_store),
        cmocka_unit_test_setup(only_the_row_and_the_end_of_its_operation, open_store),
        cmocka_unit_test_setup(forgotten_scripts_are_sent_again, open_store),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
