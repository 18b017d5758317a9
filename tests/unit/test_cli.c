/*
 * test_cli — the pure parts of the command line: what a death means, which
 * mistakes stand where, what a metric says, what one line of progress shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/advice.h"
#include "cli/child.h"
#include "cli/columns.h"
#include "cli/config_dump.h"
#include "cli/fetch.h"
#include "cli/latest.h"
#include "cli/mistakes.h"
#include "cli/progress.h"
#include "cli/scan.h"
#include "consumers/verify/compare.h"

static void what_a_death_means(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int deaths, exit_code;
        int64_t want_ms;
    } cases[] = {
        {"killed once", 1, 128 + 9, 500},       {"ended though nobody asked", 1, 0, 500},
        {"try me again", 2, 75, 1000},          {"the third time", 3, 70, 2000},
        {"the pause has an end", 9, 70, 30000}, {"too often", 11, 70, -1},
        {"wrong arguments", 1, 64, -1},         {"no right", 1, 77, -1},
        {"wrong configuration", 1, 78, -1},     {"fenced: the other one may go", 1, 4, 500},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t pause_ms = child_backoff_ms(cases[i].deaths, cases[i].exit_code);
        if (pause_ms != cases[i].want_ms)
            fail_msg("%s: %lld ms", cases[i].name, (long long)pause_ms);
    }
}

static void mistakes_stand_once_and_in_order(void **state)
{
    (void)state;
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    assert_int_equal(mistakes_add_text(&mistakes, span_of("b.cfg:9: late\na.cfg:12: x; y\n"
                                                          "a.cfg:2: first\nno place here\n")),
                     3);
    assert_int_equal(mistakes_add_text(&mistakes, span_of("a.cfg:2: first")), 1);
    assert_int_equal(mistakes_add_text(&mistakes, span_of("tandem-poll: a.cfg is fine\n")), 0);
    assert_int_equal(mistakes.count, 3);
    char text[256] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    mistakes_print(&mistakes, out);
    (void)fclose(out);
    assert_string_equal(text, "a.cfg:2: first\na.cfg:12: x; y\nb.cfg:9: late\n");
    mistakes_clear(&mistakes);
}

static void columns_are_what_a_terminal_shows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int width, most, columns;
        const char *want;
    } cases[] = {
        {"abc", 5, 0, 3, "abc  "},
        {"M\u00fcller", 7, 0, 6, "M\u00fcller "},
        {"e\u0301", 3, 0, 1, "e\u0301  "},
        {"\u6771\u4eac", 5, 0, 4, "\u6771\u4eac "},
        {"abcdef", 4, 4, 6, "abc\u2026"},
        {"\u6771\u4eac\u90fd", 4, 4, 6, "\u6771\u2026 "},
        {"a\tb\n", 0, 0, 4, "a b "},
        {"\xff", 2, 0, 1, "\uFFFD "},
        {"", 2, 2, 0, "  "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 0);
        assert_int_equal(columns_of(span_of(cases[i].text)), cases[i].columns);
        columns_put(&out, span_of(cases[i].text), cases[i].width, cases[i].most);
        assert_string_equal(out.data, cases[i].want);
        buf_clear(&out);
    }
}

/* The hashes are those of Kafka's own UtilsTest.testMurmur2, modulo a large count. */
static void keys_go_where_kafka_puts_them(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t want;
    } cases[] = {
        {"21", 547821},
        {"foobar", 147095},
        {"a-little-bit-long-string", 498629},
        {"a-little-bit-longer-string", 176836},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 579413},
        {"abc", 468670},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(scan_partition_of(span_of(cases[i].key), 1000003), cases[i].want);
}

static void the_latest_of_many_keys(void **state)
{
    (void)state;
    enum { KEYS = 5000 };
    struct latest latest;
    struct err err = ERR_INIT;
    char key[32];
    latest_init(&latest);
    assert_null(latest_get(&latest, span_of("none")));
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < KEYS; i++) {
            (void)snprintf(key, sizeof(key), "salesforce:%d", i);
            struct latest_entry *entry = latest_put(&latest, span_of(key), &err);
            assert_non_null(entry);
            assert_int_equal(entry->offset, round == 0 ? LATEST_NOTHING : i);
            entry->offset = i;
        }
    assert_int_equal(latest.count, KEYS);
    assert_int_equal(latest_get(&latest, span_of("salesforce:4711"))->offset, 4711);
    assert_null(latest_get(&latest, span_of("salesforce:5000")));
    latest_clear(&latest);
}

static void secrets_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"bootstrap.servers=a:1,b:2", "bootstrap.servers=a:1,b:2"},
        {"sasl.password=x=y", "sasl.password=***"},
        {"ssl.key.pem=abc", "ssl.key.pem=***"},
        {"ssl.key.location=/k.pem", "ssl.key.location=/k.pem"},
        {"sasl.oauthbearer.client.secret=x", "sasl.oauthbearer.client.secret=***"},
        {"Authorization: Bearer x", "Authorization: ***"},
        {"X-Api-Key: x", "X-Api-Key: ***"},
        {"Sforce-Query-Options: batchSize=2000", "Sforce-Query-Options: batchSize=2000"},
        {"https://ann:x@crm.test/a", "https://***@crm.test/a"},
        {"https://crm.test/a@b", "https://crm.test/a@b"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 0);
        config_dump_redacted(cases[i].text, &out);
        assert_string_equal(out.data ? out.data : "", cases[i].want);
        buf_clear(&out);
    }
}

static void metrics_are_found_by_whole_name_and_label(void **state)
{
    (void)state;
    struct span text = span_of("# HELP a_total words\na_total{entity=\"contact\"} 3\n"
                               "a_total{entity=\"company\"} 4\na_total_of_others 9\nplain 1.5");
    double value = -1;
    assert_true(fetch_metric(text, "a_total", NULL, &value) && value == 7);
    assert_true(fetch_metric(text, "a_total", "entity=\"contact\"", &value) && value == 3);
    assert_true(fetch_metric(text, "plain", NULL, &value) && value == 1.5);
    assert_false(fetch_metric(text, "a", NULL, &value));
    assert_false(fetch_metric(text, "a_total", "entity=\"lead\"", &value));
}

static void raised_gauges_are_named(void **state)
{
    (void)state;
    struct span text = span_of("gone{entity=\"contact\",property=\"Phone\"} 1\n"
                               "gone{entity=\"contact\",property=\"Title\"} 0\n"
                               "gone{entity=\"contact\",property=\"Fax\"} 1\n"
                               "gone{entity=\"deal\",property=\"Name\"} 1\n"
                               "gone_by{entity=\"contact\",property=\"Email\"} 1\n");
    char names[64] = "", few[12] = "", none[16] = "as it was";
    fetch_raised(text, "gone", "entity=\"contact\"", "property", names, sizeof(names));
    assert_string_equal(names, "Phone, Fax");
    fetch_raised(text, "gone", "entity=\"contact\"", "property", few, 9);
    assert_string_equal(few, "Phone");
    fetch_raised(text, "gone", "entity=\"lead\"", "property", none, sizeof(none));
    assert_string_equal(none, "as it was");
}

static struct progress progress_at(int64_t ms, int64_t done, int64_t applied)
{
    struct progress progress = {.taken_ms = ms,
                                .applied = applied,
                                .dead_letters = 2,
                                .entity_count = 1,
                                .process_count = 1};
    progress.entities[0] = (struct progress_entity){.name = "contact",
                                                    .backfill_done = done,
                                                    .backfill_total = 1000,
                                                    .events = done,
                                                    .lag_messages = 40,
                                                    .source_lag_s = 1.0};
    progress.processes[0] = (struct progress_process){
        .name = "apply/1", .state = "running", .answers = true, .why = "target 429, 10 s"};
    return progress;
}

static void the_line_says_how_far_how_fast_and_why_not(void **state)
{
    (void)state;
    struct progress earlier = progress_at(1000, 100, 50), now = progress_at(3000, 300, 150);
    struct buf line;
    buf_init(&line, 0);
    progress_line(&now, &earlier, 0, &line);
    assert_string_equal(line.data,
                        "contact backfill 300/1000 (30 %), 100/s, ETA 7 s; lag 40; applied 50/s; "
                        "dead letters 2; apply/1 waits: target 429, 10 s");
    buf_reset(&line);
    progress_line(&now, &earlier, 20, &line);
    assert_int_equal(line.len, 19);

    now.entities[0].backfill_finished = true;
    now.dead_letters = now.applied = UNKNOWN; /* no process answers */
    now.processes[0].answers = false;
    buf_reset(&line);
    progress_line(&now, NULL, 0, &line);
    assert_string_equal(line.data,
                        "contact backfill done (300); lag 40; apply/1 does not answer yet");
    buf_clear(&line);
}

static void no_estimate_before_a_hundredth_of_the_way(void **state)
{
    (void)state;
    struct progress earlier = progress_at(1000, 1, 0), now = progress_at(2000, 9, 0);
    assert_int_equal(progress_rate(&now, &earlier, 0), 8);
    assert_int_equal(progress_eta_s(&now, &earlier, 0), UNKNOWN);
    assert_int_equal(progress_rate(&now, NULL, 0), UNKNOWN);
    now.applied = 5;
    earlier.applied = 900; /* apply began anew in between */
    assert_int_equal(progress_applied_rate(&now, &earlier), UNKNOWN);
}

static void every_class_has_advice(void **state)
{
    (void)state;
    for (int i = JUDGE_IDENTICAL + 1; i < JUDGE_CLASS_COUNT; i++)
        if (!advice_for(judge_class_name((enum judge_class)i)))
            fail_msg("no words for %s", judge_class_name((enum judge_class)i));
    for (int i = 0; i < ORPHAN_CLASS_COUNT; i++)
        if (!advice_for(orphan_class_name((enum orphan_class)i)))
            fail_msg("no words for %s", orphan_class_name((enum orphan_class)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_death_means),
        cmocka_unit_test(mistakes_stand_once_and_in_order),
        cmocka_unit_test(columns_are_what_a_terminal_shows),
        cmocka_unit_test(keys_go_where_kafka_puts_them),
        cmocka_unit_test(the_latest_of_many_keys),
        cmocka_unit_test(secrets_are_left_out),
        cmocka_unit_test(metrics_are_found_by_whole_name_and_label),
        cmocka_unit_test(raised_gauges_are_named),
        cmocka_unit_test(the_line_says_how_far_how_fast_and_why_not),
        cmocka_unit_test(no_estimate_before_a_hundredth_of_the_way),
        cmocka_unit_test(every_class_has_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
