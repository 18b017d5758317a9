/*
 * test_merge — the three-way merge of one field, every row of the design's
 * table and every combination of its facts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "model/merge.h"

static struct arena arena;

/* "-" missing, "" blank. */
static struct value value_of(const char *text)
{
    if (strcmp(text, "-") == 0)
        return (struct value){VALUE_MISSING, SPAN_NONE};
    return text[0] ? (struct value){VALUE_SET, span_of(text)}
                   : (struct value){VALUE_BLANK, SPAN_NONE};
}

enum known { NO_BASE, BASE, SENT /* known but unconfirmed */ };

static const struct {
    const char *name;
    enum known known;
    const char *base_old, *base_new, *old_now, *new_now;
    enum merge_verdict want;
} CASES[] = {
    {"neither moved", BASE, "a", "a", "a", "a", MERGE_NOTHING},
    {"neither moved, stored otherwise", BASE, "a", "A", "a", "A", MERGE_NOTHING},
    {"old moved", BASE, "a", "a", "b", "a", MERGE_WRITE},
    {"old moved, stored otherwise", BASE, "a", "A", "b", "A", MERGE_WRITE},
    {"old blanked", BASE, "a", "a", "", "a", MERGE_WRITE},
    {"old filled", BASE, "", "", "b", "", MERGE_WRITE},
    {"new moved", BASE, "a", "a", "a", "b", MERGE_KEEP},
    {"new blanked", BASE, "a", "a", "a", "", MERGE_KEEP},
    {"new filled", BASE, "", "", "", "b", MERGE_KEEP},
    {"new moved to what old says", BASE, "a", "A", "a", "a", MERGE_AGREE},
    {"old moved to what new says", BASE, "a", "A", "A", "A", MERGE_AGREE},
    {"both moved, same value", BASE, "a", "a", "b", "b", MERGE_AGREE},
    {"both blanked", BASE, "a", "a", "", "", MERGE_AGREE},
    {"both moved, other values", BASE, "a", "a", "b", "c", MERGE_HOLD_CONFLICT},
    {"old blanked, new moved", BASE, "a", "a", "", "c", MERGE_HOLD_CONFLICT},
    {"old moved, new blanked", BASE, "a", "a", "b", "", MERGE_HOLD_CONFLICT},

    {"first meeting, equal", NO_BASE, "-", "-", "a", "a", MERGE_AGREE},
    {"first meeting, both blank", NO_BASE, "-", "-", "", "", MERGE_AGREE},
    {"first meeting, new blank", NO_BASE, "-", "-", "a", "", MERGE_WRITE},
    {"first meeting, old blank", NO_BASE, "-", "-", "", "a", MERGE_AGREE},
    {"first meeting, different", NO_BASE, "-", "-", "a", "b", MERGE_HOLD_FIRST},

    {"sent, and so it stands there", SENT, "a", "a", "a", "a", MERGE_AGREE},
    {"sent, it stands there, old moved", SENT, "a", "a", "b", "a", MERGE_WRITE},
    {"sent, something else stands there", SENT, "a", "a", "a", "A", MERGE_HOLD_UNCONFIRMED},
    {"sent, something else, old moved", SENT, "a", "a", "b", "A", MERGE_HOLD_UNCONFIRMED},
    {"sent, something else, which old says now", SENT, "a", "a", "b", "b", MERGE_AGREE},
    {"sent, nothing stands there", SENT, "a", "a", "a", "", MERGE_HOLD_UNCONFIRMED},

    {"old does not say", BASE, "a", "a", "-", "b", MERGE_NOTHING},
    {"old does not say, first meeting", NO_BASE, "-", "-", "-", "b", MERGE_NOTHING},
    {"old does not say, create", NO_BASE, "-", "-", "-", "-", MERGE_NOTHING},
    {"create", NO_BASE, "-", "-", "a", "-", MERGE_WRITE},
    {"create, blank", NO_BASE, "-", "-", "", "-", MERGE_AGREE},
    {"create again", BASE, "a", "a", "a", "-", MERGE_WRITE},
    {"create again, blank", BASE, "", "a", "", "-", MERGE_AGREE},
};

static void fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct base_pair base = {.known = CASES[i].known != NO_BASE,
                                 .unconfirmed = CASES[i].known == SENT,
                                 .old_side = base_of(value_of(CASES[i].base_old), &arena),
                                 .new_side = base_of(value_of(CASES[i].base_new), &arena)};
        enum merge_verdict got =
            merge_field(&base, value_of(CASES[i].old_now), value_of(CASES[i].new_now));
        if (got != CASES[i].want)
            fail_msg("%s: %s, not %s", CASES[i].name, merge_verdict_name(got),
                     merge_verdict_name(CASES[i].want));
    }
}

/* Over all facts: nothing is overwritten blindly, no change of old is forgotten, a settled field stays settled. */
static void laws(void **state)
{
    (void)state;
    static const char *const texts[] = {"-", "", "a", "b", "c"};
    enum { COUNT = 5 };
    for (int n = 0; n < 3 * COUNT * COUNT * COUNT * COUNT; n++) {
        int at = n;
        enum known known = (enum known)(at % 3);
        at /= 3;
        struct value base_old = value_of(texts[at % COUNT]),
                     base_new = value_of(texts[at / COUNT % COUNT]);
        struct value old_now = value_of(texts[at / COUNT / COUNT % COUNT]);
        struct value new_now = value_of(texts[at / COUNT / COUNT / COUNT]);
        if (known != NO_BASE && (base_old.kind == VALUE_MISSING || base_new.kind == VALUE_MISSING))
            continue; /* what was agreed on was seen */
        struct base_pair base = {known != NO_BASE, known == SENT, base_of(base_old, &arena),
                                 base_of(base_new, &arena)};
        enum merge_verdict got = merge_field(&base, old_now, new_now);
        bool new_moved = known != NO_BASE && !value_equal(base_new, new_now);
        bool old_moved = known != NO_BASE && !value_equal(base_old, old_now);
        if (got == MERGE_WRITE)
            assert_true(new_now.kind != VALUE_SET || (known != NO_BASE && !new_moved));
        if (old_now.kind == VALUE_MISSING)
            assert_int_equal(got, MERGE_NOTHING);
        if (value_equal(old_now, new_now))
            assert_true(got == MERGE_AGREE || got == MERGE_NOTHING);
        if (old_moved && old_now.kind != VALUE_MISSING)
            assert_true(got != MERGE_NOTHING && got != MERGE_KEEP);
        /* After an agreement or a confirmed write the field is at rest. */
        if (old_now.kind == VALUE_MISSING || new_now.kind == VALUE_MISSING)
            continue;
        struct value stored = got == MERGE_WRITE ? old_now : new_now;
        if (got == MERGE_AGREE || got == MERGE_WRITE) {
            struct base_pair next = {true, false, base_of(old_now, &arena),
                                     base_of(stored, &arena)};
            assert_int_equal(merge_field(&next, old_now, stored), MERGE_NOTHING);
        }
    }
}

static void long_values(void **state)
{
    (void)state;
    char *text = calloc(1, 5000);
    assert_non_null(text);
    memset(text, 'a', 4999);
    struct value at_limit = {VALUE_SET, {text, BASE_INLINE_BYTES}};
    struct value above = {VALUE_SET, {text, BASE_INLINE_BYTES + 1}},
                 longer = {VALUE_SET, {text, 4999}};
    struct base_side inline_side = base_of(at_limit, &arena), hashed = base_of(above, &arena);
    assert_int_equal(inline_side.bytes, 0);
    assert_ptr_equal(inline_side.text.data, text);
    assert_int_equal(hashed.bytes, BASE_INLINE_BYTES + 1);
    assert_int_equal(hashed.text.len, 64);
    assert_true(base_is(hashed, above));
    assert_true(base_is(inline_side, at_limit));
    assert_false(base_is(hashed, longer));
    assert_false(base_is(hashed, at_limit));
    text[7] = 'b';
    assert_false(base_is(hashed, above));
    /* The hash itself is not the value. */
    assert_false(base_is(hashed, (struct value){VALUE_SET, hashed.text}));
    assert_false(base_is(hashed, value_of("")));
    free(text);
}

static void bases(void **state)
{
    (void)state;
    static const char *const texts[] = {"-", "", "a", "b"};
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++)
            assert_int_equal(base_is(base_of(value_of(texts[i]), &arena), value_of(texts[k])),
                             i == k);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(merge_verdict_name(MERGE_NOTHING), "nothing");
    assert_string_equal(merge_verdict_name(MERGE_HOLD_UNCONFIRMED), "unconfirmed");
    assert_string_equal(merge_verdict_name(MERGE_VERDICT_COUNT), "?");
}

/* What follows from each verdict: written, agreed, asked, or none of them. */
static void consequences(void **state)
{
    (void)state;
    static const char want[MERGE_VERDICT_COUNT] = {
        [MERGE_NOTHING] = '-',
        [MERGE_AGREE] = 'b',
        [MERGE_WRITE] = 'w',
        [MERGE_KEEP] = '-',
        [MERGE_HOLD_CONFLICT] = 'h',
        [MERGE_HOLD_FIRST] = 'h',
        [MERGE_HOLD_UNCONFIRMED] = 'h',
        [MERGE_TRUTH_OLD] = 'w',
        [MERGE_TRUTH_NEW] = 'b',
    };
    for (int v = 0; v < MERGE_VERDICT_COUNT; v++) {
        enum merge_verdict verdict = (enum merge_verdict)v;
        assert_int_equal(merge_writes(verdict), want[v] == 'w');
        assert_int_equal(merge_moves_base(verdict), want[v] == 'b');
        assert_int_equal(merge_holds(verdict), want[v] == 'h');
    }
}

/* Deleted in old: the policy, but never over an edit. */
static void deletes(void **state)
{
    (void)state;
    for (int i = 0; i < DELETES_COUNT; i++) {
        assert_int_equal(merge_deleted((enum delete_policy)i, false), i);
        assert_int_equal(merge_deleted((enum delete_policy)i, true), DELETES_REVIEW);
    }
    struct base_pair base = {true, false, base_of(value_of("a"), &arena),
                             base_of(value_of("A"), &arena)};
    assert_false(merge_edited(&base, value_of("A")));
    assert_true(merge_edited(&base, value_of("a")));
    assert_true(merge_edited(&base, value_of("")));
    base.known = false; /* never met: nobody can say that it was edited since */
    assert_false(merge_edited(&base, value_of("a")));
}

static int open_all(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),  cmocka_unit_test(laws),  cmocka_unit_test(long_values),
        cmocka_unit_test(bases),   cmocka_unit_test(names), cmocka_unit_test(consequences),
        cmocka_unit_test(deletes),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
