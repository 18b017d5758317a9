/*
 * test_poll_silent — what the refresh makes of a record and the row that apply has of it, as a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "producers/poll/silent.h"

enum { CITY, COUNT, NOISE, NOTES, FIELDS_COUNT };
static const struct field FIELDS[FIELDS_COUNT] = {
    [CITY] = {.name = "city", .old_name = "City", .rules = {.type = VALUE_STRING}},
    [COUNT] = {.name = "count", .old_name = "Count__c", .rules = {.type = VALUE_STRING}},
    [NOISE] = {.name = "noise",
               .old_name = "Noise",
               .is_volatile = true,
               .rules = {.type = VALUE_STRING}},
    [NOTES] = {.name = "notes", .jq = ".city", .rules = {.type = VALUE_STRING}},
};
static const int SORTED[] = {CITY, COUNT, NOISE, NOTES};
static const struct entity CONTACT = {
    .name = "contact", .fields = FIELDS, .field_count = FIELDS_COUNT, .sorted = SORTED};

/* What the row's version is made of, and what is read: values by field; NULL missing, "" blank. */
struct seen {
    const char *values[FIELDS_COUNT];
    int64_t modified_ms, observed_ms, generation;
};
#define WAS                                     \
    {                                           \
        {"Bonn", "7", "x", "n"}, 1000, 50000, 1 \
    }

static const struct {
    const char *name;
    bool no_row, no_version, deleted, merged, pending, held, unknown_base;
    struct seen now;
    enum silent_verdict want;
    const char *moved; /* by field: '+' moved */
} CASES[] = {
    {.name = "the same", .now = {{"Bonn", "7", "x", "n"}, 1000, 90000, 1}, .want = SILENT_KNOWN},
    {.name = "one moved",
     .now = {{"Bonn", "8", "x", "n"}, 1000, 90000, 1},
     .want = SILENT_MOVED,
     .moved = "-+--"},
    {.name = "two moved, one of them blank now, and one made by an expression",
     .now = {{"", "7", "x", "m"}, 1000, 90000, 1},
     .want = SILENT_MOVED,
     .moved = "+--+"},
    {.name = "what is volatile is not compared",
     .now = {{"Bonn", "7", "y", "n"}, 1000, 90000, 1},
     .want = SILENT_KNOWN},
    {.name = "a field that is gone is unknown, not blank",
     .now = {{NULL, "7", "x", "n"}, 1000, 90000, 1},
     .want = SILENT_KNOWN},
    {.name = "one is gone, another moved",
     .now = {{NULL, "8", "x", "n"}, 1000, 90000, 1},
     .want = SILENT_MOVED,
     .moved = "-+--"},
    {.name = "no row: publish",
     .no_row = true,
     .now = {{"Bonn", "7", "x", "n"}, 1000, 90000, 1},
     .want = SILENT_UNKNOWN},
    {.name = "nothing applied yet",
     .no_version = true,
     .now = {{"Bonn", "7", "x", "n"}, 1000, 90000, 1},
     .want = SILENT_UNKNOWN},
    {.name = "deleted, and there",
     .deleted = true,
     .now = {{"Bonn", "7", "x", "n"}, 1000, 90000, 1},
     .want = SILENT_UNKNOWN},
    {.name = "merged, and there",
     .merged = true,
     .now = {{"Bonn", "7", "x", "n"}, 1000, 90000, 1},
     .want = SILENT_UNKNOWN},
    {.name = "an event waits in the row",
     .pending = true,
     .now = {{"Bonn", "7", "x", "n"}, 1000, 90000, 1},
     .want = SILENT_UNKNOWN},
    {.name = "its date moved: not silent",
     .now = {{"Bonn", "8", "x", "n"}, 2000, 90000, 1},
     .want = SILENT_UNKNOWN},
    {.name = "apply has what is newer",
     .now = {{"Bonn", "8", "x", "n"}, 500, 90000, 1},
     .want = SILENT_KNOWN},
    {.name = "apply has what was seen later",
     .now = {{"Bonn", "8", "x", "n"}, 1000, 10000, 1},
     .want = SILENT_KNOWN},
    {.name = "another mapping: everything is news",
     .now = {{"Bonn", "7", "x", "n"}, 1000, 90000, 2},
     .want = SILENT_UNKNOWN},
    {.name = "an open question: what it was asked about has not moved",
     .held = true,
     .now = {{"Bonn", "9", "x", "m"}, 1000, 90000, 1},
     .want = SILENT_MOVED,
     .moved = "---+"},
    {.name = "moved, and nobody knows from what",
     .unknown_base = true,
     .now = {{"Bonn", "8", "x", "n"}, 1000, 90000, 1},
     .want = SILENT_MOVED,
     .moved = "----"},
};

static void read_record(const struct seen *seen, struct record *ret_record, struct arena *arena)
{
    *ret_record = record_new(&CONTACT, arena);
    for (int i = 0; i < FIELDS_COUNT; i++)
        if (seen->values[i])
            ret_record->values[i] = (struct value){*seen->values[i] ? VALUE_SET : VALUE_BLANK,
                                                   span_of(seen->values[i])};
}

static struct version version_of(const struct seen *seen)
{
    return version_observed(seen->modified_ms, seen->observed_ms, 100, seen->generation);
}

static void against_the_row(void **state)
{
    (void)state;
    static const struct seen was = WAS;
    struct arena arena;
    arena_init(&arena);
    for (size_t c = 0; c < sizeof(CASES) / sizeof(CASES[0]); c++) {
        struct record before;
        struct row row;
        struct event event = {.version = version_of(&CASES[c].now), .op = 'r'};
        struct held held = {
            .field = COUNT, .class_ = HELD_CONFLICT, .old_now = {VALUE_SET, span_of("9")}};
        bool moved[FIELDS_COUNT] = {false};
        char got[FIELDS_COUNT + 1] = "";
        read_record(&was, &before, &arena);
        read_record(&CASES[c].now, &event.after, &arena);
        event_identify(&event);
        row_init(&row, &CONTACT, span_of("sf:1"), &arena);
        row.has_version = !CASES[c].no_version;
        row.version = version_of(&was);
        record_hash(&before, row.hash);
        row.deleted = CASES[c].deleted;
        row.redirect = CASES[c].merged ? span_of("sf:2") : SPAN_NONE;
        row.pending = CASES[c].pending ? span_of("{}") : SPAN_NONE;
        row.held = &held;
        row.held_count = CASES[c].held;
        for (int i = 0; i < FIELDS_COUNT; i++)
            row.base[i] = (struct base_pair){.known = !CASES[c].unknown_base,
                                             .old_side = base_of(before.values[i], &arena)};
        enum silent_verdict verdict = silent_compare(CASES[c].no_row ? NULL : &row, &event, moved);
        for (int i = 0; i < FIELDS_COUNT; i++)
            got[i] = moved[i] ? '+' : '-';
        if (verdict != CASES[c].want || strcmp(got, CASES[c].moved ? CASES[c].moved : "----") != 0)
            fail_msg("%s: verdict %d, moved %s", CASES[c].name, (int)verdict, got);
    }
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_the_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
