/*
 * test_merge_record — laws of merging whole records, over seeded random histories of both sides: no field is lost, fields do not
 * see each other, doing it again changes nothing. A failure names its seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/truth.h"

enum { FIELDS = 4, STEPS = 12, RUNS = 20000 };

static uint64_t state_of_random;

static uint32_t below(uint32_t limit) /* splitmix64 */
{
    uint64_t z = (state_of_random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % limit);
}

/* Two systems and what was agreed on. The new one stores what it is sent as is ('a'..) or normalised ('A'..). */
struct pair {
    struct value old_now[FIELDS], new_now[FIELDS];
    struct base_pair base[FIELDS];
    bool question[FIELDS];
};

static const char *const TEXTS[] = {"", "a", "b", "c", "A", "B", "C"};
enum { RAW = 4, TEXT_COUNT = 7 };

static struct value text_value(uint32_t at)
{
    return TEXTS[at][0] ? (struct value){VALUE_SET, span_of(TEXTS[at])}
                        : (struct value){VALUE_BLANK, SPAN_NONE};
}

static struct value stored(struct value sent, int f)
{
    if (f % 2 == 0 || sent.kind != VALUE_SET || sent.text.data[0] < 'a')
        return sent;
    return text_value((uint32_t)(sent.text.data[0] - 'a') + RAW);
}

static struct arena arena;

static enum merge_verdict merge_at(const struct entity *entity, struct pair *pair, int f)
{
    struct truth_facts facts = {truth_time_between(0, 1), truth_time_between(2, 3)};
    enum merge_verdict verdict = truth_decide(
        entity, f, merge_field(&pair->base[f], pair->old_now[f], pair->new_now[f]), &facts);
    struct value was = pair->new_now[f];
    if (merge_writes(verdict))
        pair->new_now[f] = stored(pair->old_now[f], f);
    /* Whoever overwrites knows that it does: the value was our base, or blank, or the truth said so. */
    if (verdict == MERGE_WRITE && !value_equal(was, pair->new_now[f]))
        assert_true(was.kind != VALUE_SET || base_is(pair->base[f].new_side, was));
    if (merge_writes(verdict) || merge_moves_base(verdict))
        pair->base[f] = (struct base_pair){true, false, base_of(pair->old_now[f], &arena),
                                           base_of(pair->new_now[f], &arena)};
    pair->question[f] = merge_holds(verdict);
    return verdict;
}

static void merge_all(const struct entity *entity, struct pair *pair, const int *order)
{
    for (int i = 0; i < FIELDS; i++)
        (void)merge_at(entity, pair, order[i]);
}

static void same(const struct pair *a, const struct pair *b)
{
    for (int f = 0; f < FIELDS; f++) {
        assert_true(value_equal(a->new_now[f], b->new_now[f]));
        assert_true(value_equal(a->old_now[f], b->old_now[f]));
        assert_int_equal(a->question[f], b->question[f]);
        assert_int_equal(a->base[f].known, b->base[f].known);
    }
}

/* Either side of a random field moves. */
static void edit(struct pair *pair)
{
    int f = (int)below(FIELDS);
    if (below(2))
        pair->old_now[f] = text_value(below(RAW));
    else
        pair->new_now[f] = text_value(below(TEXT_COUNT));
}

static const int FORWARDS[FIELDS] = {0, 1, 2, 3}, BACKWARDS[FIELDS] = {3, 2, 1, 0};

/* Of each field: both say the same, or new keeps an edit of its own, or the truth said new, or it is asked. */
static void nothing_lost(const struct pair *pair)
{
    for (int f = 0; f < FIELDS; f++) {
        bool follows = value_equal(pair->new_now[f], pair->old_now[f]) ||
                       value_equal(pair->new_now[f], stored(pair->old_now[f], f));
        bool settled = pair->base[f].known && base_is(pair->base[f].old_side, pair->old_now[f]);
        assert_true(follows || settled || pair->question[f]);
    }
}

static void one_history(uint64_t from)
{
    static const struct truth_rule none[1];
    struct truth_rule rule = {TRUTH_EVERY_FIELD, TRUTH_REVIEW, false, TRUTH_ALWAYS};
    state_of_random = from;
    rule.choice = (enum truth_choice)below(TRUTH_CHOICE_COUNT);
    rule.enforce = rule.choice == TRUTH_OLD && below(2);
    bool declared = below(2);
    struct entity entity = {.truth = declared ? &rule : none, .truth_count = declared};
    struct pair pair;
    memset(&pair, 0, sizeof pair);
    for (int f = 0; f < FIELDS; f++) {
        pair.old_now[f] = text_value(below(RAW));
        pair.new_now[f] = below(2) ? pair.old_now[f] : text_value(below(TEXT_COUNT));
    }
    for (int step = 0; step < STEPS; step++) {
        edit(&pair);
        if (below(3))
            edit(&pair);
        struct pair other = pair;
        merge_all(&entity, &pair, FORWARDS);
        merge_all(&entity, &other, BACKWARDS); /* disjoint fields commute */
        same(&pair, &other);
        nothing_lost(&pair);
        merge_all(&entity, &other,
                  FORWARDS); /* idempotent: nothing is written again, no question vanishes */
        same(&pair, &other);
    }
}

static uint64_t seed;

static void histories(void **state)
{
    (void)state;
    for (seed = 1; seed <= RUNS; seed++) {
        one_history(seed);
        arena_reset(&arena);
    }
}

static int say_seed(void **state)
{
    (void)state;
    if (seed <= RUNS)
        print_error("failed with seed %llu\n", (unsigned long long)seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(histories, say_seed)};
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_clear(&arena);
    return failed;
}
