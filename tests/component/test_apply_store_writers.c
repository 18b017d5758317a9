/*
 * test_apply_store_writers — what begin and finish do past the scripts, with two processes at it: a value has one holder, a first row wakes who
 * waits for it, and what one adds to the match index the other does not take away.
 */
#include <pthread.h>

#include "store_fixture.h"

enum { ROUNDS = 12, WANTED = 24, REFERRED = 6 };

/* A process of its own, which owns partition 1 since epoch 3. */
struct writer {
    struct store *store;
    int64_t epochs[2];
    struct store_owner owner;
    struct arena arena;
    int32_t partition;
    int first, step; /* the order in which it wants things */
    bool begun[WANTED];
    int late;             /* commands before the one that counts: so it comes at each moment once */
    redisContext *direct; /* open already: what it says has to be of that very moment */
    long long ops;        /* operations that were there when it had taken the partition */
    enum store_outcome outcome;
    pthread_t thread;
};

static void writer_open(struct writer *writer, int32_t partition)
{
    struct err err = ERR_INIT;
    bool changed = false;
    int64_t mark = 0, mark_epoch = 0, epoch = partition ? 3 : 7;
    *writer = (struct writer){.partition = partition,
                              .first = partition ? WANTED - 1 : 0,
                              .step = partition ? -1 : 1,
                              .epochs = {-1, -1}};
    writer->epochs[partition] = epoch;
    writer->owner = (struct store_owner){&entity, writer->epochs, 2};
    arena_init(&writer->arena);
    writer->store = store_open(&migration, &err);
    assert_non_null(writer->store);
    assert_int_equal(store_ensure(writer->store, &changed, &err), STORE_OK);
    assert_int_equal(store_take(writer->store, &entity, partition, epoch, &mark, &mark_epoch, &err),
                     STORE_OK);
}

static void writer_close(struct writer *writer)
{
    store_close(writer->store);
    arena_clear(&writer->arena);
}

static struct span numbered(struct writer *writer, const char *name, int number)
{
    return span_of(arena_printf(&writer->arena, "%s%d", name, number));
}

/* ---- claims ---- */

/* Every value, two at a time. */
static void *begin_all(void *opaque)
{
    struct writer *writer = opaque;
    for (int i = 0, v = writer->first; i < WANTED; i += 2, v += 2 * writer->step) {
        struct store_begin begins[2];
        struct span claims[2];
        struct err err = ERR_INIT;
        for (int k = 0; k < 2; k++) {
            claims[k] = numbered(writer, "email=", v + k * writer->step);
            begins[k] = (struct store_begin){
                .key = numbered(writer, writer->partition ? "b:" : "a:", v + k * writer->step),
                .partition = writer->partition,
                .op = span_of("0.1.1"),
                .claims = &claims[k],
                .claim_count = 1};
        }
        writer->outcome =
            store_begin(writer->store, &writer->owner, begins, 2, &writer->arena, &err);
        if (writer->outcome != STORE_OK)
            break;
        for (int k = 0; k < 2; k++)
            writer->begun[v + k * writer->step] = begins[k].holder.data == NULL;
    }
    return NULL;
}

static bool has_operation(struct span key)
{
    redisContext *redis = redis_direct();
    redisReply *reply = redisCommand(redis, "HEXISTS tandem:t:ops:contact %b", key.data, key.len);
    assert_non_null(reply);
    bool has = reply->integer == 1;
    freeReplyObject(reply);
    redisFree(redis);
    return has;
}

static void a_value_has_one_holder(void **state)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct writer writers[2];
        assert_int_equal(open_store(state), 0);
        for (int w = 0; w < 2; w++)
            writer_open(&writers[w], w);
        for (int w = 0; w < 2; w++)
            assert_int_equal(pthread_create(&writers[w].thread, NULL, begin_all, &writers[w]), 0);
        for (int w = 0; w < 2; w++)
            pthread_join(writers[w].thread, NULL);
        for (int v = 0; v < WANTED; v++) {
            assert_int_equal(writers[0].begun[v] + writers[1].begun[v], 1);
            struct span holder = holder_of(TEXT("email=%d", v));
            assert_true(span_equal(holder, TEXT("%s:%d", writers[0].begun[v] ? "a" : "b", v)));
            assert_int_equal(has_operation(TEXT("a:%d", v)), writers[0].begun[v]);
            assert_int_equal(has_operation(TEXT("b:%d", v)), writers[1].begun[v]);
        }
        for (int w = 0; w < 2; w++) {
            assert_int_equal(writers[w].outcome, STORE_OK);
            writer_close(&writers[w]);
        }
    }
}

static long long operations(redisContext *redis)
{
    redisReply *reply = redisCommand(redis, "HLEN tandem:t:ops:contact");
    assert_non_null(reply);
    long long count = reply->integer;
    freeReplyObject(reply);
    return count;
}

static void be_late(struct writer *writer)
{
    struct err err = ERR_INIT;
    int64_t now_ms = 0;
    for (int i = 0; i < writer->late; i++)
        assert_int_equal(store_now(writer->store, &now_ms, &err), STORE_OK);
}

static void *take_first(void *opaque)
{
    struct writer *writer = opaque;
    struct err err = ERR_INIT;
    int64_t mark = 0, mark_epoch = 0;
    be_late(writer);
    writer->outcome = store_take(writer->store, &entity, 0, 8, &mark, &mark_epoch, &err);
    writer->ops = operations(writer->direct);
    return NULL;
}

/* Whenever the new owner comes: nothing is begun behind it. */
static void nothing_begins_once_the_partition_is_another_ones(void **state)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct writer taker;
        enum store_outcome outcome = STORE_OK;
        int begun = 0;
        assert_int_equal(open_store(state), 0);
        writer_open(&taker, 1);
        taker.late = round;
        taker.direct = redis_direct();
        assert_int_equal(pthread_create(&taker.thread, NULL, take_first, &taker), 0);
        for (int i = 0; outcome == STORE_OK; i++) {
            struct err err = ERR_INIT;
            struct span claim = TEXT("email=%d", i);
            struct store_begin one = {
                .key = TEXT("a:%d", i), .op = span_of("0.1.1"), .claims = &claim, .claim_count = 1};
            outcome = store_begin(store, &owner, &one, 1, &arena, &err);
            begun += outcome == STORE_OK;
        }
        pthread_join(taker.thread, NULL);
        assert_int_equal(taker.outcome, STORE_OK);
        assert_int_equal(outcome, STORE_FENCED);
        assert_int_equal(operations(taker.direct), begun);
        assert_int_equal(taker.ops, begun);
        assert_null(holder_of(TEXT("email=%d", begun)).data);
        redisFree(taker.direct);
        writer_close(&taker);
    }
}

/* ---- first rows ---- */

/* The first row of a record that was created as `id`, by whoever owns partition 0. */
static void create(int number, const char *id)
{
    struct err err = ERR_INIT;
    int64_t marks[2] = {number + 1};
    struct span claim = TEXT("email=%d", number), name = claim;
    struct store_load before = {.key = TEXT("sf:%d", number), .match = &name, .match_count = 1};
    struct store_begin begun = {
        .key = before.key, .op = span_of("0.7.1"), .claims = &claim, .claim_count = 1};
    assert_int_equal(store_load(store, &owner, &before, 1, &arena, &err), STORE_OK);
    assert_null(before.index.data);
    assert_int_equal(store_begin(store, &owner, &begun, 1, &arena, &err), STORE_OK);
    assert_null(begun.holder.data);
    struct store_finish row = {.key = before.key,
                               .row = TEXT("{%d}", number),
                               .index = TEXT("cemail=%d\ncid=%s\n", number, id),
                               .index_before = span_of(""),
                               .match_names = &name,
                               .match_count = 1,
                               .match_id = span_of(id),
                               .begun = begun.text};
    assert_int_equal(store_finish(store, &owner, &row, 1, marks, &err), STORE_OK);
    struct store_load after = {.key = before.key, .match = &name, .match_count = 1};
    assert_int_equal(store_load(store, &owner, &after, 1, &arena, &err), STORE_OK);
    assert_true(span_equal(after.row, row.row));
    assert_true(span_equal(after.index, TEXT("0\n%s", row.index.data)));
    assert_null(after.op.data);
    assert_true(span_is(after.candidates[0], id));
    assert_true(span_equal(holder_of(claim), after.key));
}

static int due_count(struct writer *writer)
{
    struct err err = ERR_INIT;
    struct span *keys = NULL;
    int count = 0;
    assert_int_equal(store_due(writer->store, &writer->owner, writer->partition, 10, &keys, &count,
                               &writer->arena, &err),
                     STORE_OK);
    return count;
}

static void *refer(void *opaque)
{
    struct writer *writer = opaque;
    struct err err = ERR_INIT;
    int64_t marks[2] = {0};
    struct store_finish rows[REFERRED];
    for (int i = 0; i < REFERRED; i++) {
        struct span key = numbered(writer, "b:", i), index = numbered(writer, "rcontact:sf:", i);
        rows[i] =
            (struct store_finish){.key = key, .partition = 1, .row = span_of("{}"), .index = index};
    }
    be_late(writer);
    writer->outcome = store_finish(writer->store, &writer->owner, rows, REFERRED, marks, &err);
    return NULL;
}

static void a_first_row_claims_its_twin(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int64_t mark = 0, mark_epoch = 0;
    create(1, "501");
    assert_true(span_is(holder_of(span_of("id=501")), "sf:1"));
    assert_int_equal(store_take(store, &entity, 0, 7, &mark, &mark_epoch, &err), STORE_OK);
    assert_int_equal(mark, 2);
    /* What is another's stays so. */
    assert_int_equal(redis_say("HSET tandem:t:claims:contact id=502 sf:9"), REDIS_REPLY_INTEGER);
    create(2, "502");
    assert_true(span_is(holder_of(span_of("id=502")), "sf:9"));
}

/* Whoever comes first, the row that refers to it or the record itself: the one that waits is due. */
static void a_first_row_wakes_what_refers_to_it(void **state)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct writer writer;
        assert_int_equal(open_store(state), 0);
        writer_open(&writer, 1);
        writer.late = round;
        assert_int_equal(pthread_create(&writer.thread, NULL, refer, &writer), 0);
        for (int i = 0; i < REFERRED; i++)
            create(i, TEXT("%d", 500 + i).data);
        pthread_join(writer.thread, NULL);
        assert_int_equal(writer.outcome, STORE_OK);
        assert_int_equal(due_count(&writer), REFERRED);
        writer_close(&writer);
    }
}

/* One chunk brings both. */
static void a_first_row_wakes_what_comes_with_it(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int64_t marks[2] = {3};
    struct span *keys = NULL;
    int count = 0;
    struct store_begin begun = {.key = span_of("sf:2"), .op = span_of("0.7.1")};
    assert_int_equal(store_begin(store, &owner, &begun, 1, &arena, &err), STORE_OK);
    struct store_finish rows[] = {
        {.key = span_of("sf:1"), .row = span_of("{1}"), .index = span_of("rcontact:sf:2")},
        {.key = begun.key,
         .row = span_of("{2}"),
         .index = span_of("cid=502\n"),
         .index_before = span_of(""),
         .begun = begun.text},
    };
    assert_int_equal(store_finish(store, &owner, rows, 2, marks, &err), STORE_OK);
    assert_int_equal(store_due(store, &owner, 0, 10, &keys, &count, &arena, &err), STORE_OK);
    assert_int_equal(count, 1);
    assert_true(span_is(keys[0], "sf:1"));
}

/* ---- the match index ---- */

static void *tell_match(void *opaque)
{
    struct writer *writer = opaque;
    struct store_match adds[WANTED];
    struct err err = ERR_INIT;
    for (int i = 0, v = writer->first; i < WANTED; i++, v += writer->step)
        adds[i] = (struct store_match){numbered(writer, "email=", v),
                                       numbered(writer, writer->partition ? "2" : "1", v)};
    for (int i = 0; i < WANTED; i += 2) {
        writer->outcome = store_match_add(writer->store, &entity, adds + i, 2, &err);
        if (writer->outcome != STORE_OK)
            break;
    }
    return NULL;
}

static void both_ids_stand_under_the_name(void **state)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct writer writers[2];
        assert_int_equal(open_store(state), 0);
        for (int w = 0; w < 2; w++)
            writer_open(&writers[w], w);
        for (int w = 0; w < 2; w++)
            assert_int_equal(pthread_create(&writers[w].thread, NULL, tell_match, &writers[w]), 0);
        for (int w = 0; w < 2; w++) {
            pthread_join(writers[w].thread, NULL);
            assert_int_equal(writers[w].outcome, STORE_OK);
            writer_close(&writers[w]);
        }
        for (int v = 0; v < WANTED; v++) {
            struct err err = ERR_INIT;
            struct span name = TEXT("email=%d", v);
            struct store_load one = {.key = span_of("sf:1"), .match = &name, .match_count = 1};
            assert_int_equal(store_load(store, &owner, &one, 1, &arena, &err), STORE_OK);
            assert_true(span_equal(one.candidates[0], TEXT("1%d,2%d", v, v)) ||
                        span_equal(one.candidates[0], TEXT("2%d,1%d", v, v)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_has_one_holder),
        cmocka_unit_test(nothing_begins_once_the_partition_is_another_ones),
        cmocka_unit_test_setup(a_first_row_claims_its_twin, open_store),
        cmocka_unit_test(a_first_row_wakes_what_refers_to_it),
        cmocka_unit_test_setup(a_first_row_wakes_what_comes_with_it, open_store),
        cmocka_unit_test(both_ids_stand_under_the_name),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
