/*
 * test_rest_write — batches against the sandbox's HubSpot: what an item's result
 * is worth, and that nothing is ever sent twice. Answers that the sandbox does
 * not give (foreign, doubled, swapped items) come from a server that lies.
 */
#include "component/crm_fixture.h"
#include "component/tiny_server.h"

static const char *const NAMES[] = {"email", "lastname", "ext"};

struct batch {
    struct rest_op op;
    struct rest_item items[100];
    struct span names[100][3], values[100][3];
    char texts[100][3][64];
};

static void batch_init(struct batch *batch, enum rest_kind kind)
{
    memset(batch, 0, sizeof(*batch));
    rest_op_init(&batch->op);
    batch->op.kind = kind;
    batch->op.object = "contacts";
    batch->op.properties = NAMES;
    batch->op.property_count = 3;
    batch->op.external_id_property = "ext";
    batch->op.items = batch->items;
}

/* email and lastname may be NULL. */
static struct rest_item *batch_add(struct batch *batch, const char *external_id, const char *email,
                                   const char *lastname)
{
    int at = batch->op.item_count++;
    struct rest_item *item = &batch->items[at];
    const char *given[2] = {email, lastname};
    *item = (struct rest_item){.names = batch->names[at], .values = batch->values[at]};
    if (external_id) {
        (void)snprintf(batch->texts[at][2], 64, "%s", external_id);
        item->external_id = span_of(batch->texts[at][2]);
    }
    for (int i = 0; i < 2; i++) {
        if (!given[i])
            continue;
        (void)snprintf(batch->texts[at][i], 64, "%s", given[i]);
        batch->names[at][item->count] = span_of(NAMES[i]);
        batch->values[at][item->count++] = span_of(batch->texts[at][i]);
    }
    return item;
}

static const char *const PLAIN[] = {"--rate-limit-10s", "0", NULL};
static const char *const CONDITIONAL[] = {"--rate-limit-10s", "0", "--conditional-writes", "1",
                                          NULL};

static void setup(struct crm *crm, struct fixture *fixture, bool conditional)
{
    crm_start(crm, "hubspot", conditional ? CONDITIONAL : PLAIN);
    fixture_init(fixture, crm->url, "hubspot");
    fixture->migration.apply.conditional = conditional;
    fixture_open(fixture);
    struct rest_op op;
    rest_op_init(&op);
    op.kind = REST_CREATE_PROPERTY;
    op.object = "contacts";
    op.property_name = "ext";
    op.property_unique = true;
    run_op(fixture, &op, REST_DONE);
    run_op(fixture, &op, REST_DONE); /* it is there already */
    op.kind = REST_PROPERTIES;
    run_op(fixture, &op, REST_DONE);
    int unique = -1;
    for (int i = 0; i < op.record_count; i++)
        if (span_is(op.records[i].id, "ext"))
            unique = span_is(op.records[i].values[0].text, "true");
    assert_int_equal(unique, 1);
    rest_op_clear(&op);
}

static void teardown(struct crm *crm, struct fixture *fixture)
{
    fixture_close(fixture);
    crm_stop(crm);
}

static void upserts(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    static struct batch batch;
    setup(&crm, &fixture, false);
    assert_int_equal(rest_traits(fixture.rest)->tier, REST_TIER_T3);
    batch_init(&batch, REST_UPSERT);
    for (int i = 0; i < 100; i++) {
        char external_id[32], email[32];
        (void)snprintf(external_id, sizeof(external_id), "x%d", i);
        (void)snprintf(email, sizeof(email), "E%d@Example.com", i);
        batch_add(&batch, external_id, email, "\"L\\\xC3\xBC\n");
    }
    for (int round = 0; round < 2; round++) {
        run_op(&fixture, &batch.op, REST_DONE);
        for (int i = 0; i < 100; i++) {
            const struct rest_item *item = &batch.items[i];
            assert_int_equal(item->result, REST_ITEM_OK);
            assert_int_equal(item->created, round == 0);
            assert_true(item->ret_id.len > 0);
            /* the answer came in another order: each has its own values, as the system stores them */
            char email[32];
            (void)snprintf(email, sizeof(email), "e%d@example.com", i);
            assert_non_null(item->ret_values);
            assert_true(span_is(item->ret_values[0].text, email));
            assert_true(span_is(item->ret_values[1].text, "\"L\\\xC3\xBC\n"));
            assert_true(span_equal(item->ret_values[2].text, item->external_id));
        }
    }
    assert_int_equal(crm_stat(&crm, "effects"), 200);
    rest_op_clear(&batch.op);
    teardown(&crm, &fixture);
}

static void partial_failures(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    static struct batch batch;
    setup(&crm, &fixture, false);
    batch_init(&batch, REST_UPSERT);
    batch_add(&batch, "a", "a@example.com", "A");
    run_op(&fixture, &batch.op, REST_DONE);
    char a_id[32];
    (void)snprintf(a_id, sizeof(a_id), "%.*s", (int)batch.items[0].ret_id.len,
                   batch.items[0].ret_id.data);

    batch.op.item_count = 0;
    batch_add(&batch, "b", "b@example.com", "B");
    batch_add(&batch, "c", "a@example.com", "C"); /* somebody else's */
    batch_add(&batch, "d", "not an address", "D");
    batch_add(&batch, "e", "e@example.com", "E");
    run_op(&fixture, &batch.op, REST_DONE);
    assert_int_equal(batch.op.exchange.status, 207);
    assert_int_equal(batch.items[0].result, REST_ITEM_OK);
    assert_int_equal(batch.items[1].result, REST_ITEM_EXISTS);
    assert_true(span_is(batch.items[1].ret_id, a_id));
    assert_int_equal(batch.items[2].result, REST_ITEM_REFUSED);
    assert_true(batch.items[2].message.len > 0);
    assert_int_equal(batch.items[3].result, REST_ITEM_OK);

    /* created: once; the second time the unique property says whose it is */
    for (int round = 0; round < 2; round++) {
        rest_op_clear(&batch.op);
        batch_init(&batch, REST_CREATE);
        batch_add(&batch, "f", "f@example.com", "F");
        batch_add(&batch, "g", NULL, "G");
        run_op(&fixture, &batch.op, REST_DONE);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(batch.items[i].result, round ? REST_ITEM_EXISTS : REST_ITEM_OK);
            assert_true(batch.items[i].ret_id.len > 0);
        }
    }
    /* changed by id: one of them is not there */
    rest_op_clear(&batch.op);
    batch_init(&batch, REST_UPDATE);
    batch_add(&batch, NULL, NULL, "A2")->id = span_of(a_id);
    batch_add(&batch, NULL, NULL, "X")->id = span_of("424242");
    run_op(&fixture, &batch.op, REST_DONE);
    assert_int_equal(batch.items[0].result, REST_ITEM_OK);
    assert_true(span_is(batch.items[0].ret_id, a_id));
    assert_int_equal(batch.items[1].result, REST_ITEM_GONE);
    rest_op_clear(&batch.op);
    teardown(&crm, &fixture);
}

static void conditional(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    static struct batch batch;
    setup(&crm, &fixture, true);
    assert_int_equal(rest_traits(fixture.rest)->tier, REST_TIER_T1);
    batch_init(&batch, REST_CREATE);
    batch_add(&batch, "a", "a@example.com", "A");
    batch_add(&batch, "b", "b@example.com", "B");
    run_op(&fixture, &batch.op, REST_DONE);
    assert_int_equal(batch.items[0].result, REST_ITEM_OK);
    assert_true(batch.items[0].created);
    assert_true(span_is(batch.items[0].ret_version, "1"));
    char ids[2][32];
    for (int i = 0; i < 2; i++)
        (void)snprintf(ids[i], sizeof(ids[i]), "%.*s", (int)batch.items[i].ret_id.len,
                       batch.items[i].ret_id.data);
    run_op(&fixture, &batch.op, REST_DONE); /* it must not be there, and it is */
    assert_int_equal(batch.items[0].result, REST_ITEM_MISMATCH);
    assert_int_equal(batch.items[1].result, REST_ITEM_MISMATCH);
    rest_op_clear(&batch.op);

    batch_init(&batch, REST_UPDATE);
    batch_add(&batch, NULL, NULL, "A2")->id = span_of(ids[0]);
    batch_add(&batch, NULL, NULL, "B2")->id = span_of(ids[1]);
    batch.items[0].version = span_of("1");
    batch.items[1].version = span_of("7");
    run_op(&fixture, &batch.op, REST_DONE);
    assert_int_equal(batch.items[0].result, REST_ITEM_OK);
    assert_true(span_is(batch.items[0].ret_version, "2"));
    assert_int_equal(batch.items[1].result, REST_ITEM_MISMATCH);
    rest_op_clear(&batch.op);

    struct rest_op op;
    rest_op_init(&op);
    op.kind = REST_READ;
    op.object = "contacts";
    op.properties = NAMES;
    op.property_count = 3;
    op.ids = &(struct span){ids[0], strlen(ids[0])};
    op.id_count = 1;
    run_op(&fixture, &op, REST_DONE);
    assert_true(span_is(op.records[0].version, "2"));
    /* A system that gives no version compares none: T1 is not to be had there. */
    crm_admin(&crm, "settings", "{\"conditional_writes\":0}");
    run_op(&fixture, &op, REST_REFUSED);
    rest_op_clear(&op);
    teardown(&crm, &fixture);
}

static void write_faults(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        enum rest_outcome want;
        int effects;
        int64_t retry_after_ms;
    } CASES[] = {
        {"\"kind\":\"drop_after_execute\"", REST_UNCERTAIN, 2, 0},
        {"\"kind\":\"drop\"", REST_UNCERTAIN, 0, 0},
        {"\"kind\":\"reset\"", REST_UNCERTAIN, 0, 0},
        {"\"kind\":\"garbage_body\"", REST_UNCERTAIN, 2, 0},
        {"\"kind\":\"truncate_body\"", REST_UNCERTAIN, 2, 0},
        {"\"kind\":\"truncate_json\"", REST_UNCERTAIN, 2, 0},
        {"\"kind\":\"execute_late\",\"delay_ms\":1", REST_UNCERTAIN, 2, 0},
        {"\"kind\":\"status_5xx\",\"status\":500", REST_UNCERTAIN, 0, 0},
        {"\"kind\":\"status_5xx\",\"status\":504", REST_UNCERTAIN, 0, 0},
        {"\"kind\":\"status_5xx\",\"status\":503,\"retry_after_s\":1", REST_LATER, 0, 0},
        {"\"kind\":\"status_429\",\"policy\":\"SECONDLY\"", REST_LATER, 0, 1000},
        {"\"kind\":\"status\",\"status\":423", REST_LATER, 0, 2000},
        {"\"kind\":\"status\",\"status\":413", REST_TOO_LARGE, 0, 0},
        {"\"kind\":\"status\",\"status\":400", REST_REFUSED, 0, 0},
        {"\"kind\":\"status\",\"status\":403", REST_DENIED, 0, 0},
        {"\"kind\":\"status\",\"status\":401,\"count\":0", REST_DENIED, 0, 0},
    };
    struct crm crm = {0};
    struct fixture fixture;
    static struct batch batch;
    setup(&crm, &fixture, false);
    batch_init(&batch, REST_UPSERT);
    batch_add(&batch, "a", "a@example.com", "A");
    batch_add(&batch, "b", "b@example.com", "B");
    run_op(&fixture, &batch.op, REST_DONE);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char fault[200];
        print_message("%s\n", CASES[i].fault);
        run_op(&fixture, &batch.op, REST_DONE); /* so that no case is the second in succession */
        int64_t effects = crm_stat(&crm, "effects");
        (void)snprintf(fault, sizeof(fault), "{%s}", CASES[i].fault);
        crm_admin(&crm, "faults", fault);
        int64_t retry_after_ms = run_op(&fixture, &batch.op, CASES[i].want);
        if (CASES[i].retry_after_ms) /* what is left of it when the op ends may be a little less */
            assert_in_range(retry_after_ms, CASES[i].retry_after_ms / 2, CASES[i].retry_after_ms);
        for (int item = 0; item < 2; item++) {
            assert_int_equal(batch.items[item].result, REST_ITEM_UNKNOWN);
            assert_null(batch.items[item].ret_id.data);
        }
        for (int tries = 0; crm_stat(&crm, "late_pending") > 0; tries++)
            assert_true(tries < 10000);
        assert_int_equal(crm_stat(&crm, "effects") - effects, CASES[i].effects);
    }
    rest_op_clear(&batch.op);
    teardown(&crm, &fixture);
}

/* Garbage at once, again and again: each next write waits longer, one good answer ends it. */
static void garbage_is_no_hot_loop(void **state)
{
    (void)state;
    static const char *const GARBAGE[] = {"garbage_body", "truncate_json"};
    struct crm crm = {0};
    struct fixture fixture;
    static struct batch batch;
    setup(&crm, &fixture, true);
    for (int i = 0; i < 2; i++) {
        char fault[100];
        batch_init(&batch, REST_CREATE);
        batch_add(&batch, i ? "b" : "a", NULL, "A");
        run_op(&fixture, &batch.op, REST_DONE);
        (void)snprintf(fault, sizeof(fault), "{\"kind\":\"%s\",\"count\":3}", GARBAGE[i]);
        crm_admin(&crm, "faults", fault);
        int64_t began_ms = clock_mono_ms(&CLOCK_SYSTEM);
        for (int n = 0; n < 3; n++)
            run_op(&fixture, &batch.op, REST_UNCERTAIN);
        run_op(&fixture, &batch.op, REST_DONE);
        /* The second closes the gate for 400 ms, the third for 800: less is impossible. */
        assert_true(clock_mono_ms(&CLOCK_SYSTEM) - began_ms >= 1200);
        rest_op_clear(&batch.op);
    }
    teardown(&crm, &fixture);
}

/* What cannot be started, or not in time, is nobody's fault: not refused, no record is buried for it. */
static void not_started(void **state)
{
    (void)state;
    static struct batch batches[3];
    struct rest_op *ops[] = {&batches[0].op, &batches[1].op, &batches[2].op};
    enum rest_outcome outcomes[3];
    struct crm crm = {0};
    struct fixture fixture;
    struct err err = ERR_INIT;
    int64_t retry_after_ms = 0;
    setup(&crm, &fixture, false);
    batch_init(&batches[0], REST_UPDATE); /* without its id */
    batch_add(&batches[0], NULL, NULL, "A");
    batch_init(&batches[1], REST_UPSERT);
    batch_add(&batches[1], "a", NULL, "A");
    batch_init(&batches[2],
               REST_UPSERT); /* its time is over: others may have looked what came of it */
    batch_add(&batches[2], "b", NULL, "B");
    batches[2].op.send_by_ms = 1;
    rest_run(fixture.rest, ops, 3, outcomes, &retry_after_ms, &err);
    assert_int_equal(outcomes[0], REST_LATER);
    assert_true(retry_after_ms > 0);
    assert_string_equal(err.text, "an update without target id");
    assert_int_equal(outcomes[1], REST_DONE);
    assert_int_equal(batches[1].items[0].result, REST_ITEM_OK);
    assert_int_equal(outcomes[2], REST_LATER);
    assert_int_equal(crm_stat(&crm, "effects"), 1);
    rest_op_reset(ops[2]); /* what it becomes next has all the time it wants */
    assert_int_equal(batches[2].op.send_by_ms, 0);
    for (int i = 0; i < 3; i++)
        rest_op_clear(ops[i]);
    teardown(&crm, &fixture);
}

/* 16 batches at once; one token that dies on the way. */
static void many_at_once(void **state)
{
    (void)state;
    enum { OPS = 16, ITEMS = 20 };
    static struct batch batches[OPS];
    struct rest_op *ops[OPS];
    enum rest_outcome outcomes[OPS];
    struct crm crm = {0};
    struct fixture fixture;
    setup(&crm, &fixture, false);
    rest_close(fixture.rest);
    fixture.settings.token_file = NULL;
    fixture.settings.client_id = "tandem";
    fixture.settings.client_secret_file = fixture.secret_file;
    crm_admin(&crm, "settings", "{\"token_uses\":9}");
    fixture_open(&fixture);
    for (int i = 0; i < OPS; i++) {
        batch_init(&batches[i], REST_UPSERT);
        ops[i] = &batches[i].op;
        for (int item = 0; item < ITEMS; item++) {
            char external_id[32];
            (void)snprintf(external_id, sizeof(external_id), "x%d-%d", i, item);
            batch_add(&batches[i], external_id, NULL, external_id);
        }
    }
    struct err err = ERR_INIT;
    int64_t retry_after_ms = 0;
    rest_run(fixture.rest, ops, OPS, outcomes, &retry_after_ms, &err);
    for (int i = 0; i < OPS; i++) {
        if (outcomes[i] != REST_DONE)
            fail_msg("%d: %d %s", i, (int)outcomes[i], err.text);
        for (int item = 0; item < ITEMS; item++) {
            assert_int_equal(batches[i].items[item].result, REST_ITEM_OK);
            assert_true(span_equal(batches[i].items[item].ret_values[1].text,
                                   batches[i].items[item].external_id));
        }
        rest_op_clear(ops[i]);
    }
    assert_int_equal(crm_stat(&crm, "effects"), OPS * ITEMS);
    teardown(&crm, &fixture);
}

/* --- a server that lies --- */

/*
 * What it says: a template in which @0, @1 … stand for the traces of the request. Given as user.
 */
static bool lie(struct tiny_server *server, const struct tiny_request *request)
{
    char traces[4][64] = {"", "", "", ""}, answer[4096];
    const char *at = request->body;
    for (int i = 0; i < 4 && (at = strstr(at, "objectWriteTraceId\": \"")); i++) {
        at += strlen("objectWriteTraceId\": \"");
        (void)snprintf(traces[i], sizeof(traces[i]), "%.*s", (int)strcspn(at, "\""), at);
    }
    size_t len = 0;
    for (const char *text = server->user; *text && len < sizeof(answer) - 64; text++) {
        if (*text == '@')
            len += (size_t)snprintf(answer + len, 64, "%s", traces[*++text - '0']);
        else
            answer[len++] = *text == '\'' ? '"' : *text;
    }
    answer[len] = '\0';
    return tiny_json(request, answer);
}

#define RESULT(id, trace)     "{'id':'" id "','properties':{},'objectWriteTraceId':'" trace "'}"
#define PLAIN_RESULT(id, ext) "{'id':'" id "','properties':{'ext':'" ext "'}}"

static void lies(void **state)
{
    (void)state;
    enum { OK = REST_ITEM_OK, UNKNOWN = REST_ITEM_UNKNOWN, GONE = REST_ITEM_GONE };
    static const struct {
        const char *name, *answer;
        enum rest_kind kind;
        enum rest_outcome outcome;
        unsigned items[2]; /* enum rest_item_result */
    } CASES[] = {
        {"swapped",
         "{'results':[" RESULT("8", "@1") "," RESULT("7", "@0") "]}",
         REST_UPSERT,
         REST_DONE,
         {OK, OK}},
        {"one is missing",
         "{'results':[" RESULT("8", "@1") "]}",
         REST_UPSERT,
         REST_DONE,
         {UNKNOWN, OK}},
        {"none is there", "{'results':[]}", REST_UPSERT, REST_DONE, {UNKNOWN, UNKNOWN}},
        {"foreign trace",
         "{'results':[" RESULT("8", "@1") "," RESULT("7", "x-0") "]}",
         REST_UPSERT,
         REST_UNCERTAIN,
         {UNKNOWN, UNKNOWN}},
        {"trace beyond the batch",
         "{'results':[" RESULT("8", "@1") "," RESULT("7", "@09") "]}",
         REST_UPSERT,
         REST_UNCERTAIN,
         {UNKNOWN, UNKNOWN}},
        {"an item twice",
         "{'results':[" RESULT("7", "@0") "," RESULT("8", "@1") "," RESULT("9", "@0") "]}",
         REST_UPSERT,
         REST_DONE,
         {UNKNOWN, OK}},
        {"two items in one record",
         "{'results':[" RESULT("7", "@0") "," RESULT("7", "@1") "]}",
         REST_UPSERT,
         REST_DONE,
         {UNKNOWN, UNKNOWN}},
        {"no id",
         "{'results':[" RESULT("", "@0") "," RESULT("8", "@1") "]}",
         REST_UPSERT,
         REST_DONE,
         {UNKNOWN, OK}},
        {"result and error for one",
         "{'results':[" RESULT(
             "7", "@0") "],'errors':["
                        "{'category':'OBJECT_NOT_FOUND','context':{'objectWriteTraceId':['@0']}}]}",
         REST_UPSERT,
         REST_DONE,
         {UNKNOWN, UNKNOWN}},
        {"an error for somebody else",
         "{'results':[" RESULT(
             "7", "@0") "],'errors':["
                        "{'category':'OBJECT_NOT_FOUND','context':{'objectWriteTraceId':['y']}}]}",
         REST_UPSERT,
         REST_UNCERTAIN,
         {UNKNOWN, UNKNOWN}},
        {"an error for nobody",
         "{'results':[" RESULT("7", "@0") "],'errors':[{'category':'X'}]}",
         REST_UPSERT,
         REST_DONE,
         {OK, UNKNOWN}},
        {"without traces, by external id",
         "{'results':[" PLAIN_RESULT("8", "b") "," PLAIN_RESULT("7", "a") "]}",
         REST_UPSERT,
         REST_DONE,
         {OK, OK}},
        {"a foreign external id",
         "{'results':[" PLAIN_RESULT("7", "a") "," PLAIN_RESULT("8", "z") "]}",
         REST_UPSERT,
         REST_UNCERTAIN,
         {UNKNOWN, UNKNOWN}},
        {"trace and external id disagree",
         "{'results':[{'id':'7','properties':{'ext':'b'},'objectWriteTraceId':'@0'}]}",
         REST_UPSERT,
         REST_DONE,
         {UNKNOWN, UNKNOWN}},
        {"nothing to tell whose",
         "{'results':[{'id':'7'}]}",
         REST_UPSERT,
         REST_UNCERTAIN,
         {UNKNOWN, UNKNOWN}},
        {"update, another id",
         "{'results':[" RESULT("5", "@0") "," RESULT("8", "@1") "]}",
         REST_UPDATE,
         REST_DONE,
         {UNKNOWN, OK}},
        {"update by ids",
         "{'results':[{'id':'8'}],'errors':["
         "{'category':'OBJECT_NOT_FOUND','context':{'ids':['7']}}]}",
         REST_UPDATE,
         REST_DONE,
         {GONE, OK}},
        {"update, foreign id",
         "{'results':[{'id':'8'},{'id':'9'}]}",
         REST_UPDATE,
         REST_UNCERTAIN,
         {UNKNOWN, UNKNOWN}},
        {"no results", "{'status':'COMPLETE'}", REST_UPSERT, REST_UNCERTAIN, {UNKNOWN, UNKNOWN}},
        {"a list", "[]", REST_UPSERT, REST_UNCERTAIN, {UNKNOWN, UNKNOWN}},
        {"results of another type",
         "{'results':{'id':'7'}}",
         REST_UPSERT,
         REST_UNCERTAIN,
         {UNKNOWN, UNKNOWN}},
        {"numbers", "{'results':[7,8]}", REST_UPSERT, REST_UNCERTAIN, {UNKNOWN, UNKNOWN}},
        {"empty", "", REST_UPSERT, REST_UNCERTAIN, {UNKNOWN, UNKNOWN}},
    };
    struct tiny_server server = {.answer = lie};
    tiny_start(&server);
    struct fixture fixture;
    fixture_init(&fixture, server.url, "hubspot");
    fixture_open(&fixture);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct batch batch;
        char answer[1024];
        print_message("%s\n", CASES[i].name);
        rest_close(fixture.rest); /* the next lie is to be the first */
        fixture_open(&fixture);
        (void)snprintf(answer, sizeof(answer), "%s", CASES[i].answer);
        server.user = answer;
        batch_init(&batch, CASES[i].kind);
        bool update = CASES[i].kind == REST_UPDATE;
        batch_add(&batch, update ? NULL : "a", NULL, "A")->id = update ? span_of("7") : SPAN_NONE;
        batch_add(&batch, update ? NULL : "b", NULL, "B")->id = update ? span_of("8") : SPAN_NONE;
        int requests = atomic_load(&server.requests);
        run_op(&fixture, &batch.op, CASES[i].outcome);
        assert_int_equal(atomic_load(&server.requests), requests + 1);
        for (int item = 0; item < 2; item++) {
            assert_int_equal(batch.items[item].result, CASES[i].items[item]);
            if (batch.items[item].result == REST_ITEM_OK)
                assert_true(span_is(batch.items[item].ret_id, item ? "8" : "7"));
            else
                assert_true(batch.items[item].result != REST_ITEM_UNKNOWN ||
                            !batch.items[item].ret_values);
        }
        rest_op_clear(&batch.op);
    }
    /* Reads: a record that was not asked for is asked again, then left out; an incomplete answer is none. */
    static const struct {
        const char *answer;
        enum rest_outcome outcome;
        int requests, records;
    } READS[] = {
        {"{'results':[{'id':'7','properties':{}}]}", REST_DONE, 1, 1},
        {"{'results':[{'id':'7','properties':{}},{'id':'9','properties':{}}]}", REST_DONE, 3, 1},
        {"{'results':[{'id':'7','properties':{}},{'id':'7','properties':{}}]}", REST_DONE, 3, 1},
        {"{'results':[],'errors':[{'category':'OBJECT_NOT_FOUND','context':{'ids':['7','8']}}]}",
         REST_DONE, 1, 0},
        {"{'results':[],'errors':[{'category':'RATE_LIMITS'}]}", REST_LATER, 3, 0},
        {"{'results':[{'id':'7'}]}", REST_LATER, 3, 0},
        {"{'results':[{'id':'7x','properties':{}}]}", REST_LATER, 3, 0},
        {"{'results':[{'id':'7','properties':{},'updatedAt':'yesterday'}]}", REST_LATER, 3, 0},
        {"{}", REST_LATER, 3, 0},
    };
    for (size_t i = 0; i < sizeof(READS) / sizeof(READS[0]); i++) {
        struct rest_op op;
        struct span ids[] = {span_of("7"), span_of("8")};
        char answer[1024];
        print_message("%s\n", READS[i].answer);
        (void)snprintf(answer, sizeof(answer), "%s", READS[i].answer);
        server.user = answer;
        rest_op_init(&op);
        op.kind = REST_READ;
        op.object = "contacts";
        op.ids = ids;
        op.id_count = 2;
        run_op(&fixture, &op, READS[i].outcome);
        assert_int_equal(op.attempts, READS[i].requests);
        assert_int_equal(op.record_count, READS[i].records);
        rest_op_clear(&op);
    }
    fixture_close(&fixture);
    tiny_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upserts),
        cmocka_unit_test(partial_failures),
        cmocka_unit_test(conditional),
        cmocka_unit_test(write_faults),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(lies),
        cmocka_unit_test(garbage_is_no_hot_loop),
        cmocka_unit_test(not_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
