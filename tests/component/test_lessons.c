/*
 * test_lessons — what went wrong in other people's syncs, one test a thread, against the sandbox
 * CRMs with the shipped connectors. tests/lessons.md says which thread, and where the others are.
 */
#include "component/crm_fixture.h"

static const char *const NAMES[] = {"Email", "LastName"};
static const char *const NO_LAG[] = {"--visibility-lag-ms", "0", NULL};

static void sf_op(struct rest_op *op, enum rest_kind kind)
{
    rest_op_init(op);
    op->kind = kind;
    op->object = "Contact";
    op->properties = NAMES;
    op->property_count = 2;
}

static void make(struct crm *crm, const char *object, const char *fields, char ret_id[32])
{
    char body[256];
    struct span id;
    (void)snprintf(body, sizeof(body),
                   "{\"object\":\"%s\",\"modstamp\":\"2026-01-02T03:04:05Z\",\"fields\":{%s}}",
                   object, fields);
    crm_admin(crm, "people/create", body);
    assert_true(json_string_at(&crm->tape, 0, "id", &id));
    (void)snprintf(ret_id, 32, "%.*s", (int)id.len, id.data);
}

/* What bears exactly the time at which a window begins belongs to it, and so does what bears that at which it ends. */
static void lesson_05_the_edges_of_a_window_belong_to_it(void **state)
{
    (void)state;
    static const int64_t AT_MS = 1767323045000; /* 2026-01-02T03:04:05Z */
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    char id[32];
    crm_start(&crm, "salesforce", NO_LAG);
    make(&crm, "Contact", "\"LastName\":\"Edge\"", id);
    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    sf_op(&op, REST_INCREMENTAL);
    for (int edge = 0; edge < 2; edge++) {
        op.from_ms = edge ? AT_MS - 60000 : AT_MS;
        op.to_ms = edge ? AT_MS : AT_MS + 60000;
        run_op(&fixture, &op, REST_DONE);
        assert_int_equal(op.record_count, 1);
        assert_true(span_is(op.records[0].id, id));
    }
    op.from_ms = AT_MS + 1000;
    op.to_ms = AT_MS + 60000;
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.record_count, 0);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

static bool holds(const struct rest_op *op, const char *id)
{
    for (int i = 0; i < op->record_count; i++)
        if (span_is(op->records[i].id, id))
            return true;
    return false;
}

static void end_one(struct crm *crm, const char *id)
{
    char body[128];
    (void)snprintf(body, sizeof(body), "{\"object\":\"Contact\",\"id\":\"%s\"}", id);
    crm_admin(crm, "people/delete", body);
}

/* What is deleted is in no page of what was modified, and no read finds it: asked about by its id, the system says that and when it ended. */
static void lesson_06_what_ended_is_told_when_asked_for(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    char ids[2][32];
    struct span asked[2];
    crm_start(&crm, "salesforce", NO_LAG);
    make(&crm, "Contact", "\"LastName\":\"Stays\"", ids[0]);
    make(&crm, "Contact", "\"LastName\":\"Goes\"", ids[1]);
    end_one(&crm, ids[1]);
    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    sf_op(&op, REST_INCREMENTAL);
    op.to_ms = INT64_C(4102444800000); /* 2100 */
    run_op(&fixture, &op, REST_DONE);
    assert_true(op.record_count == 1 && holds(&op, ids[0]));
    for (int i = 0; i < 2; i++)
        asked[i] = span_of(ids[i]);
    op.kind = REST_READ;
    op.ids = asked;
    op.id_count = 2;
    run_op(&fixture, &op, REST_DONE);
    assert_true(op.record_count == 1 && holds(&op, ids[0]));
    op.kind = REST_ENDED;
    run_op(&fixture, &op, REST_DONE);
    assert_true(op.record_count == 1 && holds(&op, ids[1]) && op.records[0].into.len == 0);
    assert_true(op.records[0].modified_ms >= INT64_C(1767323045000));
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

/* What the system has forgotten that it had is told by nobody: only a listing of everything shows that it is not there. */
static void lesson_07_what_the_log_forgot_is_missing_from_a_whole_listing(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    char ids[5][32];
    int seen = 0;
    crm_start(&crm, "salesforce", NO_LAG);
    for (int i = 0; i < 5; i++)
        make(&crm, "Contact", "\"LastName\":\"One of five\"", ids[i]);
    end_one(&crm, ids[2]);
    crm_admin(&crm, "people/purge", "{\"object\":\"Contact\"}");
    struct span purged = span_of(ids[2]);
    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    sf_op(&op, REST_ENDED);
    op.ids = &purged;
    op.id_count = 1;
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.record_count, 0);
    op.kind = REST_LIST;
    op.id_count = 0;
    op.page_records = 2;
    for (bool more = true; more; op.cursor = rest_op_place(&op)) {
        run_op(&fixture, &op, REST_DONE);
        assert_false(holds(&op, ids[2]));
        seen += op.record_count;
        more = op.more;
    }
    assert_int_equal(seen, 4);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

static bool described(struct fixture *fixture, struct rest_op *op, const char *name)
{
    run_op(fixture, op, REST_DONE);
    for (int i = 0; i < op->record_count; i++)
        if (span_is(op->records[i].id, name))
            return true;
    return false;
}

/* A field that came into being since the last look is described at the next one: nothing remembers the list. */
static void lesson_11_new_fields_are_described(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "salesforce", NO_LAG);
    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    sf_op(&op, REST_PROPERTIES);
    assert_false(described(&fixture, &op, "Fresh__c"));
    crm_admin(&crm, "schema", "{\"object\":\"Contact\",\"name\":\"Fresh__c\",\"type\":\"string\"}");
    assert_true(described(&fixture, &op, "Fresh__c"));
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

/* The token endpoint says 429: its Retry-After is waited for, nobody knocks meanwhile, and no person is called. */
static void lesson_16_the_token_endpoint_is_limited_too(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "salesforce", NO_LAG);
    fixture_init(&fixture, crm.url, "salesforce");
    fixture.settings.token_file = NULL;
    fixture.settings.client_id = "tandem";
    fixture.settings.client_secret_file = fixture.secret_file;
    fixture_open(&fixture);
    crm_fault(&crm, "\"kind\":\"status_429\",\"retry_after_s\":40,\"count\":0,"
                    "\"match\":{\"path_contains\":\"oauth2/token\"}");
    sf_op(&op, REST_COUNT);
    assert_in_range(run_op(&fixture, &op, REST_LATER), 30000, 40000);
    int64_t requests = crm_stat(&crm, "requests");
    assert_in_range(run_op(&fixture, &op, REST_LATER), 5000, 40000);
    assert_int_equal(crm_stat(&crm, "requests"), requests);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

/* A merge makes a third record: whoever asks for one of the two old ids gets it, under its own id, and is told of both. */
static void lesson_20_a_merge_may_mint_a_new_id(void **state)
{
    (void)state;
    static const char *const HS_NAMES[] = {"lastname"};
    struct crm crm = {0};
    struct fixture fixture;
    char ids[2][32], body[128];
    struct span merged, asked[2];
    crm_start(&crm, "hubspot", NULL);
    make(&crm, "contacts", "\"lastname\":\"One\"", ids[0]);
    make(&crm, "contacts", "\"lastname\":\"Two\"", ids[1]);
    (void)snprintf(body, sizeof(body), "{\"object\":\"contacts\",\"id\":\"%s\",\"loser\":\"%s\"}",
                   ids[0], ids[1]);
    crm_admin(&crm, "people/merge", body);
    assert_true(json_string_at(&crm.tape, 0, "id", &merged));
    assert_false(span_is(merged, ids[0]) || span_is(merged, ids[1]));
    fixture_init(&fixture, crm.url, "hubspot");
    fixture_open(&fixture);
    for (int i = 0; i < 2; i++)
        asked[i] = span_of(ids[i]);
    struct rest_op op;
    rest_op_init(&op);
    op.kind = REST_READ;
    op.object = "contacts";
    op.properties = HS_NAMES;
    op.property_count = 1;
    op.ids = asked;
    op.id_count = 2;
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.record_count, 1);
    assert_true(span_equal(op.records[0].id, merged));
    for (int i = 0; i < 2; i++)
        assert_non_null(
            memmem(op.records[0].merged.data, op.records[0].merged.len, ids[i], strlen(ids[i])));
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lesson_05_the_edges_of_a_window_belong_to_it),
        cmocka_unit_test(lesson_06_what_ended_is_told_when_asked_for),
        cmocka_unit_test(lesson_07_what_the_log_forgot_is_missing_from_a_whole_listing),
        cmocka_unit_test(lesson_11_new_fields_are_described),
        cmocka_unit_test(lesson_16_the_token_endpoint_is_limited_too),
        cmocka_unit_test(lesson_20_a_merge_may_mint_a_new_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
