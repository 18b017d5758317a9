/*
 * test_rest_history — who wrote which value and when, as the sandbox's HubSpot
 * tells it; histories that it does not give come from a server that lies.
 */
#include "component/crm_fixture.h"
#include "component/tiny_server.h"

static const char *const NAMES[] = {"lastname", "city", "nosuchproperty", "t_marker"};
enum { LASTNAME, CITY, NOSUCH, MARKER, NAME_COUNT };

static const char *const PLAIN[] = {"--rate-limit-10s", "0", NULL};

static void make_property(struct fixture *fixture, const char *name, bool unique)
{
    struct rest_op op;
    rest_op_init(&op);
    op.kind = REST_CREATE_PROPERTY;
    op.object = "contacts";
    op.property_name = name;
    op.property_unique = unique;
    run_op(fixture, &op, REST_DONE);
    rest_op_clear(&op);
}

/* Our own write: lastname and the marker. */
static void write_ours(struct fixture *fixture, const char *lastname, const char *marker,
                       char id[32])
{
    struct rest_op op;
    struct span names[] = {span_of("lastname"), span_of("t_marker")};
    struct span values[] = {span_of(lastname), span_of(marker)};
    struct rest_item item = {
        .external_id = span_of("x1"), .names = names, .values = values, .count = 2};
    rest_op_init(&op);
    op.kind = REST_UPSERT;
    op.object = "contacts";
    op.external_id_property = "ext";
    op.items = &item;
    op.item_count = 1;
    run_op(fixture, &op, REST_DONE);
    assert_int_equal(item.result, REST_ITEM_OK);
    (void)snprintf(id, 32, "%.*s", (int)item.ret_id.len, item.ret_id.data);
    rest_op_clear(&op);
}

static void edit(struct crm *crm, const char *id, const char *who, const char *fields)
{
    char body[300];
    (void)snprintf(body, sizeof(body),
                   "{\"object\":\"contacts\",\"id\":\"%s\",\"who\":\"%s\",\"fields\":{%s}}", id,
                   who, fields);
    crm_admin(crm, "people/edit", body);
}

static void history_op(struct rest_op *op, const struct span *ids, int count)
{
    rest_op_init(op);
    op->kind = REST_HISTORY;
    op->object = "contacts";
    op->properties = NAMES;
    op->property_count = NAME_COUNT;
    op->own_property = "t_marker";
    op->ids = ids;
    op->id_count = count;
}

static void expect(const struct rest_history *history, int at, const char *value, bool ours)
{
    const struct rest_change *change = &history->changes[at];
    assert_true(at < history->count);
    assert_int_equal(change->value.type, JSON_STRING_);
    if (!span_is(change->value.text, value) || change->ours != ours)
        fail_msg("entry %d: %.*s ours=%d, not %s ours=%d", at, (int)change->value.text.len,
                 change->value.text.data, change->ours, value, ours);
    if (at)
        assert_true(history->changes[at - 1].at_ms >= change->at_ms);
}

static void writers(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    char id[32];
    crm_start(&crm, "hubspot", PLAIN);
    fixture_init(&fixture, crm.url, "hubspot");
    fixture_open(&fixture);
    assert_int_equal(rest_traits(fixture.rest)->history_max, 50);
    make_property(&fixture, "ext", true);
    make_property(&fixture, "t_marker", false);
    write_ours(&fixture, "First", "m1", id);
    edit(&crm, id, "person:bob", "\"lastname\":\"Bob's\",\"city\":\"Ulm\"");
    int64_t edited_ms = 0;
    assert_true(json_int_at(&crm.tape, 0, "modstamp_ms", &edited_ms));
    edit(&crm, id, "other-sync", "\"lastname\":\"Other's\"");
    edit(&crm, id, "person:bob", "\"city\":\"\"");
    write_ours(&fixture, "Second", "m2", id);

    struct span ids[] = {span_of("99999"), span_of(id)};
    history_op(&op, ids, 2);
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.record_count, 1);
    const struct rest_record *record = &op.records[0];
    assert_true(span_is(record->id, id));
    assert_true(span_is(record->values[LASTNAME].text, "Second"));
    const struct rest_history *history = record->histories;
    assert_int_equal(history[LASTNAME].count, 4);
    assert_false(history[LASTNAME].cut);
    expect(&history[LASTNAME], 0, "Second", true);
    expect(&history[LASTNAME], 1, "Other's", false);
    expect(&history[LASTNAME], 2, "Bob's", false);
    assert_true(history[LASTNAME].changes[2].at_ms == edited_ms);
    expect(&history[LASTNAME], 3, "First", true);
    assert_int_equal(history[CITY].count, 2);
    expect(&history[CITY], 0, "", false);
    expect(&history[CITY], 1, "Ulm", false);
    assert_int_equal(history[NOSUCH].count, 0);
    expect(&history[MARKER], 0, "m2", true);
    /* What one request wrote has one time. */
    assert_true(history[MARKER].changes[0].at_ms == history[LASTNAME].changes[0].at_ms);

    op.own_property = NULL; /* then any integration is taken for us */
    op.property_count = 1;
    run_op(&fixture, &op, REST_DONE);
    expect(&op.records[0].histories[LASTNAME], 1, "Other's", true);
    op.own_property = "t_marker"; /* it need not be among the properties asked for */
    run_op(&fixture, &op, REST_DONE);
    expect(&op.records[0].histories[LASTNAME], 1, "Other's", false);

    for (int i = 0; i < 25; i++) {
        char fields[64];
        (void)snprintf(fields, sizeof(fields), "\"lastname\":\"n%d\"", i);
        edit(&crm, id, "person:eve", fields);
    }
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.records[0].histories[LASTNAME].count, REST_CHANGES_MAX);
    assert_true(op.records[0].histories[LASTNAME].cut);
    expect(&op.records[0].histories[LASTNAME], 0, "n24", false);
    expect(&op.records[0].histories[LASTNAME], 19, "n5", false);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

static void limits(void **state)
{
    (void)state;
    struct fixture fixture;
    struct rest_op op;
    struct err err = ERR_INIT;
    struct span ids[51];
    for (int i = 0; i < 51; i++)
        ids[i] = span_of("1");
    fixture_init(&fixture, "http://127.0.0.1:1", "hubspot");
    fixture_open(&fixture);
    history_op(&op, ids, 51);
    assert_int_equal(rest_start(fixture.rest, &op, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    rest_op_clear(&op);
    fixture_close(&fixture);

    fixture_init(&fixture, "http://127.0.0.1:1", "salesforce");
    fixture_open(&fixture);
    assert_int_equal(rest_traits(fixture.rest)->history_max, 0);
    history_op(&op, ids, 1);
    err_clear(&err);
    assert_int_equal(rest_start(fixture.rest, &op, &err), -1);
    assert_string_equal(err.text, "the connector Salesforce has no operation history");
    rest_op_clear(&op);
    fixture_close(&fixture);
}

#define ENTRY(value, at, source, id)                                                             \
    "{\"value\":" value ",\"timestamp\":" at ",\"sourceType\":\"" source "\",\"sourceId\":\"" id \
    "\"}"
#define RECORD(histories) \
    "{\"results\":[{\"id\":\"1\",\"properties\":{},\"propertiesWithHistory\":" histories "}]}"

static const struct {
    const char *name, *answer;
    enum rest_outcome want;
    int count;
    const char *first;
    bool ours;
} ANSWERS[] = {
    {"oldest first is put in order",
     RECORD("{\"lastname\":[" ENTRY("\"a\"", "\"2026-01-01T00:00:00Z\"", "CRM_UI", "1") "," ENTRY(
         "\"b\"", "\"2026-01-02T00:00:00Z\"", "CRM_UI", "1") "]}"),
     REST_DONE, 2, "b", false},
    {"of one time: as given",
     RECORD("{\"lastname\":[" ENTRY("\"a\"", "\"2026-01-01T00:00:00Z\"", "CRM_UI", "1") "," ENTRY(
         "\"b\"", "\"2026-01-01T00:00:00Z\"", "CRM_UI", "1") "]}"),
     REST_DONE, 2, "a", false},
    {"an integration, but not the one that wrote the marker",
     RECORD("{\"lastname\":[" ENTRY("\"a\"", "\"2026-01-01T00:00:00Z\"", "INTEGRATION",
                                    "8") "],\"t_marker\":[" ENTRY("\"m\"",
                                                                  "\"2026-01-01T00:00:00Z\"",
                                                                  "INTEGRATION", "7") "]}"),
     REST_DONE, 1, "a", false},
    {"a person who wrote the marker is no integration",
     RECORD("{\"lastname\":[" ENTRY(
         "\"a\"", "\"2026-01-01T00:00:00Z\"", "INTEGRATION",
         "8") "],\"t_marker\":[" ENTRY("\"m\"", "\"2026-01-01T00:00:00Z\"", "CRM_UI", "8") "]}"),
     REST_DONE, 1, "a", false},
    {"us",
     RECORD("{\"lastname\":[" ENTRY("\"a\"", "\"2026-01-01T00:00:00Z\"", "INTEGRATION",
                                    "8") "],\"t_marker\":[" ENTRY("\"m\"",
                                                                  "\"2026-01-01T00:00:00Z\"",
                                                                  "INTEGRATION", "8") "]}"),
     REST_DONE, 1, "a", true},
    {"no history of that property", RECORD("{\"lastname\":null}"), REST_DONE, 0, NULL, false},
    {"no histories", "{\"results\":[{\"id\":\"1\",\"properties\":{}}]}", REST_LATER, 0, NULL,
     false},
    {"no list", RECORD("{\"lastname\":{}}"), REST_LATER, 0, NULL, false},
    {"no list where ours stand", RECORD("{\"t_marker\":\"x\"}"), REST_LATER, 0, NULL, false},
    {"an entry that is none", RECORD("{\"lastname\":[7]}"), REST_LATER, 0, NULL, false},
    {"a value that is none",
     RECORD("{\"lastname\":[" ENTRY("[]", "\"2026-01-01T00:00:00Z\"", "CRM_UI", "1") "]}"),
     REST_LATER, 0, NULL, false},
    {"a time that is none", RECORD("{\"lastname\":[" ENTRY("\"a\"", "\"x\"", "CRM_UI", "1") "]}"),
     REST_LATER, 0, NULL, false},
    {"of another record",
     "{\"results\":[{\"id\":\"2\",\"properties\":{},\"propertiesWithHistory\":{}}]}", REST_DONE, -1,
     NULL, false},
};

static bool lie(struct tiny_server *server, const struct tiny_request *request)
{
    return tiny_json(request, server->user);
}

static void answers(void **state)
{
    (void)state;
    struct tiny_server server = {.answer = lie};
    struct fixture fixture;
    struct rest_op op;
    struct span id = span_of("1");
    tiny_start(&server);
    fixture_init(&fixture, server.url, "hubspot");
    fixture_open(&fixture);
    for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++) {
        print_message("%s\n", ANSWERS[i].name);
        server.user = (void *)ANSWERS[i].answer;
        history_op(&op, &id, 1);
        run_op(&fixture, &op, ANSWERS[i].want);
        bool found = ANSWERS[i].want == REST_DONE && ANSWERS[i].count >= 0;
        assert_int_equal(op.record_count, found);
        if (found)
            assert_int_equal(op.records[0].histories[LASTNAME].count, ANSWERS[i].count);
        if (ANSWERS[i].first)
            expect(&op.records[0].histories[LASTNAME], 0, ANSWERS[i].first, ANSWERS[i].ours);
        rest_op_clear(&op);
    }
    fixture_close(&fixture);
    tiny_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers),
        cmocka_unit_test(limits),
        cmocka_unit_test(answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
