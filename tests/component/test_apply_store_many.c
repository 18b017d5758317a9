/*
 * test_apply_store_many — a chunk is more than one record: what the scripts of consumers/apply/store do for thousands at once, and for records
 * of one chunk that want the same.
 */
#include "store_fixture.h"

enum { RECORDS = 4300 }; /* more than the scripts pass to one command, and no multiple of it */

static void begin_all(int records)
{
    struct err err = ERR_INIT;
    struct store_begin *begins = arena_new(&arena, struct store_begin, records);
    for (int i = 0; i < records; i++) {
        struct span *claims = arena_new(&arena, struct span, 2);
        claims[0] = TEXT("email=%d@x", i);
        claims[1] = TEXT("id=%d", i);
        begins[i] = (struct store_begin){
            .key = TEXT("sf:%d", i), .op = TEXT("0.7.%d", i), .claims = claims, .claim_count = 2};
    }
    assert_int_equal(store_begin(store, &owner, begins, records, &arena, &err), STORE_OK);
    for (int i = 0; i < records; i++)
        assert_null(begins[i].holder.data);
}

static void finish_all(int records)
{
    struct err err = ERR_INIT;
    int64_t marks[2] = {records};
    struct store_finish *rows = arena_new(&arena, struct store_finish, records);
    for (int i = 0; i < records; i++) {
        struct span *names = arena_new(&arena, struct span, 1);
        names[0] = TEXT("email=%d@x", i);
        rows[i] = (struct store_finish){.key = TEXT("sf:%d", i),
                                        .row = TEXT("{row %d}", i),
                                        .index = TEXT("cemail=%d@x", i),
                                        .match_names = names,
                                        .match_count = 1,
                                        .match_id = TEXT("%d", i)};
    }
    assert_int_equal(store_finish(store, &owner, rows, records, marks, &err), STORE_OK);
}

static struct store_load *load_all(int records)
{
    struct err err = ERR_INIT;
    struct store_load *loads = arena_new(&arena, struct store_load, records);
    for (int i = 0; i < records; i++) {
        struct span *names = arena_new(&arena, struct span, 2);
        names[0] = TEXT("email=%d@x", i);
        names[1] = TEXT("id=%d", i);
        /* Not all of them ask for the same number of names. */
        loads[i] =
            (struct store_load){.key = TEXT("sf:%d", i), .match = names, .match_count = i % 3};
    }
    assert_int_equal(store_load(store, &owner, loads, records, &arena, &err), STORE_OK);
    return loads;
}

static void each_record_finds_its_own(void **state)
{
    (void)state;
    begin_all(RECORDS);
    struct store_load *begun = load_all(RECORDS);
    for (int i = 0; i < RECORDS; i++) {
        assert_null(begun[i].row.data);
        assert_memory_equal(begun[i].op.data, TEXT("0.7.%d ", i).data, TEXT("0.7.%d ", i).len);
        for (int m = 0; m < i % 3; m++) {
            assert_null(begun[i].candidates[m].data);
        }
    }
    assert_true(span_is(holder_of(span_of("email=4299@x")), "sf:4299"));
    assert_true(span_is(holder_of(span_of("id=4299")), "sf:4299"));
    finish_all(RECORDS);
    struct store_load *done = load_all(RECORDS);
    for (int i = 0; i < RECORDS; i++) {
        assert_true(span_equal(done[i].row, TEXT("{row %d}", i)));
        assert_null(done[i].op.data);
        if (i % 3 > 0)
            assert_true(span_equal(done[i].candidates[0], TEXT("%d", i)));
    }
    assert_true(span_is(holder_of(span_of("email=4299@x")), "sf:4299"));
    /* A claim that the index text does not name ends with its operation. */
    assert_null(holder_of(span_of("id=4299")).data);
}

static void the_first_of_a_chunk_takes_the_claim(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct span claims[2] = {span_of("email=a@x"), span_of("email=b@x")};
    struct store_begin begins[3] = {
        {.key = span_of("sf:1"), .op = span_of("0.7.1"), .claims = &claims[0], .claim_count = 1},
        {.key = span_of("sf:2"), .op = span_of("0.7.2"), .claims = claims, .claim_count = 2},
        {.key = span_of("sf:3"), .op = span_of("0.7.3"), .claims = &claims[1], .claim_count = 1}};
    assert_int_equal(store_begin(store, &owner, begins, 3, &arena, &err), STORE_OK);
    assert_null(begins[0].holder.data);
    assert_true(span_is(begins[1].holder, "sf:1"));
    assert_true(span_is(begins[1].taken, "email=a@x"));
    /* Refused as a whole, the second has not taken the other one. */
    assert_null(begins[2].holder.data);
}

static void one_begun_again_frees_what_the_next_of_the_chunk_wants(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct span old = span_of("email=old@x"), new = span_of("email=new@x");
    struct store_begin before = {
        .key = span_of("sf:1"), .op = span_of("0.7.1"), .claims = &old, .claim_count = 1};
    assert_int_equal(store_begin(store, &owner, &before, 1, &arena, &err), STORE_OK);
    struct store_begin begins[2] = {
        {.key = span_of("sf:1"), .op = span_of("0.7.2"), .claims = &new, .claim_count = 1},
        {.key = span_of("sf:2"), .op = span_of("0.7.3"), .claims = &old, .claim_count = 1}};
    assert_int_equal(store_begin(store, &owner, begins, 2, &arena, &err), STORE_OK);
    assert_null(begins[0].holder.data);
    assert_null(begins[1].holder.data);
    assert_true(span_is(holder_of(old), "sf:2"));
    assert_true(span_is(holder_of(new), "sf:1"));
}

static void two_of_a_chunk_under_one_name(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int64_t marks[2] = {2};
    struct span name = span_of("email=a@x");
    struct store_finish rows[3] = {
        {.match_id = span_of("501")}, {.match_id = span_of("502")}, {.match_id = span_of("501")}};
    for (int i = 0; i < 3; i++) {
        rows[i].key = TEXT("sf:%d", i);
        rows[i].row = span_of("{}");
        rows[i].index = span_of("");
        rows[i].match_names = &name;
        rows[i].match_count = 1;
    }
    assert_int_equal(store_finish(store, &owner, rows, 3, marks, &err), STORE_OK);
    struct store_load load = {.key = span_of("sf:9"), .match = &name, .match_count = 1};
    assert_int_equal(store_load(store, &owner, &load, 1, &arena, &err), STORE_OK);
    assert_true(span_is(load.candidates[0], "501,502"));
}

/* A waiter that the claim's end made due stays due when both rows come in one chunk, and leaves when its row waits no more. */
static void due_only_while_the_row_says_so(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int64_t marks[2] = {1};
    struct span *keys = NULL;
    int count = 0;
    struct store_finish holder = {
        .key = span_of("sf:1"), .row = span_of("{}"), .index = span_of("cemail=a@x")};
    struct store_finish waiter = {
        .key = span_of("sf:2"), .row = span_of("{}"), .index = span_of("wemail=a@x")};
    struct store_finish first[2] = {holder, waiter};
    assert_int_equal(store_finish(store, &owner, first, 2, marks, &err), STORE_OK);
    assert_int_equal(store_due(store, &owner, 0, 10, &keys, &count, &arena, &err), STORE_OK);
    assert_int_equal(count, 0);
    holder.index = span_of("");
    assert_int_equal(store_finish(store, &owner, &holder, 1, marks, &err), STORE_OK);
    assert_int_equal(store_due(store, &owner, 0, 10, &keys, &count, &arena, &err), STORE_OK);
    assert_int_equal(count, 1);
    assert_true(span_is(keys[0], "sf:2"));
    waiter.index = span_of("");
    assert_int_equal(store_finish(store, &owner, &waiter, 1, marks, &err), STORE_OK);
    assert_int_equal(store_due(store, &owner, 0, 10, &keys, &count, &arena, &err), STORE_OK);
    assert_int_equal(count, 0);
}

/* A replay: the same record several times in one call; the last row counts, and of the ones before nothing is left. */
static void rows_of_one_record_take_effect_in_their_order(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int64_t marks[2] = {3};
    struct span *keys = NULL;
    int count = 0;
    const char *const indexes[] = {"cemail=a@x\nd1", "cemail=b@x", "cemail=c@x"};
    struct store_finish rows[3] = {
        {.row = span_of("{1}")}, {.row = span_of("{2}")}, {.row = span_of("{3}")}};
    for (int i = 0; i < 3; i++) {
        rows[i].key = span_of("sf:1");
        rows[i].index = span_of(indexes[i]);
    }
    assert_int_equal(store_finish(store, &owner, rows, 3, marks, &err), STORE_OK);
    struct span names[3] = {span_of("email=a@x"), span_of("email=b@x"), span_of("email=c@x")};
    struct store_load load = {.key = span_of("sf:1"), .match = names, .match_count = 3};
    assert_int_equal(store_load(store, &owner, &load, 1, &arena, &err), STORE_OK);
    assert_true(span_is(load.row, "{3}"));
    assert_null(holder_of(names[0]).data);
    assert_null(holder_of(names[1]).data);
    assert_true(span_is(holder_of(names[2]), "sf:1"));
    assert_int_equal(store_due(store, &owner, 0, 10, &keys, &count, &arena, &err), STORE_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_record_finds_its_own, open_store),
        cmocka_unit_test_setup(the_first_of_a_chunk_takes_the_claim, open_store),
        cmocka_unit_test_setup(one_begun_again_frees_what_the_next_of_the_chunk_wants, open_store),
        cmocka_unit_test_setup(two_of_a_chunk_under_one_name, open_store),
        cmocka_unit_test_setup(rows_of_one_record_take_effect_in_their_order, open_store),
        cmocka_unit_test_setup(due_only_while_the_row_says_so, open_store),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
