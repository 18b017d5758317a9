/*
 * test_state — the machine of one record as tables, and its laws over all
 * combinations of facts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/state.h"

/* A settled row with a version; the event's order against it. */
#define ROW .row_exists = true, .row_has_version = true
/* A row that waits with an event of its own; this event's order against that one. */
#define PENDING(against) .has_pending = true, .pending_order = VERSION_##against
#define ORDER(against)   .order = VERSION_##against
#define STATUS(name)     .status = STATE_##name

static const struct {
    const char *name;
    struct event_facts given;
    enum event_verdict want;
} EVENTS[] = {
    {"first sight", {.due = true, ORDER(NEWER)}, EVENT_APPLY},
    {"a row that applied nothing yet",
     {.row_exists = true, .due = true, ORDER(OLDER)},
     EVENT_APPLY},
    {"newer", {ROW, .due = true, ORDER(NEWER)}, EVENT_APPLY},
    {"older: a delayed page", {ROW, .due = true, ORDER(OLDER)}, EVENT_STALE},
    {"older, same content", {ROW, .due = true, ORDER(OLDER), .same_content = true}, EVENT_STALE},
    {"redelivered", {ROW, .due = true, ORDER(SAME), .same_content = true}, EVENT_DUPLICATE},
    {"read again, nothing changed",
     {ROW, .due = true, ORDER(NEWER), .same_content = true},
     EVENT_ADVANCE},
    {"unordered", {ROW, .due = true, ORDER(UNORDERED)}, EVENT_READ_AGAIN},
    {"held, newer", {ROW, STATUS(HELD), .due = true, ORDER(NEWER)}, EVENT_APPLY},
    {"held, redelivered",
     {ROW, STATUS(HELD), .due = true, ORDER(SAME), .same_content = true},
     EVENT_DUPLICATE},
    {"no order at all", {ROW, .due = true, ORDER(ORDER_COUNT)}, EVENT_READ_AGAIN},

    {"repair, same",
     {ROW, .due = true, .repair = true, ORDER(SAME), .same_content = true},
     EVENT_APPLY},
    {"repair, newer, same content",
     {ROW, .due = true, .repair = true, ORDER(NEWER), .same_content = true},
     EVENT_APPLY},
    {"repair, older", {ROW, .due = true, .repair = true, ORDER(OLDER)}, EVENT_STALE},
    {"repair, unordered", {ROW, .due = true, .repair = true, ORDER(UNORDERED)}, EVENT_READ_AGAIN},
    {"partial, whatever the order", {ROW, .due = true, .partial = true, ORDER(OLDER)}, EVENT_APPLY},

    {"deleted, late page", {ROW, .row_deleted = true, .due = true, ORDER(OLDER)}, EVENT_STALE},
    {"deleted, the same",
     {ROW, .row_deleted = true, .due = true, ORDER(SAME), .same_content = true},
     EVENT_STALE},
    {"deleted, seen again", {ROW, .row_deleted = true, .due = true, ORDER(NEWER)}, EVENT_CONFIRM},
    {"deleted, seen again, read",
     {ROW, .row_deleted = true, .due = true, ORDER(NEWER), .confirmed = true},
     EVENT_APPLY},
    {"deleted, older, read",
     {ROW, .row_deleted = true, .due = true, ORDER(OLDER), .confirmed = true},
     EVENT_STALE},
    {"deleted, deleted again",
     {ROW, .row_deleted = true, .due = true, ORDER(NEWER), .same_content = true},
     EVENT_ADVANCE},
    {"deleted, unordered",
     {ROW, .row_deleted = true, .due = true, ORDER(UNORDERED)},
     EVENT_READ_AGAIN},
    {"deleted, repair, same",
     {ROW, .row_deleted = true, .due = true, .repair = true, .confirmed = true, ORDER(SAME),
      .same_content = true},
     EVENT_STALE},
    {"deleted, repair",
     {ROW, .row_deleted = true, .due = true, .repair = true, .confirmed = true, ORDER(NEWER)},
     EVENT_APPLY},

    {"operation in flight",
     {ROW, .op_in_flight = true, .due = true, ORDER(NEWER)},
     EVENT_LOOK_FIRST},
    {"operation in flight, its own event again, of the version that was refused",
     {ROW, .op_in_flight = true, .own_op = true, .due = true, ORDER(SAME), .same_content = true},
     EVENT_LOOK_FIRST},
    {"operation in flight, its own event, older than the row",
     {ROW, .op_in_flight = true, .own_op = true, .due = true, ORDER(OLDER)},
     EVENT_STALE},
    {"operation in flight, not due", {ROW, .op_in_flight = true, ORDER(NEWER)}, EVENT_LOOK_FIRST},
    {"operation in flight, no row",
     {.op_in_flight = true, .due = true, ORDER(NEWER)},
     EVENT_LOOK_FIRST},
    {"operation in flight, redelivered",
     {ROW, .op_in_flight = true, .due = true, ORDER(SAME), .same_content = true},
     EVENT_DUPLICATE},
    {"operation in flight, older",
     {ROW, .op_in_flight = true, .due = true, ORDER(OLDER)},
     EVENT_STALE},
    {"operation in flight, unordered",
     {ROW, .op_in_flight = true, .due = true, ORDER(UNORDERED)},
     EVENT_READ_AGAIN},
    {"operation in flight, repair",
     {ROW, .op_in_flight = true, .due = true, .repair = true, ORDER(SAME)},
     EVENT_LOOK_FIRST},
    {"operation in flight of a waiting row",
     {ROW, STATUS(WAITING), .op_in_flight = true, PENDING(SAME), ORDER(NEWER)},
     EVENT_LOOK_FIRST},
    {"operation in flight, older than the pending",
     {ROW, STATUS(WAITING), .op_in_flight = true, PENDING(OLDER)},
     EVENT_STALE},

    {"uncertain, due",
     {ROW, STATUS(UNCERTAIN), .due = true, PENDING(SAME), ORDER(NEWER)},
     EVENT_LOOK_FIRST},
    {"uncertain, due, A again after B",
     {ROW, STATUS(UNCERTAIN), .due = true, PENDING(NEWER), ORDER(NEWER), .same_content = true},
     EVENT_LOOK_FIRST},
    {"uncertain, due, older than the pending",
     {ROW, STATUS(UNCERTAIN), .due = true, PENDING(OLDER), ORDER(NEWER)},
     EVENT_STALE},
    {"uncertain, due, nothing pending, older: not what is looked for",
     {ROW, STATUS(UNCERTAIN), .due = true, ORDER(OLDER)},
     EVENT_STALE},
    {"uncertain, due, nothing pending, unordered",
     {ROW, STATUS(UNCERTAIN), .due = true, ORDER(UNORDERED)},
     EVENT_READ_AGAIN},
    {"uncertain, due, nothing pending, the same",
     {ROW, STATUS(UNCERTAIN), .due = true, ORDER(SAME), .same_content = true},
     EVENT_LOOK_FIRST},
    {"uncertain, not due, newer, another operation was begun",
     {ROW, STATUS(UNCERTAIN), .op_in_flight = true, .begun = true, PENDING(NEWER)},
     EVENT_LOOK_FIRST},
    {"uncertain, not due, older, another operation was begun",
     {ROW, STATUS(UNCERTAIN), .op_in_flight = true, .begun = true, PENDING(OLDER)},
     EVENT_STALE},
    {"uncertain, due, nothing pending",
     {ROW, STATUS(UNCERTAIN), .due = true, ORDER(NEWER)},
     EVENT_LOOK_FIRST},
    {"uncertain, not due, newer",
     {ROW, STATUS(UNCERTAIN), .op_in_flight = true, PENDING(NEWER)},
     EVENT_PARK},
    {"uncertain, not due, the pending again",
     {ROW, STATUS(UNCERTAIN), .op_in_flight = true, PENDING(SAME)},
     EVENT_DUPLICATE},
    {"uncertain, not due, older", {ROW, STATUS(UNCERTAIN), PENDING(OLDER)}, EVENT_STALE},
    {"uncertain, not due, unordered",
     {ROW, STATUS(UNCERTAIN), PENDING(UNORDERED)},
     EVENT_READ_AGAIN},
    {"uncertain, not due, nothing pending, newer",
     {ROW, STATUS(UNCERTAIN), ORDER(NEWER)},
     EVENT_PARK},
    {"uncertain, not due, nothing pending, older",
     {ROW, STATUS(UNCERTAIN), ORDER(OLDER)},
     EVENT_STALE},
    {"uncertain, not due, no version",
     {.row_exists = true, STATUS(UNCERTAIN), ORDER(OLDER)},
     EVENT_PARK},
    {"rebuild, read just now, due",
     {.row_exists = true, STATUS(REBUILD), .confirmed = true, .due = true, ORDER(NEWER)},
     EVENT_LOOK_FIRST},
    {"rebuild, read just now, not due",
     {.row_exists = true, STATUS(REBUILD), .confirmed = true, ORDER(NEWER)},
     EVENT_PARK},
    {"rebuild, any other event",
     {.row_exists = true, STATUS(REBUILD), .due = true, ORDER(NEWER)},
     EVENT_CONFIRM},

    {"waiting, newer", {ROW, STATUS(WAITING), PENDING(NEWER)}, EVENT_PARK},
    {"waiting, the pending again", {ROW, STATUS(WAITING), PENDING(SAME)}, EVENT_DUPLICATE},
    {"waiting, older", {ROW, STATUS(WAITING), PENDING(OLDER)}, EVENT_STALE},
    {"waiting, unordered", {ROW, STATUS(WAITING), PENDING(UNORDERED)}, EVENT_READ_AGAIN},
    {"waiting, repair, newer", {ROW, STATUS(WAITING), .repair = true, PENDING(NEWER)}, EVENT_PARK},
    {"waiting, nothing pending, newer", {ROW, STATUS(WAITING), ORDER(NEWER)}, EVENT_PARK},
    {"waiting, nothing pending, same content",
     {ROW, STATUS(WAITING), ORDER(NEWER), .same_content = true},
     EVENT_PARK},
    {"waiting, nothing pending, same",
     {ROW, STATUS(WAITING), ORDER(SAME), .same_content = true},
     EVENT_DUPLICATE},
    {"waiting, nothing pending, repair",
     {ROW, STATUS(WAITING), ORDER(SAME), .repair = true},
     EVENT_PARK},
    {"waiting, nothing pending, deleted",
     {ROW, STATUS(WAITING), .row_deleted = true, ORDER(NEWER)},
     EVENT_CONFIRM},
    {"waiting, due, its own event",
     {ROW, STATUS(WAITING), .due = true, PENDING(SAME), ORDER(NEWER)},
     EVENT_APPLY},
    {"waiting, due, a newer one",
     {ROW, STATUS(WAITING), .due = true, PENDING(NEWER), ORDER(NEWER)},
     EVENT_APPLY},
    {"waiting, due, an older one",
     {ROW, STATUS(WAITING), .due = true, PENDING(OLDER), ORDER(NEWER)},
     EVENT_STALE},
    {"waiting, due, first time",
     {.row_exists = true, STATUS(WAITING), .due = true, ORDER(NEWER)},
     EVENT_APPLY},
    {"waiting, due, applied meanwhile",
     {ROW, STATUS(WAITING), .due = true, PENDING(SAME), ORDER(SAME), .same_content = true},
     EVENT_DUPLICATE},
};

static void events(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(EVENTS) / sizeof(EVENTS[0]); i++) {
        enum event_verdict got = state_on_event(&EVENTS[i].given);
        if (got != EVENTS[i].want)
            fail_msg("%s: %s, not %s", EVENTS[i].name, event_verdict_name(got),
                     event_verdict_name(EVENTS[i].want));
    }
}

static struct event_facts facts_of(unsigned bits)
{
    return (struct event_facts){
        .row_exists = bits & 1,
        .row_has_version = bits >> 1 & 1,
        .row_deleted = bits >> 2 & 1,
        .op_in_flight = bits >> 3 & 1,
        .due = bits >> 4 & 1,
        .same_content = bits >> 5 & 1,
        .repair = bits >> 6 & 1,
        .confirmed = bits >> 7 & 1,
        .partial = bits >> 8 & 1,
        .has_pending = bits >> 9 & 1,
        .order = (enum version_order)(bits >> 10 & 3),
        .pending_order = (enum version_order)(bits >> 12 & 3),
        .status = (enum state_status)(bits >> 14),
    };
}

static void check_laws(const struct event_facts *facts)
{
    enum event_verdict got = state_on_event(facts);
    bool settled = facts->status == STATE_IDLE || facts->status == STATE_HELD;
    bool unknown =
        facts->status == STATE_UNCERTAIN || facts->status == STATE_REBUILD || facts->op_in_flight;
    bool writes = got == EVENT_APPLY || got == EVENT_ADVANCE;
    /* Nothing is written while an operation's outcome is unknown: it is looked at first. */
    if (unknown)
        assert_false(writes);
    /* A settled row parks nothing, for nobody would go on with it. */
    if (settled && !facts->op_in_flight)
        assert_int_not_equal(got, EVENT_PARK);
    /* An older event never replaces or overtakes anything. */
    if (facts->has_pending && facts->pending_order == VERSION_OLDER)
        assert_int_equal(got, EVENT_STALE);
    if (!facts->partial && facts->row_has_version && facts->order == VERSION_OLDER)
        assert_false(writes);
    /* What cannot be ordered is read again, never written. */
    if (!facts->partial && facts->row_has_version && facts->order == VERSION_UNORDERED)
        assert_false(writes);
    /* A deleted record is not resurrected by a sighting. */
    if (!facts->partial && facts->row_has_version && facts->row_deleted && !facts->confirmed)
        assert_int_not_equal(got, EVENT_APPLY);
    /* Something newer is never dropped. */
    if (facts->order == VERSION_NEWER &&
        (!facts->has_pending || facts->pending_order == VERSION_NEWER))
        assert_true(got != EVENT_STALE && got != EVENT_DUPLICATE);
    if (got == EVENT_LOOK_FIRST)
        assert_true(unknown);
}

static void laws(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < (unsigned)STATE_STATUS_COUNT << 14; bits++) {
        struct event_facts facts = facts_of(bits);
        check_laws(&facts);
    }
}

static void after_write(void **state)
{
    (void)state;
    static const struct {
        enum write_result result;
        int attempt, max;
        enum write_verdict want;
    } cases[] = {
        {WRITE_OK, 0, 10, AFTER_DONE},
        {WRITE_MISMATCH, 0, 10, AFTER_READ_AGAIN},
        {WRITE_EXISTS, 0, 10, AFTER_READ_AGAIN},
        {WRITE_GONE, 0, 10, AFTER_HOLD},
        {WRITE_REFUSED, 0, 10, AFTER_DEAD_LETTER},
        {WRITE_BUSY, 0, 10, AFTER_WAIT},
        {WRITE_BUSY, 9, 10, AFTER_WAIT},
        {WRITE_BUSY, 10, 10, AFTER_DEAD_LETTER},
        {WRITE_BUSY, 11, 10, AFTER_DEAD_LETTER},
        {WRITE_UNKNOWN, 0, 10, AFTER_UNCERTAIN},
        {WRITE_UNKNOWN, 99, 10, AFTER_UNCERTAIN},
        {WRITE_RESULT_COUNT, 0, 10, AFTER_UNCERTAIN},
        {(enum write_result)99, 0, 10, AFTER_UNCERTAIN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (state_after_write(cases[i].result, cases[i].attempt, cases[i].max) != cases[i].want)
            fail_msg("case %zu", i);
}

static void fold(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t row, highest;
        bool accepted;
        enum fold_verdict want;
    } cases[] = {
        {"of the owner", 5, 5, false, FOLD_ACCEPT},
        {"of the owner, again", 5, 5, true, FOLD_ACCEPT},
        {"before any assignment", 0, 0, false, FOLD_ACCEPT},
        {"of a later one", 6, 5, false, FOLD_ACCEPT},
        {"of a zombie", 4, 5, true, FOLD_REFUSE},
        {"of a zombie, and nothing beside it", 4, 5, false, FOLD_REFUSE_UNCERTAIN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (state_fold(cases[i].row, cases[i].highest, cases[i].accepted) != cases[i].want)
            fail_msg("%s", cases[i].name);
}

static void beside_a_refused_row(void **state)
{
    (void)state;
    static const struct {
        const char *name, *op, *refused_op;
        enum state_status status, refused;
        int64_t refused_due_ms;
        bool want;
        int64_t due_ms;
    } cases[] = {
        {"of an operation begun after ours", "0.1.7", "0.1.8", STATE_IDLE, STATE_IDLE, 0, true, 1},
        {"of a later owner's", "0.1.7", "0.2.1", STATE_HELD, STATE_IDLE, 0, true, 1},
        {"where we wrote nothing", "", "0.1.1", STATE_IDLE, STATE_IDLE, 0, true, 1},
        {"not executed yet", "", "0.1.1", STATE_IDLE, STATE_UNCERTAIN, 900, true, 900},
        {"of one that we know", "0.1.7", "0.1.7", STATE_IDLE, STATE_IDLE, 0, false, 0},
        {"of one before ours", "0.3.1", "0.1.8", STATE_IDLE, STATE_IDLE, 0, false, 0},
        {"that wrote nothing", "0.1.7", "", STATE_IDLE, STATE_IDLE, 0, false, 0},
        {"and ours looks already", "0.1.7", "0.1.8", STATE_UNCERTAIN, STATE_IDLE, 0, false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct row row = {.status = cases[i].status, .op = span_of(cases[i].op)};
        struct row refused = {.status = cases[i].refused,
                              .op = span_of(cases[i].refused_op),
                              .due_ms = cases[i].refused_due_ms};
        row.waits_on = span_of("email=a@x.org");
        if (state_unknown_beside(&row, &refused) != cases[i].want || row.due_ms != cases[i].due_ms)
            fail_msg("%s", cases[i].name);
        assert_int_equal(row.status, cases[i].want ? STATE_UNCERTAIN : cases[i].status);
        assert_int_equal(row.waits_on.len == 0, cases[i].want);
    }
}

/* What a settled one of a later version agreed on is so; of an older one, or of another twin, nobody knows. */
static void beside_a_settled_row(void **state)
{
    (void)state;
    static const struct {
        const char *name, *twin, *refused_twin;
        int64_t modified_ms, refused_ms;
        enum state_status refused;
        bool want;
    } cases[] = {
        {"of a later version", "501", "501", 10, 11, STATE_IDLE, true},
        {"with a question", "501", "501", 10, 11, STATE_HELD, true},
        {"where we have no twin", "", "501", 10, 11, STATE_IDLE, true},
        {"of an older version", "501", "501", 10, 9, STATE_IDLE, false},
        {"of another twin", "501", "502", 10, 11, STATE_IDLE, false},
        {"not known to be written", "501", "501", 10, 11, STATE_UNCERTAIN, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_pair ours[1] = {{0}}, theirs[1] = {{0}};
        struct row row = {.has_version = true,
                          .version = {cases[i].modified_ms, 100, 110, 1},
                          .twin = span_of(cases[i].twin),
                          .op = span_of("0.1.7"),
                          .base = ours};
        struct row refused = {.status = cases[i].refused,
                              .has_version = true,
                              .version = {cases[i].refused_ms, 100, 110, 1},
                              .twin = span_of(cases[i].refused_twin),
                              .op = span_of("0.1.8"),
                              .base = theirs};
        assert_true(state_unknown_beside(&row, &refused));
        if ((row.base == theirs) != cases[i].want)
            fail_msg("%s", cases[i].name);
        assert_true(span_is(row.op, cases[i].want ? "0.1.8" : "0.1.7"));
        assert_int_equal(row.version.modified_ms, cases[i].modified_ms);
    }
}

/* While ours looks for an unknown operation, a settled one of a later version says how the next one ended: what is looked for is that. */
static void beside_a_settled_row_while_looking(void **state)
{
    (void)state;
    static const enum state_status looking[] = {STATE_UNCERTAIN, STATE_REBUILD};
    for (size_t i = 0; i < sizeof looking / sizeof looking[0]; i++) {
        struct base_pair ours[1] = {{0}}, theirs[1] = {{0}};
        struct value our_sent[1] = {{VALUE_SET, span_of("b")}}, their_sent[1] = {{0}};
        struct row row = {.status = looking[i],
                          .op = span_of("0.1.7"),
                          .due_ms = 900,
                          .why = span_of("ours"),
                          .base = ours,
                          .sent = our_sent};
        struct row refused = {.status = STATE_HELD,
                              .has_version = true,
                              .twin = span_of("501"),
                              .op = span_of("0.1.8"),
                              .base = theirs,
                              .sent = their_sent};
        assert_true(state_unknown_beside(&row, &refused));
        assert_true(row.base == theirs && row.sent == their_sent);
        assert_true(span_is(row.op, "0.1.8") && span_is(row.twin, "501"));
        assert_int_equal(row.status, looking[i]);
        assert_int_equal(row.due_ms, 900);
        assert_true(span_is(row.why, "ours"));
    }
}

/* Ours names no operation: the one that was begun and not answered, and what it sent, stands only in the refused row. */
static void beside_an_unknown_operation(void **state)
{
    (void)state;
    static const struct {
        const char *name, *op;
        enum state_status status;
        int64_t due_ms, want_due_ms;
        bool takes;
    } cases[] = {
        {"ours waits", "", STATE_WAITING, 100, 900, true},
        {"ours looks, and not as long", "", STATE_UNCERTAIN, 100, 900, true},
        {"ours looks, and longer", "", STATE_UNCERTAIN, 1000, 1000, true},
        {"ours settled an operation", "0.1.7", STATE_IDLE, 0, 900, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct value ours[1] = {{0}}, theirs[1] = {{VALUE_SET, span_of("b")}};
        struct row row = {.status = cases[i].status,
                          .op = span_of(cases[i].op),
                          .due_ms = cases[i].due_ms,
                          .sent = ours};
        struct row refused = {
            .status = STATE_UNCERTAIN, .op = span_of("0.1.8"), .due_ms = 900, .sent = theirs};
        assert_true(state_unknown_beside(&row, &refused));
        if (row.status != STATE_UNCERTAIN || row.due_ms != cases[i].want_due_ms ||
            (row.sent == theirs) != cases[i].takes || span_is(row.op, "0.1.8") != cases[i].takes)
            fail_msg("%s", cases[i].name);
    }
}

static void merged(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct merge_facts given;
        enum merged_verdict want;
    } cases[] = {
        {"the winner has no twin (yet)", {0}, MERGED_GIVE_UP},
        {"and never gets one", {.tried = true}, MERGED_ALONE},
        {"it took the loser's over", {.winner_has_twin = true, .same_twin = true}, MERGED_OVER},
        {"at the last look",
         {.winner_has_twin = true, .same_twin = true, .tried = true},
         MERGED_OVER},
        {"it has one of its own", {.winner_has_twin = true}, MERGED_TWO},
        {"and is deleted: its twin was kept",
         {.winner_has_twin = true, .winner_deleted = true},
         MERGED_TWO},
        {"it was deleted", {.winner_deleted = true}, MERGED_DELETE},
        {"after many looks", {.winner_deleted = true, .tried = true}, MERGED_DELETE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (state_on_merge(&cases[i].given) != cases[i].want)
            fail_msg("%s", cases[i].name);
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < STATE_STATUS_COUNT; i++)
        assert_int_equal(state_status_parse(span_of(state_status_name((enum state_status)i))), i);
    for (int i = 0; i < HELD_CLASS_COUNT; i++)
        assert_int_equal(held_class_parse(span_of(held_class_name((enum held_class)i))), i);
    assert_int_equal(state_status_parse(span_of("busy")), -1);
    assert_int_equal(held_class_parse(span_of("")), -1);
    assert_string_equal(state_status_name(STATE_STATUS_COUNT), "?");
    assert_string_equal(held_class_name(HELD_CLASS_COUNT), "?");
    assert_string_equal(event_verdict_name(EVENT_CONFIRM), "confirm");
    assert_string_equal(event_verdict_name(EVENT_VERDICT_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events),
        cmocka_unit_test(laws),
        cmocka_unit_test(after_write),
        cmocka_unit_test(fold),
        cmocka_unit_test(beside_a_refused_row),
        cmocka_unit_test(beside_a_settled_row),
        cmocka_unit_test(beside_a_settled_row_while_looking),
        cmocka_unit_test(beside_an_unknown_operation),
        cmocka_unit_test(merged),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
