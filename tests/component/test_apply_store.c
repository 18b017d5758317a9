/*
 * test_apply_store — the scripts of consumers/apply/store on a real Redis: the guard, claims, waits, the due set, and that a
 * rebuild opens them last.
 */
#include "store_fixture.h"

static enum store_outcome begin(const char *key, const char *claim, const char **ret_holder)
{
    struct err err = ERR_INIT;
    struct span claims[1] = {span_of(claim)};
    struct store_begin one = {.key = span_of(key),
                              .op = span_of("0.7.1"),
                              .sent_ms = 5,
                              .claims = claims,
                              .claim_count = 1};
    enum store_outcome outcome = store_begin(store, &owner, &one, 1, &arena, &err);
    *ret_holder = one.holder.data;
    return outcome;
}

static enum store_outcome finish(const char *key, const char *row, const char *index, int64_t mark)
{
    struct err err = ERR_INIT;
    int64_t marks[2] = {mark, 0};
    struct span names[1] = {span_of("email=a@x")};
    struct store_finish one = {.key = span_of(key),
                               .row = span_of(row),
                               .index = span_of(index),
                               .match_names = names,
                               .match_count = 1,
                               .match_id = span_of("501")};
    return store_finish(store, &owner, &one, 1, marks, &err);
}

static int due(const char *want)
{
    struct err err = ERR_INIT;
    struct span *keys = NULL;
    int count = 0;
    assert_int_equal(store_due(store, &owner, 0, 10, &keys, &count, &arena, &err), STORE_OK);
    if (count > 0 && want)
        assert_true(span_is(keys[0], want));
    return count;
}

static struct store_load load(const char *key)
{
    static struct span names[1];
    struct err err = ERR_INIT;
    names[0] = span_of("email=a@x");
    struct store_load one = {.key = span_of(key), .match = names, .match_count = 1};
    assert_int_equal(store_load(store, &owner, &one, 1, &arena, &err), STORE_OK);
    return one;
}

static void a_row_is_kept_and_found(void **state)
{
    (void)state;
    const char *holder = NULL;
    assert_int_equal(begin("sf:1", "email=a@x", &holder), STORE_OK);
    assert_null(holder);
    struct store_load before = load("sf:1");
    assert_null(before.row.data);
    assert_true(span_is(before.op, "0.7.1 5\nemail=a@x"));
    assert_true(span_is(holder_of(span_of("email=a@x")), "sf:1"));
    assert_int_equal(finish("sf:1", "{row}", "cemail=a@x", 12), STORE_OK);
    struct store_load after = load("sf:1");
    assert_true(span_is(after.row, "{row}"));
    assert_null(after.op.data);
    assert_true(span_is(after.candidates[0], "501"));
    struct err err = ERR_INIT;
    int64_t mark = 0, mark_epoch = 0;
    assert_int_equal(store_take(store, &entity, 0, 7, &mark, &mark_epoch, &err), STORE_OK);
    assert_int_equal(mark, 12);
    assert_int_equal(mark_epoch, 7);
}

static void a_claim_belongs_to_one_record(void **state)
{
    (void)state;
    const char *holder = NULL;
    assert_int_equal(begin("sf:1", "email=a@x", &holder), STORE_OK);
    assert_int_equal(begin("sf:2", "email=a@x", &holder), STORE_OK);
    assert_string_equal(holder, "sf:1");
    /* what the row does not name is given up with the operation */
    assert_int_equal(finish("sf:1", "{}", "", 0), STORE_OK);
    assert_int_equal(begin("sf:2", "email=a@x", &holder), STORE_OK);
    assert_null(holder);
}

static void a_waiter_wakes_when_the_claim_is_given_up(void **state)
{
    (void)state;
    const char *holder = NULL;
    assert_int_equal(begin("sf:1", "email=a@x", &holder), STORE_OK);
    assert_int_equal(finish("sf:1", "{}", "cemail=a@x", 0), STORE_OK);
    assert_int_equal(finish("sf:2", "{}", "wemail=a@x", 0), STORE_OK);
    assert_int_equal(due(NULL), 0);
    assert_int_equal(finish("sf:1", "{}", "", 0), STORE_OK);
    assert_int_equal(due("sf:2"), 1);
    /* it is due until its row says something else */
    assert_int_equal(due("sf:2"), 1);
    assert_int_equal(finish("sf:2", "{}", "cemail=a@x", 0), STORE_OK);
    assert_int_equal(due(NULL), 0);
}

static void waiting_for_a_claim_nobody_holds_is_due_at_once(void **state)
{
    (void)state;
    assert_int_equal(finish("sf:2", "{}", "wemail=a@x", 0), STORE_OK);
    assert_int_equal(due("sf:2"), 1);
}

/* A former owner began an operation for it: its row waits on for what it holds itself, and nobody else would give that up. */
static void waiting_for_its_own_claim_is_due_at_once(void **state)
{
    (void)state;
    const char *holder = NULL;
    assert_int_equal(begin("sf:2", "email=a@x", &holder), STORE_OK);
    assert_null(holder);
    assert_int_equal(finish("sf:2", "{}", "cemail=a@x\nwemail=a@x", 0), STORE_OK);
    assert_int_equal(due("sf:2"), 1);
}

static void due_by_time(void **state)
{
    (void)state;
    assert_int_equal(finish("sf:1", "{}", "d1", 0), STORE_OK);
    assert_int_equal(finish("sf:2", "{}", "d99999999999999", 0), STORE_OK);
    assert_int_equal(due("sf:1"), 1);
    assert_int_equal(finish("sf:1", "{}", "", 0), STORE_OK);
    assert_int_equal(due(NULL), 0);
}

static void a_cancelled_operation_leaves_nothing(void **state)
{
    (void)state;
    const char *holder = NULL;
    struct err err = ERR_INIT;
    struct store_cancel cancel = {.key = span_of("sf:1"), .partition = 0};
    assert_int_equal(begin("sf:1", "email=a@x", &holder), STORE_OK);
    assert_int_equal(store_cancel(store, &owner, &cancel, 1, &err), STORE_OK);
    assert_null(load("sf:1").op.data);
    assert_int_equal(begin("sf:2", "email=a@x", &holder), STORE_OK);
    assert_null(holder);
}

/* Sent again under other names, e.g. without the twin that was gone meanwhile. */
static void an_operation_begun_again_gives_up_what_it_does_not_claim_any_more(void **state)
{
    (void)state;
    const char *holder = NULL;
    assert_int_equal(begin("sf:1", "id=501", &holder), STORE_OK);
    assert_int_equal(begin("sf:1", "email=a@x", &holder), STORE_OK);
    assert_int_equal(begin("sf:2", "id=501", &holder), STORE_OK);
    assert_null(holder);
    assert_int_equal(begin("sf:3", "email=a@x", &holder), STORE_OK);
    assert_string_equal(holder, "sf:1");
}

/* What a replayed row ends of an operation 0.7.1, and of its claim. */
static void a_replayed_row_ends_what_was_begun_before(void **state)
{
    static const struct {
        const char *marker, *epoch;
        bool earlier, ends;
    } rows[] = {
        {"0.7.1", "0.9", false, true}, {"0.9.3", "0.9", false, false}, {"", "0.7", false, true},
        {"", "0.9", true, true},       {"", "0.6", true, false},       {"", "1.9", true, false},
        {"", "0.10", true, true}, /* numbers, not texts */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = ERR_INIT;
        int64_t marks[2] = {0};
        const char *holder = NULL;
        struct span key = span_of(arena_printf(&arena, "sf:end%zu", i));
        const char *claim = arena_printf(&arena, "email=end%zu", i);
        assert_int_equal(begin(key.data, claim, &holder), STORE_OK);
        assert_null(holder);
        struct store_finish one = {.key = key,
                                   .row = span_of("{}"),
                                   .index = span_of(""),
                                   .drop_op = span_of(rows[i].marker),
                                   .drop_epoch = span_of(rows[i].epoch),
                                   .drop_earlier = rows[i].earlier};
        assert_int_equal(store_finish(store, &owner, &one, 1, marks, &err), STORE_OK);
        assert_int_equal(load(key.data).op.len == 0, rows[i].ends);
        assert_int_equal(begin("sf:another", claim, &holder), STORE_OK);
        assert_int_equal(holder == NULL, rows[i].ends);
    }
}

static void a_former_owner_is_fenced(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const char *holder = NULL;
    int64_t mark = 0, mark_epoch = 0;
    assert_int_equal(store_take(store, &entity, 0, 9, &mark, &mark_epoch, &err), STORE_OK);
    assert_int_equal(begin("sf:1", "email=a@x", &holder), STORE_FENCED);
    assert_int_equal(finish("sf:1", "{}", "", 0), STORE_FENCED);
    assert_int_equal(store_take(store, &entity, 0, 7, &mark, &mark_epoch, &err), STORE_FENCED);
}

static void without_an_epoch_nothing_works(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct store_begin one = {.key = span_of("sf:1"), .partition = 1, .op = span_of("1.-1.1")};
    assert_int_equal(store_begin(store, &owner, &one, 1, &arena, &err), STORE_FENCED);
}

static void a_loss_closes_the_scripts_until_the_rebuild_opened_them(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const char *holder = NULL;
    bool changed = false, mine = false;
    assert_int_equal(finish("sf:1", "{old}", "cemail=a@x", 5), STORE_OK);
    assert_int_equal(store_rebuild_lease(store, 60000, &mine, &err), STORE_OK);
    assert_int_equal(store_rebuild_clear(store, &err), STORE_OK);
    assert_int_equal(begin("sf:1", "email=a@x", &holder), STORE_CLOSED);
    assert_int_equal(store_ensure(store, &changed, &err), STORE_CLOSED);
    struct store_finish rows[2] = {
        {.key = span_of("sf:1"), .row = span_of("{1}"), .index = span_of("cemail=a@x")},
        {.key = span_of("sf:2"), .row = span_of("{2}"), .index = span_of("d1")}};
    assert_int_equal(store_rebuild_rows(store, &entity, rows, 2, &err), STORE_OK);
    assert_int_equal(store_rebuild_partition(store, &entity, 0, 7, 44, &err), STORE_OK);
    assert_int_equal(store_rebuild_derive(store, &entity, &err), STORE_OK);
    assert_int_equal(finish("sf:3", "{}", "", 0), STORE_CLOSED);
    assert_int_equal(store_rebuild_open(store, &err), STORE_OK);
    err_clear(&err);
    assert_int_equal(store_ensure(store, &changed, &err), STORE_OK);
    assert_true(changed);
    assert_int_equal(begin("sf:2", "email=a@x", &holder), STORE_OK);
    assert_string_equal(holder, "sf:1");
    assert_int_equal(due("sf:2"), 1);
}

/* It slept through its lease, and another one was quicker: nothing that it still sends changes what is open now. */
static void a_rebuilder_that_lost_its_lease_changes_nothing(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    bool changed = false, mine = false;
    struct store *late = store_open(&migration, &err);
    assert_non_null(late);
    assert_int_not_equal(store_ensure(late, &changed, &err), STORE_AWAY);
    assert_int_equal(finish("sf:1", "{new}", "", 5), STORE_OK);
    struct store_finish row = {.key = span_of("sf:1"), .row = span_of("{old}")};
    assert_int_equal(store_rebuild_lease(store, 60000, &mine, &err), STORE_OK);
    assert_int_equal(store_rebuild_rows(late, &entity, &row, 1, &err), STORE_CLOSED);
    assert_int_equal(store_rebuild_partition(late, &entity, 0, 99, 99, &err), STORE_CLOSED);
    assert_int_equal(store_rebuild_clear(late, &err), STORE_CLOSED);
    assert_true(span_is(load("sf:1").row, "{new}"));
    store_close(late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_row_is_kept_and_found, open_store),
        cmocka_unit_test_setup(a_claim_belongs_to_one_record, open_store),
        cmocka_unit_test_setup(a_waiter_wakes_when_the_claim_is_given_up, open_store),
        cmocka_unit_test_setup(waiting_for_a_claim_nobody_holds_is_due_at_once, open_store),
        cmocka_unit_test_setup(waiting_for_its_own_claim_is_due_at_once, open_store),
        cmocka_unit_test_setup(due_by_time, open_store),
        cmocka_unit_test_setup(a_cancelled_operation_leaves_nothing, open_store),
        cmocka_unit_test_setup(an_operation_begun_again_gives_up_what_it_does_not_claim_any_more,
                               open_store),
        cmocka_unit_test_setup(a_replayed_row_ends_what_was_begun_before, open_store),
        cmocka_unit_test_setup(a_former_owner_is_fenced, open_store),
        cmocka_unit_test_setup(without_an_epoch_nothing_works, open_store),
        cmocka_unit_test_setup(a_loss_closes_the_scripts_until_the_rebuild_opened_them, open_store),
        cmocka_unit_test_setup(a_rebuilder_that_lost_its_lease_changes_nothing, open_store),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
