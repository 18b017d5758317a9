/*
 * test_judge — which difference verify counts as explained, as a table: two
 * fields (name in both systems, note only in the old one), a row, and the class that must come out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "consumers/verify/judge.h"

static const struct field FIELDS[] = {
    {.name = "name", .old_name = "Name", .new_name = "name"},
    {.name = "note", .old_name = "Note", .new_name = NULL},
};
static const struct entity ENTITY = {.name = "contact", .fields = FIELDS, .field_count = 2};

enum has_row { ROW, NO_ROW };
enum has_twin { TWIN, TWIN_GONE, NEVER };

struct given {
    const char *name;
    const char *old_now, *new_now; /* of field name; NULL = the record fails its mapping */
    enum has_row row;
    enum has_twin twin;
    enum state_status status;
    const char *base_old, *base_new; /* NULL = they never met */
    bool unconfirmed, deleted, waits_on, shared;
    int held_field; /* as in struct held; 1 = none (field 1 is never asked about) */
    enum held_class held;
    enum judge_letter letter;
    enum judge_class want;
    char writer; /* 0: not asked */
    bool truth, is_volatile;
    enum value_type type; /* 0 = string */
    const char *held_old; /* NULL: it was asked about what stands there now */
    enum judge_link link;
};
#define NOT_HELD .held_field = 1

static const struct given CASES[] = {
    {"the same", "Ann", "Ann", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .want = JUDGE_IDENTICAL},
    {"the same, whatever the row says", "Ann", "Ann", .base_old = "x", .base_new = "y", NOT_HELD,
     .status = STATE_UNCERTAIN, .want = JUDGE_IDENTICAL},
    {"both blank", "", "", .base_old = "", .base_new = "", NOT_HELD, .want = JUDGE_IDENTICAL},
    {"both as agreed, the target normalises", "ann@X", "ann@x", .base_old = "ann@X",
     .base_new = "ann@x", NOT_HELD, .want = JUDGE_BASE},
    {"blank in old, set in new at the first meeting", "", "Ann", .base_old = "", .base_new = "Ann",
     NOT_HELD, .writer = WRITER_OTHER, .want = JUDGE_BASE},
    {"blank in old, and we set it in new", "", "Ann", .base_old = "", .base_new = "Ann", NOT_HELD,
     .writer = WRITER_US, .want = JUDGE_UNTRACED},
    {"agreed on two values: we wrote, it stores", "Ann", "A.", .base_old = "Ann", .base_new = "A.",
     NOT_HELD, .writer = WRITER_US, .want = JUDGE_BASE},
    {"agreed on two values, a person wrote: a lost update", "Ann", "Bea", .base_old = "Ann",
     .base_new = "Bea", NOT_HELD, .writer = WRITER_OTHER, .want = JUDGE_UNTRACED},
    {"the same, a truth said so", "Ann", "Bea", .base_old = "Ann", .base_new = "Bea", NOT_HELD,
     .writer = WRITER_OTHER, .truth = true, .want = JUDGE_TRUTH},
    {"a truth of two values that nobody agreed on", "Ann", "Bea", .base_old = "Ann",
     .base_new = "Cleo", NOT_HELD, .writer = WRITER_NOBODY, .truth = true,
     .want = JUDGE_UNKNOWN_WRITER},
    {"agreed on two values, never in the history", "Ann", "Bea", .base_old = "Ann",
     .base_new = "Bea", NOT_HELD, .writer = WRITER_NOBODY, .want = JUDGE_UNKNOWN_WRITER},
    {"agreed on two values, no history", "Ann", "Bea", .base_old = "Ann", .base_new = "Bea",
     NOT_HELD, .writer = WRITER_NOT_TOLD, .want = JUDGE_BASE},
    {"agreed on two values, not asked", "Ann", "Bea", .base_old = "Ann", .base_new = "Bea",
     NOT_HELD, .want = JUDGE_UNCHECKED},
    {"only new moved", "Ann", "Anna", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .writer = WRITER_OTHER, .want = JUDGE_EDITED_IN_NEW},
    {"only new moved, to blank", "Ann", "", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .writer = WRITER_OTHER, .want = JUDGE_EDITED_IN_NEW},
    {"only new moved, no history", "Ann", "Anna", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .writer = WRITER_NOT_TOLD, .want = JUDGE_EDITED_IN_NEW},
    {"only new moved, not asked", "Ann", "Anna", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .want = JUDGE_UNCHECKED},
    {"only new moved, by us", "Ann", "Anna", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .writer = WRITER_US, .want = JUDGE_LATE_WRITE},
    {"only new moved, by nobody", "Ann", "Anna", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .writer = WRITER_NOBODY, .want = JUDGE_UNKNOWN_WRITER},
    {"old moved, volatile", "Anna", "Ann", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .is_volatile = true, .want = JUDGE_VOLATILE},
    {"volatile, and new moved by nobody", "Ann", "Anna", .base_old = "Ann", .base_new = "Ann",
     NOT_HELD, .writer = WRITER_NOBODY, .is_volatile = true, .want = JUDGE_UNKNOWN_WRITER},
    {"a phone number's other form", "(555) 123-4567", "+15551234567", NOT_HELD, .type = VALUE_PHONE,
     .want = JUDGE_IDENTICAL},
    {"a question about another old value", "Anna", "Anne", .base_old = "Ann", .base_new = "Ann",
     .held_field = 0, .held = HELD_CONFLICT, .held_old = "Annika", .status = STATE_HELD,
     .want = JUDGE_NOT_APPLIED},
    {"only old moved: not followed", "Anna", "Ann", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .want = JUDGE_NOT_APPLIED},
    {"both moved, and nobody asks", "Anna", "Anne", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .want = JUDGE_NOT_APPLIED},
    {"both moved: a question", "Anna", "Anne", .base_old = "Ann", .base_new = "Ann",
     .held_field = 0, .held = HELD_CONFLICT, .status = STATE_HELD, .want = JUDGE_CONFLICT},
    {"first meeting: a question", "Ann", "Bea", .held_field = 0, .held = HELD_FIRST_MEETING,
     .status = STATE_HELD, .want = JUDGE_FIRST_MEETING},
    {"never met, and nobody asks", "Ann", "Bea", NOT_HELD, .want = JUDGE_NOT_APPLIED},
    {"new never followed what was sent", "Ann", "Bea", .base_old = "Ann", .base_new = "Ann",
     .unconfirmed = true, NOT_HELD, .want = JUDGE_UNCONFIRMED},
    {"the same, held", "Ann", "Bea", .base_old = "Ann", .base_new = "Ann", .unconfirmed = true,
     .held_field = 0, .held = HELD_UNCONFIRMED, .want = JUDGE_HELD_UNCONFIRMED},
    {"refused by the target", "Anna", "Ann", .base_old = "Ann", .base_new = "Ann", .held_field = -1,
     .held = HELD_REJECTED, .status = STATE_HELD, .want = JUDGE_REJECTED},
    {"to be tried again: explains nothing", "Anna", "Ann", .base_old = "Ann", .base_new = "Ann",
     NOT_HELD, .status = STATE_WAITING, .want = JUDGE_IN_FLIGHT},
    {"waits for another record", "Anna", "Ann", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .status = STATE_WAITING, .waits_on = true, .want = JUDGE_WAITING},
    {"outcome unknown: explains nothing", "Anna", "Ann", .base_old = "Ann", .base_new = "Ann",
     NOT_HELD, .status = STATE_UNCERTAIN, .want = JUDGE_UNCERTAIN},
    {"rebuilding: explains nothing", "Anna", "Ann", .base_old = "Ann", .base_new = "Ann", NOT_HELD,
     .status = STATE_REBUILD, .want = JUDGE_UNCERTAIN},

    {"never reached apply", "Ann", NULL, NO_ROW, NEVER, NOT_HELD, .want = JUDGE_NO_ROW},
    {"too large for Kafka", "Ann", NULL, NO_ROW, NEVER, NOT_HELD, .letter = LETTER_OTHER,
     .want = JUDGE_DEAD_LETTER},
    {"fails its mapping, said so", NULL, NULL, NO_ROW, NEVER, NOT_HELD, .letter = LETTER_MAPPING,
     .want = JUDGE_DEAD_LETTER},
    {"fails its mapping, never said", NULL, NULL, NO_ROW, NEVER, NOT_HELD,
     .want = JUDGE_UNREADABLE_OLD},
    {"failed once and is mended: an old letter explains nothing", "Ann", NULL, NO_ROW, NEVER,
     NOT_HELD, .letter = LETTER_NONE, .want = JUDGE_NO_ROW},
    {"row without twin", "Ann", NULL, ROW, NEVER, NOT_HELD, .want = JUDGE_NO_TWIN},
    {"row without twin: its twin is another's", "Ann", NULL, ROW, NEVER, .held_field = -1,
     .held = HELD_IDENTITY, .status = STATE_HELD, .want = JUDGE_IDENTITY},
    {"row without twin: two candidates", "Ann", NULL, ROW, NEVER, .held_field = -1,
     .held = HELD_AMBIGUOUS, .status = STATE_HELD, .want = JUDGE_AMBIGUOUS},
    {"row without twin: waits for a time", "Ann", NULL, ROW, NEVER, NOT_HELD,
     .status = STATE_WAITING, .want = JUDGE_IN_FLIGHT},
    {"twin deleted, nobody asks", "Ann", NULL, ROW, TWIN_GONE, NOT_HELD,
     .want = JUDGE_TWIN_MISSING},
    {"twin deleted: a question", "Ann", NULL, ROW, TWIN_GONE, .held_field = -1,
     .held = HELD_TWIN_GONE, .status = STATE_HELD, .want = JUDGE_TWIN_GONE},
    {"counts as deleted and is there", "Ann", "Ann", .base_old = "Ann", .base_new = "Ann",
     .deleted = true, NOT_HELD, .want = JUDGE_DELETED_ROW},
    {"a link as in old", "a", "a", .base_old = "a", .base_new = "a", NOT_HELD, .link = LINK_READ,
     .want = JUDGE_IDENTICAL},
    {"a link taken away in new: nobody knows who", "a", "", .base_old = "a", .base_new = "a",
     NOT_HELD, .link = LINK_READ, .writer = WRITER_NOT_TOLD, .want = JUDGE_LINK_MISSING},
    {"a link replaced in new", "a", "b", .base_old = "a", .base_new = "a", NOT_HELD,
     .link = LINK_READ, .writer = WRITER_NOT_TOLD, .want = JUDGE_LINK_DIFFERS},
    {"a link that the row agrees is another", "a", "b", .base_old = "a", .base_new = "b", NOT_HELD,
     .link = LINK_READ, .want = JUDGE_LINK_DIFFERS},
    {"the same, a truth said so", "a", "b", .base_old = "a", .base_new = "b", NOT_HELD,
     .truth = true, .link = LINK_READ, .want = JUDGE_TRUTH},
    {"a link replaced, and a question about it", "a", "b", .base_old = "c", .base_new = "c",
     .held_field = 0, .held = HELD_CONFLICT, .status = STATE_HELD, .link = LINK_READ,
     .want = JUDGE_CONFLICT},
    {"a link never made", "a", "", NOT_HELD, .link = LINK_READ, .want = JUDGE_LINK_MISSING},
    {"a link that old left", "", "b", .base_old = "b", .base_new = "b", NOT_HELD, .link = LINK_READ,
     .want = JUDGE_LINK_DIFFERS},
    {"a link where old has none", "", "b", .base_old = "", .base_new = "", NOT_HELD,
     .link = LINK_READ, .want = JUDGE_EDITED_IN_NEW},
    {"more links than were told", "a", "b", .base_old = "a", .base_new = "a", NOT_HELD,
     .link = LINK_CUT, .want = JUDGE_UNCHECKED},
    {"a link missing of a record on its way", "a", "", NOT_HELD, .link = LINK_READ,
     .status = STATE_UNCERTAIN, .want = JUDGE_UNCERTAIN},
    {"two records, one twin", "Ann", "Ann", .base_old = "Ann", .base_new = "Ann", .shared = true,
     NOT_HELD, .want = JUDGE_SHARED_TWIN},
};

static struct value value_of(const char *text)
{
    if (!text || !*text)
        return (struct value){VALUE_BLANK, SPAN_NONE};
    return (struct value){VALUE_SET, span_of(text)};
}

static enum judge_class judge(const struct given *given)
{
    struct value old_values[2] = {value_of(given->old_now), value_of("only here")};
    struct value new_values[2] = {value_of(given->new_now), {VALUE_MISSING, SPAN_NONE}};
    struct record old_record = {&ENTITY, old_values}, new_record = {&ENTITY, new_values};
    struct arena arena;
    arena_init(&arena);
    struct base_pair base[2] = {{.known = given->base_old != NULL,
                                 .unconfirmed = given->unconfirmed,
                                 .old_side = base_of(value_of(given->base_old), &arena),
                                 .new_side = base_of(value_of(given->base_new), &arena)}};
    struct held held = {.field = given->held_field,
                        .class_ = given->held,
                        .old_now = value_of(given->held_old ? given->held_old : given->old_now)};
    char writers[] = {given->writer, WRITER_NOT_TOLD, '\0'};
    bool truths[] = {given->truth, false};
    enum judge_link links[] = {given->link, LINK_NO};
    struct field fields[] = {FIELDS[0], FIELDS[1]};
    fields[0].rules.type = given->type;
    fields[0].is_volatile = given->is_volatile;
    struct entity entity = ENTITY;
    entity.fields = fields;
    struct row row = {.status = given->status,
                      .deleted = given->deleted,
                      .twin = given->twin == NEVER ? SPAN_NONE : span_of("501"),
                      .base = base,
                      .held = &held,
                      .held_count = given->held_field == 1 ? 0 : 1,
                      .waits_on = given->waits_on ? span_of("email=a@b") : SPAN_NONE};
    struct judge_facts facts = {.row = given->row == ROW ? &row : NULL,
                                .old_record = given->old_now ? &old_record : NULL,
                                .new_record = given->twin == TWIN ? &new_record : NULL,
                                .letter = given->letter,
                                .shared_twin = given->shared,
                                .writers = given->writer ? writers : NULL,
                                .truths = truths,
                                .links = links,
                                .arena = &arena};
    enum judge_class class_ = judge_record(&entity, &facts, NULL);
    arena_clear(&arena);
    return class_;
}

static void every_case_of_the_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        enum judge_class class_ = judge(&CASES[i]);
        if (class_ != CASES[i].want)
            fail_msg("%s: %s, not %s", CASES[i].name, judge_class_name(class_),
                     judge_class_name(CASES[i].want));
    }
}

static void the_worst_field_names_the_record(void **state)
{
    (void)state;
    static const struct field two[] = {{.name = "a", .old_name = "A", .new_name = "a"},
                                       {.name = "b", .old_name = "B", .new_name = "b"}};
    static const struct entity entity = {.fields = two, .field_count = 2};
    struct value old_values[] = {value_of("1"), value_of("2")};
    struct value new_values[] = {value_of("x"), value_of("y")};
    struct record old_record = {&entity, old_values}, new_record = {&entity, new_values};
    struct base_pair base[2] = {{.known = false}, {.known = false}};
    struct held held = {.field = 0, .class_ = HELD_FIRST_MEETING, .old_now = value_of("1")};
    struct arena arena;
    arena_init(&arena);
    struct row row = {
        .status = STATE_HELD, .twin = span_of("501"), .base = base, .held = &held, .held_count = 1};
    struct judge_facts facts = {
        .row = &row, .old_record = &old_record, .new_record = &new_record, .arena = &arena};
    enum judge_class fields[2];
    assert_int_equal(judge_record(&entity, &facts, fields), JUDGE_NOT_APPLIED);
    assert_int_equal(fields[0], JUDGE_FIRST_MEETING);
    assert_int_equal(fields[1], JUDGE_NOT_APPLIED);
    arena_clear(&arena);
}

static const struct {
    const char *name;
    struct orphan_facts given;
    enum orphan_class want;
} ORPHANS[] = {
    {"never ours", {0}, ORPHAN_NATIVE},
    {"our external id, nobody knows it", {.external_id = true}, ORPHAN_PHANTOM},
    {"our marker alone", {.marker = true}, ORPHAN_PHANTOM},
    {"its source is gone and nobody noticed",
     {.external_id = true, .marker = true, .row = true},
     ORPHAN_PHANTOM},
    {"its source is gone, the row knows it",
     {.external_id = true, .row = true, .row_gone = true},
     ORPHAN_SOURCE_GONE},
    {"it should be archived",
     {.external_id = true, .row = true, .row_gone = true, .deletes = DELETES_ARCHIVE},
     ORPHAN_NOT_DELETED},
    {"it should be deleted: a question",
     {.external_id = true,
      .row = true,
      .row_gone = true,
      .row_asks = true,
      .deletes = DELETES_DELETE},
     ORPHAN_SOURCE_GONE},
    {"it is to be kept",
     {.external_id = true, .row = true, .row_gone = true, .deletes = DELETES_KEEP},
     ORPHAN_SOURCE_GONE},
    {"two of one id", {.external_id = true, .source_here = true}, ORPHAN_SECOND_TWIN},
    {"a twin that its row left",
     {.external_id = true, .source_here = true, .row = true},
     ORPHAN_SECOND_TWIN},
    {"the same person as one that has a twin",
     {.matched = true, .matched_twinned = true},
     ORPHAN_DUPLICATE},
    {"a candidate of a question",
     {.matched = true, .matched_asks = true, .matched_twinned = true},
     ORPHAN_CANDIDATE},
    {"the same person as one that never got there", {.matched = true}, ORPHAN_NATIVE},
};

static void every_case_of_only_in_new(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ORPHANS) / sizeof(ORPHANS[0]); i++) {
        enum orphan_class class_ = judge_orphan(&ORPHANS[i].given);
        if (class_ != ORPHANS[i].want)
            fail_msg("%s: %s, not %s", ORPHANS[i].name, orphan_class_name(class_),
                     orphan_class_name(ORPHANS[i].want));
    }
}

static void names_and_explanations(void **state)
{
    (void)state;
    assert_string_equal(judge_class_name(JUDGE_FIRST_MEETING), "first-meeting");
    assert_string_equal(judge_class_name(JUDGE_SHARED_TWIN), "shared-twin");
    assert_true(judge_explained(JUDGE_IDENTICAL));
    assert_true(judge_explained(JUDGE_DEAD_LETTER));
    assert_false(judge_explained(JUDGE_NOT_APPLIED));
    assert_false(judge_explained(JUDGE_IN_FLIGHT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_policy),
        cmocka_unit_test(every_case_of_only_in_new),
        cmocka_unit_test(the_worst_field_names_the_record),
        cmocka_unit_test(names_and_explanations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
