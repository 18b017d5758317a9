/*
 * test_event — the messages of the stream, encoded and read back; what is no message is refused, what is newer stops the process.
 *
 * test_event --print writes one of each message as the product encodes it, {"schema":…,"value":…} a line, for
 * tests/component/test_schemas.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "model/state.h"
#include "stream/cursor.h"
#include "stream/event.h"
#include "stream/outcome.h"

/* As deploy/quickstart.cfg and schemas/contact.schema.json have it. */
static const struct value_choice SOURCES[] = {{"web", "Web", "WEB"},
                                              {"phone", "Phone Inquiry", "PHONE"}};
static const struct field FIELDS[] = {
    {.name = "email", .rules = {.type = VALUE_EMAIL}},
    {.name = "first_name", .rules = {.type = VALUE_STRING}},
    {.name = "last_name", .rules = {.type = VALUE_STRING}},
    {.name = "phone", .rules = {.type = VALUE_PHONE}},
    {.name = "mobile", .rules = {.type = VALUE_PHONE}},
    {.name = "job_title", .rules = {.type = VALUE_STRING}},
    {.name = "street", .rules = {.type = VALUE_STRING}},
    {.name = "city", .rules = {.type = VALUE_STRING}},
    {.name = "zip", .rules = {.type = VALUE_STRING}},
    {.name = "country", .rules = {.type = VALUE_STRING}},
    {.name = "birth_date", .rules = {.type = VALUE_DATE}},
    {.name = "balance", .rules = {.type = VALUE_DECIMAL}},
    {.name = "source", .rules = {.type = VALUE_ENUM, .choices = SOURCES, .choice_count = 2}},
};
enum { FIELD_COUNT = sizeof(FIELDS) / sizeof(FIELDS[0]) };
static const int SORTED[FIELD_COUNT] = {11, 10, 7, 9, 0, 1, 5, 2, 4, 3, 12, 6, 8};
static const struct entity contact = {
    .name = "contact", .fields = FIELDS, .field_count = FIELD_COUNT, .sorted = SORTED};
static const char *const VALUES[FIELD_COUNT] = {
    "ann@example.com", "Ann \"A\" Ä", "O'Neil\\", "+49 30 1",   NULL,   "CTO", "a\nb",
    "Berlin",          "10115",       "DE",       "1980-02-29", "12.5", "web"};

struct fixture {
    struct arena arena;
    struct json_tape tape;
    struct buf text;
    struct event event;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (!fixture)
        return -1;
    arena_init(&fixture->arena);
    json_tape_init(&fixture->tape);
    buf_init(&fixture->text, 0);
    struct event *event = &fixture->event;
    *event = (struct event){.key = span_of("salesforce:003A"),
                            .system = span_of("salesforce"),
                            .id = span_of("003A"),
                            .op = 'r',
                            .version = {1700000000123, 1700000001000, 1700000003000, 2},
                            .pass = PASS_BACKFILL,
                            .writer = span_of("005\"x"),
                            .ts_ms = 1700000009999,
                            .after = record_new(&contact, &fixture->arena)};
    for (int i = 0; i < FIELD_COUNT; i++)
        event->after.values[i] = VALUES[i] ? (struct value){VALUE_SET, span_of(VALUES[i])}
                                           : (struct value){VALUE_BLANK, SPAN_NONE};
    event->after.values[9] = (struct value){VALUE_MISSING, SPAN_NONE};
    event_identify(event);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    arena_clear(&fixture->arena);
    json_tape_clear(&fixture->tape);
    buf_clear(&fixture->text);
    free(fixture);
    return 0;
}

static struct event decode(struct fixture *fixture)
{
    struct err err = ERR_INIT;
    struct event event;
    if (event_decode(&contact, buf_span(&fixture->text), &fixture->tape, &fixture->arena, &event,
                     &err) < 0)
        fail_msg("%s", err.text);
    return event;
}

static void an_event_comes_back(void **state)
{
    struct fixture *fixture = *state;
    const struct event *event = &fixture->event;
    event_encode(event, &contact, "acme", "poll", &fixture->text);
    assert_false(fixture->text.failed);
    struct event got = decode(fixture);
    assert_true(span_equal(got.key, event->key));
    assert_true(span_equal(got.system, event->system));
    assert_true(span_equal(got.id, event->id));
    assert_true(span_equal(got.writer, event->writer));
    assert_int_equal(got.op, 'r');
    assert_int_equal(got.pass, PASS_BACKFILL);
    assert_false(got.partial);
    assert_int_equal(got.ts_ms, event->ts_ms);
    assert_memory_equal(&got.version, &event->version, sizeof(got.version));
    assert_string_equal(got.hash, event->hash);
    assert_string_equal(got.event_id, event->event_id);
    for (int i = 0; i < FIELD_COUNT; i++)
        assert_true(value_equal(got.after.values[i], event->after.values[i]));
    struct event again = got; /* the identity follows from what was read */
    event_identify(&again);
    assert_string_equal(again.event_id, event->event_id);
}

static void the_corners_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct event *event = &fixture->event;
    event->version.observed_to_ms = INT64_MAX; /* no Date */
    event->writer = (struct span){"", 0};
    event->partial = true;
    event->pass = PASS_PUSH;
    event_encode(event, &contact, "acme", "webhook", &fixture->text);
    assert_non_null(strstr(fixture->text.data, "\"observed_to_ms\":null"));
    assert_non_null(strstr(fixture->text.data, "\"writer\":null"));
    assert_non_null(strstr(fixture->text.data, "\"snapshot\":\"false\""));
    struct event got = decode(fixture);
    assert_int_equal(got.version.observed_to_ms, INT64_MAX);
    assert_int_equal(got.writer.len, 0);
    assert_true(got.partial);
    assert_int_equal(got.pass, PASS_PUSH);
}

static void a_delete_comes_back(void **state)
{
    struct fixture *fixture = *state;
    fixture->event.op = 'd';
    event_identify(&fixture->event);
    /* SHA-256 of nothing, FIPS 180-4 */
    assert_string_equal(fixture->event.hash,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    event_encode(&fixture->event, &contact, "acme", "poll", &fixture->text);
    struct event got = decode(fixture);
    assert_int_equal(got.op, 'd');
    for (int i = 0; i < FIELD_COUNT; i++)
        assert_int_equal(got.after.values[i].kind, VALUE_MISSING);
}

static void the_identity_names_content(void **state)
{
    struct fixture *fixture = *state;
    struct event base = fixture->event, other = base;
    /* when and how it was captured says nothing about what it is */
    other.pass = PASS_HYDRATE;
    other.ts_ms++;
    other.writer = span_of("else");
    other.version.observed_from_ms++;
    event_identify(&other);
    assert_string_equal(other.event_id, base.event_id);
    other.version.modified_ms++;
    event_identify(&other);
    assert_string_not_equal(other.event_id, base.event_id);
    other = base;
    other.version.generation++;
    event_identify(&other);
    assert_string_not_equal(other.event_id, base.event_id);
    other = base;
    other.key = span_of("salesforce:003B");
    event_identify(&other);
    assert_string_not_equal(other.event_id, base.event_id);
    base.after.values[1].text = span_of("Anna");
    event_identify(&base);
    assert_string_not_equal(base.event_id, fixture->event.event_id);
    assert_string_not_equal(base.hash, fixture->event.hash);
}

/* Replaces the first occurrence of from. */
static void edit(struct buf *text, const char *from, const char *to)
{
    char *at = strstr(text->data, from);
    assert_non_null(at);
    struct buf edited;
    buf_init(&edited, 0);
    buf_put(&edited, text->data, (size_t)(at - text->data));
    buf_puts(&edited, to);
    buf_puts(&edited, at + strlen(from));
    buf_reset(text);
    buf_put_span(text, buf_span(&edited));
    buf_clear(&edited);
}

static void what_is_no_event_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *name, *from, *to;
        enum err_kind kind;
        const char *says;
    } cases[] = {
        {"newer format", "\"v\":1", "\"v\":2", ERR_FATAL, "upgrade this process first"},
        {"no format", "\"v\":1,", "", ERR_REJECT, "\"v\""},
        {"not JSON", "\"v\":1,", "\"v\":1,,", ERR_REJECT, "change event"},
        {"op unknown", "\"op\":\"r\"", "\"op\":\"t\"", ERR_REJECT, "\"op\""},
        {"op of two letters", "\"op\":\"r\"", "\"op\":\"cu\"", ERR_REJECT, "\"op\""},
        {"a delete with content", "\"op\":\"r\"", "\"op\":\"d\"", ERR_REJECT, "\"after\""},
        {"no ts_ms", "\"ts_ms\":1700000009999,", "", ERR_REJECT, "\"ts_ms\""},
        {"fraction", "\"ts_ms\":1700000009999", "\"ts_ms\":1.5", ERR_REJECT, "\"ts_ms\""},
        {"no source", "\"source\":{", "\"sauce\":{", ERR_REJECT, "\"source\""},
        {"another entity", "\"table\":\"contact\"", "\"table\":\"company\"", ERR_REJECT,
         "entity contact"},
        {"no id", "\"id\":\"003A\"", "\"id\":\"\"", ERR_REJECT, "without a record"},
        {"hash too short", "\"hash\":\"", "\"hash\":\"\",\"x\":\"", ERR_REJECT, "\"hash\""},
        {"event_id with other letters", "\"event_id\":\"", "\"event_id\":\"Z", ERR_REJECT,
         "\"event_id\""},
        {"pass unknown", "\"pass\":\"backfill\"", "\"pass\":\"guess\"", ERR_REJECT, "unknown pass"},
        {"generation 0", "\"generation\":2", "\"generation\":0", ERR_REJECT, "version"},
        {"an interval that ends before it begins", "\"observed_to_ms\":1700000003000",
         "\"observed_to_ms\":1", ERR_REJECT, "version"},
        {"partial as text", "\"partial\":false", "\"partial\":\"no\"", ERR_REJECT, "\"partial\""},
        {"unknown field", "\"city\":", "\"town\":", ERR_REJECT, "town"},
        {"a merge that deletes nothing",
         "\"partial\":", "\"merged_into\":\"003B\",\"partial\":", ERR_REJECT, "\"merged_into\""},
        {"a field of another type", "\"city\":\"Berlin\"", "\"city\":[1]", ERR_REJECT, "city"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        struct event event;
        buf_reset(&fixture->text);
        event_encode(&fixture->event, &contact, "acme", "poll", &fixture->text);
        edit(&fixture->text, cases[i].from, cases[i].to);
        if (event_decode(&contact, buf_span(&fixture->text), &fixture->tape, &fixture->arena,
                         &event, &err) == 0)
            fail_msg("%s: taken", cases[i].name);
        if (err.kind != cases[i].kind || !strstr(err.text, cases[i].says))
            fail_msg("%s: %s, \"%s\"", cases[i].name, err_kind_name(err.kind), err.text);
    }
    struct err err = ERR_INIT;
    assert_int_equal(
        event_decode(&contact, SPAN_NONE, &fixture->tape, &fixture->arena, &fixture->event, &err),
        -1);
    assert_int_equal(err.kind, ERR_REJECT);
}

static void a_merge_is_a_delete_that_leads_on(void **state)
{
    struct fixture *fixture = *state;
    struct event *event = &fixture->event;
    char deleted[HASH_HEX_BYTES];
    event->op = 'd';
    event_identify(event);
    memcpy(deleted, event->event_id, sizeof(deleted));
    event_encode(event, &contact, "acme", "poll", &fixture->text);
    assert_int_equal(decode(fixture).merged_into.len, 0);
    event->merged_into = span_of("003B");
    event_identify(event);
    assert_string_not_equal(event->event_id, deleted);
    buf_reset(&fixture->text);
    event_encode(event, &contact, "acme", "poll", &fixture->text);
    struct event got = decode(fixture);
    assert_true(span_is(got.merged_into, "003B") && got.op == 'd');
    edit(&fixture->text, "\"merged_into\":\"003B\"", "\"merged_into\":\"003A\"");
    struct err err = ERR_INIT;
    assert_int_equal(event_decode(&contact, buf_span(&fixture->text), &fixture->tape,
                                  &fixture->arena, &got, &err),
                     -1);
    assert_non_null(strstr(err.text, "into itself"));
}

static void members_in_any_order_are_read(void **state)
{
    struct fixture *fixture = *state;
    event_encode(&fixture->event, &contact, "acme", "poll", &fixture->text);
    edit(&fixture->text, "\"op\":\"r\",", "");
    edit(&fixture->text, "\"transaction\":null",
         "\"transaction\":null,\"later\":[{}],\"op\":\"r\"");
    assert_int_equal(decode(fixture).op, 'r');
}

static void a_hint_comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct hint got, hint = {.key = span_of("salesforce:003\"A"),
                             .system = span_of("salesforce"),
                             .id = span_of("003\"A"),
                             .why = "unordered",
                             .not_before_ms = 1700000000000};
    struct err err = ERR_INIT;
    hint_encode(&hint, &fixture->text);
    assert_int_equal(hint_decode(hint.key, buf_span(&fixture->text), &fixture->tape,
                                 &fixture->arena, &got, &err),
                     0);
    assert_true(span_equal(got.system, hint.system));
    assert_true(span_equal(got.id, hint.id));
    assert_string_equal(got.why, "unordered");
    assert_int_equal(got.not_before_ms, hint.not_before_ms);
    static const struct {
        const char *key, *from, *to;
        enum err_kind kind;
    } cases[] = {
        {"salesforce:003\"B", "\"v\"", "\"v\"", ERR_REJECT},
        {"salesforce", "\"v\"", "\"v\"", ERR_REJECT},
        {"salesforce:003\"A", "\"v\":1", "\"v\":9", ERR_FATAL},
        {"salesforce:003\"A", "\"why\"", "\"y\"", ERR_REJECT},
        {"salesforce:003\"A", "1700000000000", "true", ERR_REJECT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_reset(&fixture->text);
        hint_encode(&hint, &fixture->text);
        edit(&fixture->text, cases[i].from, cases[i].to);
        err_clear(&err);
        assert_int_equal(hint_decode(span_of(cases[i].key), buf_span(&fixture->text),
                                     &fixture->tape, &fixture->arena, &got, &err),
                         -1);
        assert_int_equal(err.kind, cases[i].kind);
    }
}

static void outcome_names_go_both_ways(void **state)
{
    (void)state;
    for (int what = 0; what < OUTCOME_WHAT_COUNT; what++)
        assert_int_equal(outcome_what_parse(span_of(outcome_what_name((enum outcome_what)what))),
                         what);
    assert_int_equal(outcome_what_parse(span_of("guessed")), -1);
}

/* ---- --print ---- */

static void print(const char *schema, struct buf *text)
{
    printf("{\"schema\":\"%s\",\"value\":%s}\n", schema, text->data);
    buf_reset(text);
}

static void print_events(struct fixture *fixture)
{
    struct event *event = &fixture->event;
    event_encode(event, &contact, "acme", "poll", &fixture->text);
    print("change", &fixture->text);
    event->version.observed_to_ms = INT64_MAX;
    event->writer = (struct span){"", 0};
    event->pass = PASS_PUSH;
    event->after.values[9] = (struct value){VALUE_SET, span_of("DE")};
    event->after.values[4] = (struct value){VALUE_SET, span_of("(030) 1-2/3.4 x5")};
    event_encode(event, &contact, "acme", "webhook", &fixture->text);
    print("change", &fixture->text);
    event->form =
        span_of("{\"visitor\":\"203.0.113.0\",\"consent\":[{\"name\":\"optIn\",\"value\":\"1\"}]}");
    event_encode(event, &contact, "acme", "form", &fixture->text);
    print("change", &fixture->text);
    event->form = SPAN_NONE;
    event->op = 'd';
    event_identify(event);
    event_encode(event, &contact, "acme", "poll", &fixture->text);
    print("change", &fixture->text);
    event->merged_into = span_of("003B");
    event_identify(event);
    event_encode(event, &contact, "acme", "poll", &fixture->text);
    print("change", &fixture->text);
    event->merged_into = SPAN_NONE;
    const struct hint hint = {
        .system = span_of("salesforce"), .id = span_of("003A"), .why = "repair"};
    hint_encode(&hint, &fixture->text);
    print("hint", &fixture->text);
    const struct cursor cursor = {
        .after_id = "003A", .seq_from = 1, .seq_to = 100, .count = 100, .ts_ms = 5};
    cursor_encode(&cursor, &fixture->text);
    print("cursor", &fixture->text);
    const struct cursor refresh = {
        .from_ms = 7, .seq_from = 1, .silent = "[{\"field\":\"phone\",\"count\":12}]"};
    cursor_encode(&refresh, &fixture->text);
    print("cursor", &fixture->text);
}

static void print_outcomes(struct fixture *fixture)
{
    const struct outcome_field fields[] = {
        {0, {VALUE_SET, span_of("a@b.c")}, {VALUE_BLANK, SPAN_NONE}, "write"},
        {12, {VALUE_MISSING, SPAN_NONE}, {VALUE_SET, span_of("web")}, NULL},
    };
    struct outcome outcome = {.entity = &contact,
                              .key = span_of("salesforce:003A"),
                              .class_ = "edited-in-new",
                              .event_id = fixture->event.event_id,
                              .target = span_of("501"),
                              .op = span_of("op-1"),
                              .epoch = 7,
                              .topic = "acme.changes.contact",
                              .partition = 2,
                              .offset = 12,
                              .version = &fixture->event.version,
                              .fields = fields,
                              .field_count = 2,
                              .why = "because",
                              .ts_ms = 5};
    for (int what = 0; what < OUTCOME_WHAT_COUNT; what++) {
        outcome.what = (enum outcome_what)what;
        outcome_encode(&outcome, &fixture->text);
        print("outcome", &fixture->text);
    }
    outcome = (struct outcome){.entity = &contact, .key = span_of("salesforce:003A"), .offset = -1};
    outcome_encode(&outcome, &fixture->text);
    print("outcome", &fixture->text);
}

static void print_rows(struct fixture *fixture)
{
    struct row row;
    struct buf pending;
    struct held held[HELD_CLASS_COUNT];
    buf_init(&pending, 0);
    fixture->event.op = 'r';
    event_encode(&fixture->event, &contact, "acme", "poll", &pending);
    row_init(&row, &contact, span_of("salesforce:003A"), &fixture->arena);
    row_encode(&row, &contact, &fixture->text);
    print("state", &fixture->text);
    row.has_version = true;
    row.version = (struct version){1, 2, 3, 1};
    memcpy(row.hash, fixture->event.hash, sizeof(row.hash));
    memcpy(row.event_id, fixture->event.event_id, sizeof(row.event_id));
    row.deleted = true;
    row.redirect = span_of("salesforce:003B");
    row.twin = span_of("501");
    row.op = span_of("op-1");
    for (int i = 0; i < FIELD_COUNT; i++) {
        struct value value = {VALUE_SET, span_of(VALUES[i] ? VALUES[i] : "1")};
        row.sent[i] = value;
        row.base[i] = (struct base_pair){
            true, i == 0, base_of(value, &fixture->arena), {VALUE_BLANK, SPAN_NONE, 0}};
    }
    static char large[2000];
    memset(large, 'x', sizeof(large));
    row.base[6].old_side =
        base_of((struct value){VALUE_SET, {large, sizeof(large)}}, &fixture->arena);
    for (int i = 0; i < HELD_CLASS_COUNT; i++)
        held[i] = (struct held){i == 3 ? -1 : i,  (enum held_class)i,         row.sent[0],
                                row.sent[1],      span_of("salesforce:003B"), 1767312001000,
                                span_of("user:7")};
    row.held = held;
    row.held_count = HELD_CLASS_COUNT;
    row.claims[row.claim_count++] = span_of("email=ann@example.com");
    row.waits_on = span_of("id=501");
    row.due_ms = 99;
    row.attempt = 2;
    row.why = span_of("busy");
    row.pending = buf_span(&pending);
    for (int status = 0; status < STATE_STATUS_COUNT; status++) {
        if (status == STATE_INFLIGHT) /* never in a stored row */
            continue;
        row.status = (enum state_status)status;
        row_encode(&row, &contact, &fixture->text);
        print("state", &fixture->text);
    }
    buf_clear(&pending);
}

static int print_all(void)
{
    void *state;
    if (set_up(&state) < 0)
        return 1;
    print_outcomes(state);
    print_events(state);
    print_rows(state);
    return tear_down(&state);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0)
        return print_all();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_corners_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_delete_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_identity_names_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_event_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_merge_is_a_delete_that_leads_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(members_in_any_order_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hint_comes_back, set_up, tear_down),
        cmocka_unit_test(outcome_names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
