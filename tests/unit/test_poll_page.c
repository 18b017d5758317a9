/*
 * test_poll_page — a page that is not what was asked for is found out, and one
 * that is, in any order of ids, is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "producers/poll/page.h"

enum { RECORDS_MAX = 4 };

static const struct row {
    const char *name;
    enum rest_kind kind;
    struct keyset behind;
    int64_t to_ms;
    struct {
        const char *id;
        int64_t ms;
    } records[RECORDS_MAX];
    struct keyset want;
    const char *wrong; /* part of the words; NULL = a good page */
} ROWS[] = {
    {"empty", REST_BACKFILL, {7, "5"}, 0, {{0}}, {7, "5"}, NULL},
    {"first page", REST_BACKFILL, {0, ""}, 0, {{"3", 1}, {"5", 1}}, {0, "5"}, NULL},
    {"numbers", REST_BACKFILL, {0, "9"}, 0, {{"10", 9}, {"100", 1}}, {0, "100"}, NULL},
    {"bytes", REST_BACKFILL, {0, "AZ"}, 0, {{"Aa", 1}, {"B", 1}}, {0, "B"}, NULL},
    {"caseless", REST_BACKFILL, {0, "aB"}, 0, {{"AC", 1}, {"ad", 1}}, {0, "ad"}, NULL},
    {"caseless ties", REST_BACKFILL, {0, "x"}, 0, {{"yA", 1}, {"ya", 1}}, {0, "ya"}, NULL},
    {"the last page again", REST_BACKFILL, {0, "5"}, 0, {{"3", 1}, {"5", 1}}, {0}, "the last one"},
    {"its last record again", REST_BACKFILL, {0, "5"}, 0, {{"5", 1}}, {0}, "the last one"},
    {"an unsorted page", REST_BACKFILL, {0, "1"}, 0, {{"7", 1}, {"3", 1}}, {0}, "does not lie"},
    {"one record twice", REST_BACKFILL, {0, "1"}, 0, {{"7", 1}, {"7", 1}}, {0}, "does not lie"},
    {"no id", REST_BACKFILL, {0, ""}, 0, {{"", 1}}, {0}, "without a usable id"},

    {"ties", REST_INCREMENTAL, {5, ""}, 9, {{"3", 5}, {"4", 5}, {"1", 6}}, {6, "1"}, NULL},
    {"behind a tie", REST_INCREMENTAL, {5, "4"}, 9, {{"5", 5}, {"6", 5}}, {5, "6"}, NULL},
    {"a tie that stands", REST_INCREMENTAL, {5, "4"}, 9, {{"3", 5}, {"4", 5}}, {0}, "the last one"},
    {"ids count in ties only", REST_INCREMENTAL, {5, "4"}, 9, {{"2", 6}, {"1", 7}}, {7, "1"}, NULL},
    {"back in time", REST_INCREMENTAL, {5, ""}, 9, {{"2", 7}, {"3", 6}}, {0}, "modified before"},
    {"an older page", REST_INCREMENTAL, {5000, "4"}, 9000, {{"2", 4999}}, {0}, "modified before"},
    {"asked in whole seconds",
     REST_INCREMENTAL,
     {5900, ""},
     9000,
     {{"2", 5000}},
     {5000, "2"},
     NULL},
    {"older than that", REST_INCREMENTAL, {5900, ""}, 9000, {{"2", 4900}}, {0}, "modified before"},
    {"newer than asked for", REST_INCREMENTAL, {5, ""}, 9, {{"2", 2000}}, {0}, "modified after"},
};

/* Of systems that say themselves how it goes on, or keep no order. */
static const struct {
    struct row row;
    const char *next; /* where the next page begins */
    bool unordered;
} TOLD[] = {
    {{.name = "a cursor of the system's",
      .kind = REST_INCREMENTAL,
      .behind = {5, ""},
      .to_ms = 9,
      .records = {{"4", 5}, {"3", 5}, {"1", 6}},
      .want = {6, "MTU4"}},
     "MTU4",
     false},
    {{.name = "it does not excuse the order of time",
      .kind = REST_INCREMENTAL,
      .behind = {5, "MTU4"},
      .to_ms = 9,
      .records = {{"4", 7}, {"3", 6}},
      .wrong = "modified before"},
     "MTU5",
     false},
    {{.name = "an empty page that goes on",
      .kind = REST_BACKFILL,
      .behind = {0, "MTU4"},
      .want = {0, "MTU5"}},
     "MTU5",
     true},
    {{.name = "newest first, by the last id",
      .kind = REST_BACKFILL,
      .behind = {0, "cus_9"},
      .records = {{"cus_7", 1}, {"cus_8", 1}},
      .want = {0, "cus_8"}},
     NULL,
     true},
    {{.name = "newest first: the pass begins where it began",
      .kind = REST_INCREMENTAL,
      .behind = {5000, ""},
      .to_ms = 9000,
      .records = {{"b", 8000}, {"a", 6000}, {"b", 6000}},
      .want = {5000, "evt_1"}},
     "evt_1",
     true},
    {{.name = "of another time",
      .kind = REST_INCREMENTAL,
      .behind = {5000, ""},
      .to_ms = 9000,
      .records = {{"b", 8000}, {"a", 3000}},
      .wrong = "another time"},
     "evt_1",
     true},
};

static void judge(const struct row *row, const char *next, bool unordered)
{
    struct rest_record records[RECORDS_MAX] = {0};
    struct rest_op page = {.kind = row->kind,
                           .records = records,
                           .next_cursor = span_of(next),
                           .unordered = unordered};
    while (page.record_count < RECORDS_MAX && row->records[page.record_count].id) {
        struct rest_record *record = &records[page.record_count];
        record->id = span_of(row->records[page.record_count].id);
        record->modified_ms = row->records[page.record_count].ms;
        page.record_count++;
    }
    struct keyset at = row->behind;
    struct err err = ERR_INIT;
    int rc = page_check(&at, row->to_ms, &page, &at, &err);
    if (row->wrong) {
        if (rc == 0 || err.kind != ERR_RETRY || !strstr(err.text, row->wrong) ||
            strcmp(at.id, row->behind.id) != 0)
            fail_msg("%s: %d %s", row->name, rc, err.text);
    } else if (rc != 0 || at.ms != row->want.ms || strcmp(at.id, row->want.id) != 0) {
        fail_msg("%s: %d %s (%lld, %s)", row->name, rc, err.text, (long long)at.ms, at.id);
    }
}

static void pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
        judge(&ROWS[i], NULL, false);
}

static void told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(TOLD) / sizeof(TOLD[0]); i++)
        judge(&TOLD[i].row, TOLD[i].next, TOLD[i].unordered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
