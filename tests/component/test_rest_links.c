/*
 * test_rest_links — associations, owners and pipelines against the sandbox's
 * HubSpot; what it would not answer comes from a server that lies.
 */
#include "component/crm_fixture.h"
#include "component/tiny_server.h"

static const char *const PLAIN[] = {"--rate-limit-10s", "0", NULL};
static const char *const CONDITIONAL[] = {"--rate-limit-10s", "0", "--conditional-writes", "1",
                                          NULL};

static void make(struct crm *crm, const char *object, const char *fields, char id[32])
{
    char body[200];
    struct span text;
    (void)snprintf(body, sizeof(body), "{\"object\":\"%s\",\"fields\":{%s}}", object, fields);
    crm_admin(crm, "people/create", body);
    assert_true(json_string_at(&crm->tape, 0, "id", &text));
    (void)snprintf(id, 32, "%.*s", (int)text.len, text.data);
}

static void link_op(struct rest_op *op, enum rest_kind kind, struct rest_link *links, int count)
{
    rest_op_init(op);
    op->kind = kind;
    op->object = "contacts";
    op->to_object = "companies";
    op->links = links;
    op->link_count = count;
}

/* The types that a contact has to a company, as "a,b". */
static void expect_links(struct fixture *fixture, const char *contact, const char *company,
                         const char *types)
{
    struct rest_op op;
    struct span ids[] = {span_of(contact), span_of("99999")};
    char got[200] = "";
    rest_op_init(&op);
    op.kind = REST_LINKS;
    op.object = "contacts";
    op.to_object = "companies";
    op.ids = ids;
    op.id_count = 2;
    run_op(fixture, &op, REST_DONE);
    assert_true(op.record_count <= 1);
    for (int i = 0; i < op.record_count; i++) {
        const struct rest_record *record = &op.records[i];
        assert_true(span_is(record->id, contact));
        assert_false(record->links_more);
        for (int l = 0; l < record->link_count; l++) {
            size_t len = strlen(got);
            assert_true(span_is(record->links[l].from, contact));
            if (span_is(record->links[l].to, company))
                (void)snprintf(got + len, sizeof(got) - len, "%s%.*s", len ? "," : "",
                               (int)record->links[l].type.len, record->links[l].type.data);
        }
    }
    assert_string_equal(got, types);
    rest_op_clear(&op);
}

static void associations(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    char ann[32], ben[32], acme[32], other[32];
    crm_start(&crm, "hubspot", PLAIN);
    fixture_init(&fixture, crm.url, "hubspot");
    fixture_open(&fixture);
    assert_int_equal(rest_traits(fixture.rest)->link_max, 1000);
    assert_int_equal(rest_traits(fixture.rest)->links_max, 1000);
    make(&crm, "contacts", "\"lastname\":\"Ann\"", ann);
    make(&crm, "contacts", "\"lastname\":\"Ben\"", ben);
    make(&crm, "companies", "\"name\":\"Acme\"", acme);
    make(&crm, "companies", "\"name\":\"Other\"", other);

    struct rest_link links[] = {
        {.from = span_of(ann), .to = span_of(acme), .type = span_of("1")},
        {.from = span_of(ann), .to = span_of("7"), .type = span_of("279")},
        {.from = span_of(ben), .to = span_of(other), .type = span_of("HUBSPOT_DEFINED:279")},
        {.from = span_of(ben), .to = span_of(acme), .type = span_of("3")},
    };
    link_op(&op, REST_LINK, links, 4);
    for (int round = 0; round < 2; round++) { /* twice is as good as once */
        run_op(&fixture, &op, REST_DONE);
        assert_int_equal(links[0].result, REST_ITEM_OK);
        assert_int_equal(links[1].result, REST_ITEM_GONE);
        assert_true(links[1].message.len > 0);
        assert_int_equal(links[2].result, REST_ITEM_OK);
        assert_int_equal(links[3].result, REST_ITEM_REFUSED); /* a type of another direction */
    }
    expect_links(&fixture, ann, acme, "HUBSPOT_DEFINED:1,HUBSPOT_DEFINED:279");
    expect_links(&fixture, ben, other, "HUBSPOT_DEFINED:279");
    expect_links(&fixture, ben, acme, "");

    /* The unlabelled type takes the labelled ones along; what is gone may go again. */
    links[0].type = span_of("279");
    rest_op_clear(&op);
    link_op(&op, REST_UNLINK, links, 1);
    for (int round = 0; round < 2; round++) {
        run_op(&fixture, &op, REST_DONE);
        assert_int_equal(links[0].result, REST_ITEM_OK);
        expect_links(&fixture, ann, acme, "");
    }

    /* A lost answer is unknown, as with any write. */
    crm_fault(&crm, "\"kind\":\"drop_after_execute\"");
    op.kind = REST_LINK;
    run_op(&fixture, &op, REST_UNCERTAIN);
    assert_int_equal(links[0].result, REST_ITEM_UNKNOWN);
    expect_links(&fixture, ann, acme, "HUBSPOT_DEFINED:279");

    struct rest_link twice[] = {links[0], links[0]};
    struct err err = ERR_INIT;
    op.links = twice;
    op.link_count = 2;
    assert_int_equal(rest_start(fixture.rest, &op, &err), -1);
    assert_string_equal(err.text, "two associations of one pair of records in one request");
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

static void owner_op(struct rest_op *op, const struct span *emails, int count)
{
    static const char *const NAMES[] = {"firstName"};
    rest_op_init(op);
    op->kind = REST_READ;
    op->object = "owners";
    op->properties = NAMES;
    op->property_count = 1;
    op->id_property = "email";
    op->ids = emails;
    op->id_count = count;
}

/* By one e-mail at a time, through a path of their own; on both tiers. */
static void owners(void **state)
{
    (void)state;
    for (int conditional = 0; conditional < 2; conditional++) {
        struct crm crm = {0};
        struct fixture fixture;
        struct rest_op op;
        struct err err = ERR_INIT;
        crm_start(&crm, "hubspot", conditional ? CONDITIONAL : PLAIN);
        fixture_init(&fixture, crm.url, "hubspot");
        fixture.migration.apply.conditional = conditional;
        fixture_open(&fixture);
        assert_int_equal(rest_max(fixture.rest, REST_READ, "owners", "email"), 1);
        assert_int_equal(rest_max(fixture.rest, REST_READ, "contacts", "email"), 100);
        assert_int_equal(rest_max(fixture.rest, REST_INCREMENTAL, "contacts", NULL), 0);
        struct span emails[] = {span_of("Alice@team.example.com"), span_of("x@y.org")};
        owner_op(&op, emails, 1);
        run_op(&fixture, &op, REST_DONE);
        assert_int_equal(op.record_count, 1);
        assert_true(span_is(op.records[0].id, "41000001"));
        assert_true(span_is(op.records[0].lookup, "alice@team.example.com"));
        assert_true(span_is(op.records[0].values[0].text, "Alice"));
        emails[0] = span_of("frank@team.example.com"); /* archived */
        run_op(&fixture, &op, REST_DONE);
        assert_int_equal(op.record_count, 0);

        op.id_count = 2;
        assert_int_equal(rest_start(fixture.rest, &op, &err), -1);
        assert_string_equal(err.text, "hubspot takes 1 to 1 in one read of owners, not 2");
        op.id_count = 1;
        op.id_property = NULL;
        err_clear(&err);
        assert_int_equal(rest_start(fixture.rest, &op, &err), -1);
        assert_string_equal(err.text, "owners are looked up by email only");
        op.kind = REST_LIST;
        run_op(&fixture, &op, REST_DONE);
        assert_true(op.record_count >= 5);
        rest_op_clear(&op);
        fixture_close(&fixture);
        crm_stop(&crm);
    }
}

static void pipelines(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "hubspot", PLAIN);
    fixture_init(&fixture, crm.url, "hubspot");
    fixture_open(&fixture);
    crm_admin(
        &crm, "pipelines",
        "{\"id\":\"p2\",\"label\":\"Renewals\",\"stages\":[{\"id\":\"s1\",\"label\":\"Due\"}]}");
    rest_op_init(&op);
    op.kind = REST_PIPELINES;
    op.object = "deals";
    run_op(&fixture, &op, REST_DONE);
    int found = 0;
    for (int i = 0; i < op.record_count; i++) {
        const struct rest_record *record = &op.records[i];
        if (span_is(record->id, "default"))
            found += record->lookup.len == 0 && span_is(record->values[0].text, "Sales Pipeline");
        if (span_is(record->id, "closedwon"))
            found +=
                span_is(record->lookup, "default") && span_is(record->values[0].text, "Closed Won");
        if (span_is(record->id, "s1"))
            found += span_is(record->lookup, "p2") && span_is(record->values[0].text, "Due");
    }
    assert_int_equal(found, 3);
    assert_int_equal(op.record_count, 10);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

/* --- a server that lies --- */

enum { OK = REST_ITEM_OK, UNKNOWN = REST_ITEM_UNKNOWN, GONE = REST_ITEM_GONE };
#define PAIR(from, to)         "{\"fromObjectId\":" from ",\"toObjectId\":\"" to "\"}"
#define ERROR(ends)            "{\"category\":\"OBJECT_NOT_FOUND\",\"context\":{" ends "}}"
#define BATCH(results, errors) "{\"results\":[" results "],\"errors\":[" errors "]}"

/* Asked: 1–8, 1–9, 2–8. */
static const struct {
    const char *name;
    enum rest_kind kind;
    const char *answer;
    enum rest_outcome want;
    unsigned results[3];
} ANSWERS[] = {
    {"in another order, ids as numbers too",
     REST_LINK,
     BATCH(PAIR("2", "8") "," PAIR("\"1\"", "9") "," PAIR("1", "8"), ""),
     REST_DONE,
     {OK, OK, OK}},
    {"one is missing",
     REST_LINK,
     BATCH(PAIR("2", "8") "," PAIR("1", "8"), ""),
     REST_DONE,
     {OK, UNKNOWN, OK}},
    {"one comes twice",
     REST_LINK,
     BATCH(PAIR("2", "8") "," PAIR("1", "8") "," PAIR("2", "8") "," PAIR("1", "9"), ""),
     REST_DONE,
     {OK, OK, UNKNOWN}},
    {"a foreign pair",
     REST_LINK,
     BATCH(PAIR("2", "8") "," PAIR("2", "9"), ""),
     REST_UNCERTAIN,
     {UNKNOWN, UNKNOWN, UNKNOWN}},
    {"an error of one pair",
     REST_LINK,
     BATCH(PAIR("2", "8") "," PAIR("1", "8"),
           ERROR("\"fromObjectId\":[\"1\"],\"toObjectId\":[\"9\"]")),
     REST_DONE,
     {OK, GONE, OK}},
    {"an error of a whole record",
     REST_LINK,
     BATCH(PAIR("2", "8"), ERROR("\"fromObjectId\":\"1\"")),
     REST_DONE,
     {GONE, GONE, OK}},
    {"result and error of one pair",
     REST_LINK,
     BATCH(PAIR("2", "8"), ERROR("\"fromObjectId\":[\"2\"],\"toObjectId\":[\"8\"]")),
     REST_DONE,
     {UNKNOWN, UNKNOWN, UNKNOWN}},
    {"an error of somebody else",
     REST_LINK,
     BATCH("", ERROR("\"fromObjectId\":[\"3\"]")),
     REST_UNCERTAIN,
     {UNKNOWN, UNKNOWN, UNKNOWN}},
    {"an error of nobody in particular",
     REST_LINK,
     BATCH(PAIR("2", "8"), ERROR("")),
     REST_DONE,
     {UNKNOWN, UNKNOWN, OK}},
    {"no results", REST_LINK, "{}", REST_UNCERTAIN, {UNKNOWN, UNKNOWN, UNKNOWN}},
    {"nothing at all", REST_LINK, "", REST_UNCERTAIN, {UNKNOWN, UNKNOWN, UNKNOWN}},
    {"no JSON", REST_LINK, "<html>", REST_UNCERTAIN, {UNKNOWN, UNKNOWN, UNKNOWN}},
    {"taken away: nothing is to be said", REST_UNLINK, "", REST_DONE, {OK, OK, OK}},
    {"taken away, but for one",
     REST_UNLINK,
     BATCH("", ERROR("\"fromObjectId\":[\"1\"],\"toObjectId\":[\"9\"]")),
     REST_DONE,
     {OK, GONE, OK}},
    {"taken away, no JSON", REST_UNLINK, "<html>", REST_UNCERTAIN, {UNKNOWN, UNKNOWN, UNKNOWN}},
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
    tiny_start(&server);
    fixture_init(&fixture, server.url, "hubspot");
    for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++) {
        struct rest_op op;
        struct rest_link links[] = {{.from = span_of("1"), .to = span_of("8")},
                                    {.from = span_of("1"), .to = span_of("9")},
                                    {.from = span_of("2"), .to = span_of("8")}};
        print_message("%s\n", ANSWERS[i].name);
        fixture_open(&fixture); /* the next lie is to be the first: no wait after the one before */
        server.user = (void *)ANSWERS[i].answer;
        link_op(&op, ANSWERS[i].kind, links, 3);
        run_op(&fixture, &op, ANSWERS[i].want);
        for (int l = 0; l < 3; l++)
            assert_int_equal(links[l].result, ANSWERS[i].results[l]);
        rest_op_clear(&op);
        rest_close(fixture.rest);
        fixture.rest = NULL;
    }
    fixture_close(&fixture);
    tiny_stop(&server);
}

static const struct {
    const char *name, *answer;
    enum rest_outcome want;
    int records, links;
    bool more;
} READS[] = {
    {"two types, one without",
     "{\"results\":[{\"from\":{\"id\":\"1\"},\"to\":[{\"toObjectId\":8,"
     "\"associationTypes\":[{\"typeId\":1},{\"typeId\":2}]},"
     "{\"toObjectId\":9}]}]}",
     REST_DONE, 1, 3, false},
    {"more of them",
     "{\"results\":[{\"from\":{\"id\":\"1\"},\"to\":[],\"paging\":{\"next\":{\"after\":\"x\"}}}]}",
     REST_DONE, 1, 0, true},
    {"no list", "{\"results\":[{\"from\":{\"id\":\"1\"}}]}", REST_LATER, 0, 0, false},
    {"no record", "{\"results\":[{\"from\":{\"id\":\"1\"},\"to\":[{}]}]}", REST_LATER, 0, 0, false},
    {"of somebody else", "{\"results\":[{\"from\":{\"id\":\"2\"},\"to\":[]}]}", REST_DONE, 0, 0,
     false},
    {"only a part", "{\"results\":[],\"errors\":[{\"category\":\"X\"}]}", REST_LATER, 0, 0, false},
};

static void reads(void **state)
{
    (void)state;
    struct tiny_server server = {.answer = lie};
    struct fixture fixture;
    struct span id = span_of("1");
    tiny_start(&server);
    fixture_init(&fixture, server.url, "hubspot");
    fixture_open(&fixture);
    for (size_t i = 0; i < sizeof(READS) / sizeof(READS[0]); i++) {
        struct rest_op op;
        print_message("%s\n", READS[i].name);
        server.user = (void *)READS[i].answer;
        rest_op_init(&op);
        op.kind = REST_LINKS;
        op.object = "contacts";
        op.to_object = "companies";
        op.ids = &id;
        op.id_count = 1;
        run_op(&fixture, &op, READS[i].want);
        assert_int_equal(op.record_count, READS[i].records);
        if (op.record_count) {
            assert_int_equal(op.records[0].link_count, READS[i].links);
            assert_int_equal(op.records[0].links_more, READS[i].more);
        }
        rest_op_clear(&op);
    }
    fixture_close(&fixture);
    tiny_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(associations), cmocka_unit_test(owners), cmocka_unit_test(pipelines),
        cmocka_unit_test(answers),      cmocka_unit_test(reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
