/*
 * test_rest — reading, signing in, limits and faults against the sandbox CRMs,
 * with the shipped connector files. Writes: test_rest_write.c.
 */
#include "component/crm_fixture.h"

static const char *const SF_NAMES[] = {"Email", "LastName", "Balance__c"};
static const char *const HS_NAMES[] = {"email", "lastname"};

static void sf_op(struct rest_op *op, enum rest_kind kind)
{
    rest_op_init(op);
    op->kind = kind;
    op->object = "Contact";
    op->properties = SF_NAMES;
    op->property_count = 3;
}

static const char *const NO_LAG[] = {"--seed", "250", "--visibility-lag-ms", "0", NULL};

static void salesforce_pages(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "salesforce", NO_LAG);
    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    struct err err = ERR_INIT;
    assert_int_equal(rest_probe(fixture.rest, &err), 0);

    sf_op(&op, REST_BACKFILL);
    op.page_records = 100;
    int counts[3] = {0}, pages = 0, total = 0;
    char last[32] = "", first_email[100] = "", first_id[32] = "";
    do {
        run_op(&fixture, &op, REST_DONE);
        assert_true(pages < 3);
        counts[pages++] = op.record_count;
        total += op.record_count;
        for (int i = 0; i < op.record_count; i++) {
            const struct rest_record *record = &op.records[i];
            assert_int_equal(record->id.len, 18);
            assert_true(memcmp(record->id.data, last, 18) > 0);
            memcpy(last, record->id.data, 18);
            assert_true(record->modified_ms > 0);
            assert_int_equal(record->values[1].type, JSON_STRING_);
            assert_int_equal(record->raw.data[0], '{');
            assert_true(record->writer.len > 0);
            if (!first_id[0] && record->values[0].type == JSON_STRING_) {
                assert_non_null(
                    memchr(record->values[0].text.data, '@', record->values[0].text.len));
                memcpy(first_id, record->id.data, 18);
                memcpy(first_email, record->values[0].text.data, record->values[0].text.len);
            }
        }
        assert_true(op.date_ms > 0);
        assert_true(op.duration_ms > 0);
        op.after_id = op.records[op.record_count - 1].id; /* out of the answer that it replaces */
    } while (op.more);
    assert_int_equal(pages, 3);
    assert_int_equal(counts[0], 100);
    assert_int_equal(counts[2], 50);
    assert_int_equal(total, 250);

    op.kind = REST_COUNT;
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.total, 250);

    /* One read by two ids, the short form, and one that is not there; then by a property. */
    struct span ids[] = {{first_id, 15}, {last, 18}, span_of("003000000000001AAA")};
    op.kind = REST_READ;
    op.ids = ids;
    op.id_count = 3;
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.record_count, 2);
    struct span emails[] = {span_of(first_email), span_of("nobody'\\ \"@example.com")};
    op.id_property = "Email";
    op.ids = emails;
    op.id_count = 2;
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.record_count, 1);
    assert_true(span_is(op.records[0].lookup, first_email));
    assert_true(span_is(op.records[0].id, first_id));
    op.id_property = NULL;

    op.kind = REST_PROPERTIES;
    run_op(&fixture, &op, REST_DONE);
    bool found = false;
    for (int i = 0; i < op.record_count; i++)
        found = found || span_is(op.records[i].id, "Balance__c");
    assert_true(found);

    op.kind = REST_LIST;
    op.page_records = 100;
    op.cursor = SPAN_NONE;
    op.property_count = 0;
    for (total = 0, pages = 0; pages < 10; pages++) {
        run_op(&fixture, &op, REST_DONE);
        total += op.record_count;
        if (!op.more)
            break;
        op.cursor = op.next_cursor;
    }
    assert_int_equal(total, 250);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

/* 60 records with one modified time, pages of 7: every one comes once, in order. */
static void ties(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "salesforce", NO_LAG);
    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    crm_admin(&crm, "people/bulk",
              "{\"object\":\"Contact\",\"count\":60,\"fields\":{\"Title\":\"x{n}\"}}");
    int64_t modstamp_ms = 0;
    assert_true(json_int_at(&crm.tape, 0, "modstamp_ms", &modstamp_ms));
    sf_op(&op, REST_INCREMENTAL);
    op.page_records = 7;
    op.from_ms = modstamp_ms;
    op.to_ms = modstamp_ms + 500;
    char last[32] = "";
    int total = 0;
    do {
        run_op(&fixture, &op, REST_DONE);
        for (int i = 0; i < op.record_count; i++) {
            assert_true(op.records[i].modified_ms == modstamp_ms);
            assert_true(memcmp(op.records[i].id.data, last, 18) > 0);
            memcpy(last, op.records[i].id.data, 18);
            total++;
        }
        op.after_id = (struct span){last, 18};
    } while (op.more && total < 1000);
    assert_int_equal(total, 60);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

static void run_reads(struct fixture *fixture, int count)
{
    enum { MAX = 16 };
    static struct rest_op ops[MAX];
    struct rest_op *list[MAX];
    enum rest_outcome outcomes[MAX];
    struct err err = ERR_INIT;
    int64_t retry_after_ms = 0;
    for (int i = 0; i < count; i++) {
        sf_op(&ops[i], REST_COUNT);
        list[i] = &ops[i];
    }
    rest_run(fixture->rest, list, count, outcomes, &retry_after_ms, &err);
    for (int i = 0; i < count; i++) {
        if (outcomes[i] != REST_DONE)
            fail_msg("op %d: outcome %d: %s", i, (int)outcomes[i], err.text);
        assert_int_equal(ops[i].total, 250);
        rest_op_clear(&ops[i]);
    }
}

static void tokens_end_midway(void **state)
{
    (void)state;
    static const char *const ARGS[] = {
        "--seed", "250", "--token-uses", "5", "--visibility-lag-ms", "0", "--rotate-refresh",
        "1",      NULL};
    struct crm crm = {0};
    crm_start(&crm, "salesforce", ARGS);
    for (int refresh = 0; refresh < 2; refresh++) {
        struct fixture fixture;
        fixture_init(&fixture, crm.url, "salesforce");
        fixture.settings.token_file = NULL;
        fixture.settings.client_id = "tandem";
        fixture.settings.client_secret_file = fixture.secret_file;
        fixture.settings.refresh_token_file = refresh ? fixture.refresh_file : NULL;
        fixture_limit(&fixture, "in_flight", 4);
        fixture_open(&fixture);
        for (int i = 0; i < 3; i++)
            run_reads(&fixture, 16);
        if (refresh) { /* the rotated one is on disk, and only its owner may read it */
            char *kept = NULL;
            struct stat file;
            struct err err = ERR_INIT;
            assert_int_equal(stat(fixture.refresh_file, &file), 0);
            assert_int_equal(file.st_mode & 0777, 0600);
            assert_int_equal(secret_read(fixture.refresh_file, &kept, &err), 0);
            assert_string_not_equal(kept, "sandbox-refresh");
            free(kept);
            rest_close(fixture.rest); /* a new process goes on with it */
            fixture_open(&fixture);
            run_reads(&fixture, 16);
        }
        fixture_close(&fixture);
    }
    crm_stop(&crm);
}

static void denied(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "salesforce", NO_LAG);
    fixture_init(&fixture, crm.url, "salesforce");
    write_secret(fixture.token_file, "wrong");
    fixture_open(&fixture);
    sf_op(&op, REST_COUNT);
    run_op(&fixture, &op, REST_DENIED);
    run_op(&fixture, &op, REST_DENIED);
    write_secret(fixture.token_file, "sandbox-token"); /* a person acts; no restart */
    run_op(&fixture, &op, REST_DONE);
    rest_op_clear(&op);
    fixture_close(&fixture);

    fixture_init(&fixture, crm.url, "salesforce");
    fixture.settings.token_file = NULL;
    fixture.settings.client_id = "tandem";
    fixture.settings.client_secret_file = fixture.secret_file;
    write_secret(fixture.secret_file, "wrong");
    fixture_open(&fixture);
    sf_op(&op, REST_COUNT);
    run_op(&fixture, &op, REST_DENIED);
    write_secret(fixture.secret_file, "sandbox-secret");
    crm_fault(&crm, "\"kind\":\"status_429\",\"retry_after_s\":30,"
                    "\"match\":{\"path_contains\":\"oauth2/token\"}");
    assert_in_range(run_op(&fixture, &op, REST_LATER), 20000, 30000);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

static void limits(void **state)
{
    (void)state;
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "salesforce", NO_LAG);
    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    sf_op(&op, REST_COUNT);
    crm_fault(&crm, "\"kind\":\"status_429\",\"retry_after_s\":1");
    run_op(&fixture, &op, REST_DONE); /* waited inside */
    assert_int_equal(op.attempts, 2);

    crm_fault(&crm, "\"kind\":\"status_429\",\"retry_after_s\":30");
    assert_in_range(run_op(&fixture, &op, REST_LATER), 20000, 30000);
    int64_t requests = crm_stat(&crm, "requests");
    int64_t wait_ms = run_op(&fixture, &op, REST_LATER); /* the gate: nothing is sent meanwhile */
    assert_true(wait_ms > 5000 && wait_ms <= 30000);
    assert_int_equal(op.attempts, 0);
    assert_int_equal(crm_stat(&crm, "requests"), requests);

    /* Over at once, asked for late: only what is left of the wait counts. */
    struct err err = ERR_INIT;
    rest_op_clear(&op);
    sf_op(&op, REST_COUNT);
    assert_int_equal(rest_start(fixture.rest, &op, &err), 0);
    int64_t began_ms = clock_mono_ms(&CLOCK_SYSTEM);
    while (clock_mono_ms(&CLOCK_SYSTEM) < began_ms + 20)
        rest_serve(fixture.rest);
    int64_t left_ms = 0;
    assert_int_equal(rest_finish(fixture.rest, &op, &left_ms, &err), REST_LATER);
    assert_in_range(left_ms, 1, wait_ms - 20);
    rest_op_clear(&op);
    fixture_close(&fixture);

    /* The day's requests: a tenth stays for people; the 91st of 100 is the last. */
    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    sf_op(&op, REST_COUNT);
    crm_admin(&crm, "settings", "{\"daily_quota\":100,\"quota_used\":89}");
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(run_op(&fixture, &op, REST_LATER) > 5000, 1);
    rest_op_clear(&op);
    fixture_close(&fixture);

    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    sf_op(&op, REST_COUNT);
    crm_admin(&crm, "settings", "{\"daily_quota\":100,\"quota_used\":100}");
    /* What is left of a quarter of an hour. */
    assert_in_range(run_op(&fixture, &op, REST_LATER), 800000, 900000);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

static void read_faults(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        enum rest_outcome want;
        int attempts; /* 0: libcurl may try once more by itself */
    } CASES[] = {
        {"\"kind\":\"status_5xx\",\"status\":500,\"count\":2", REST_DONE, 3},
        {"\"kind\":\"status_5xx\",\"status\":502,\"count\":3", REST_LATER, 3},
        {"\"kind\":\"drop\"", REST_DONE, 0},
        {"\"kind\":\"reset\",\"count\":2", REST_DONE, 0},
        {"\"kind\":\"garbage_body\"", REST_DONE, 2},
        {"\"kind\":\"garbage_body\",\"count\":3", REST_LATER, 3},
        {"\"kind\":\"truncate_body\"", REST_DONE, 2},
        {"\"kind\":\"truncate_json\"", REST_DONE, 2},
        {"\"kind\":\"status\",\"status\":404", REST_REFUSED, 1},
        {"\"kind\":\"status\",\"status\":413", REST_TOO_LARGE, 1},
        {"\"kind\":\"latency\",\"delay_ms\":50", REST_DONE, 1},
    };
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "salesforce", NO_LAG);
    fixture_init(&fixture, crm.url, "salesforce");
    fixture_open(&fixture);
    sf_op(&op, REST_BACKFILL);
    op.page_records = 100;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char fault[200];
        print_message("%s\n", CASES[i].fault);
        (void)snprintf(fault, sizeof(fault), "{%s}", CASES[i].fault);
        crm_admin(&crm, "faults", fault);
        run_op(&fixture, &op, CASES[i].want);
        if (CASES[i].attempts)
            assert_int_equal(op.attempts, CASES[i].attempts);
        assert_int_equal(op.record_count, CASES[i].want == REST_DONE ? 100 : 0);
    }
    /* The page before once more: noticed, asked for again. */
    crm_fault(&crm, "\"kind\":\"duplicate_page\"");
    run_op(&fixture, &op, REST_DONE);
    char last[32];
    memcpy(last, op.records[99].id.data, 18);
    op.after_id = (struct span){last, 18};
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.attempts, 2);
    assert_true(memcmp(op.records[0].id.data, last, 18) > 0);
    rest_op_clear(&op);
    fixture_close(&fixture);

    /* Nobody there: nothing was sent, the caller waits. */
    fixture_init(&fixture, "http://127.0.0.1:1", "salesforce");
    fixture_open(&fixture);
    sf_op(&op, REST_COUNT);
    assert_true(run_op(&fixture, &op, REST_LATER) >= 1);
    assert_int_equal(op.attempts, 3);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

static void hubspot_reads(void **state)
{
    (void)state;
    static const char *const ARGS[] = {"--seed", "250", "--rate-limit-10s", "0", NULL};
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "hubspot", ARGS);
    fixture_init(&fixture, crm.url, "hubspot");
    fixture_open(&fixture);
    struct err err = ERR_INIT;
    assert_int_equal(rest_probe(fixture.rest, &err), 0);
    rest_op_init(&op);
    op.kind = REST_LIST;
    op.object = "contacts";
    op.properties = HS_NAMES;
    op.property_count = 2;
    int total = 0, pages = 0;
    char ids[3][24], email[100] = "";
    struct span wanted[4];
    for (;;) {
        run_op(&fixture, &op, REST_DONE);
        assert_true(op.records[0].id.len < sizeof(ids[0]));
        memset(ids[pages], 0, sizeof(ids[0]));
        memcpy(ids[pages], op.records[0].id.data, op.records[0].id.len);
        wanted[pages] = span_of(ids[pages]);
        (void)snprintf(email, sizeof(email), "%.*s", (int)op.records[0].values[0].text.len,
                       op.records[0].values[0].text.data);
        total += op.record_count;
        pages++;
        if (!op.more)
            break;
        assert_true(pages < 3);
        op.cursor = op.next_cursor;
    }
    assert_int_equal(total, 250);
    op.kind = REST_READ;
    wanted[3] = span_of("99999");
    op.ids = wanted;
    op.id_count = 4;
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.record_count, 3);
    op.id_property = "email";
    struct span emails[] = {span_of(email), span_of("no\"body@example.com")};
    op.ids = emails;
    op.id_count = 2;
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.record_count, 1);
    assert_true(span_is(op.records[0].lookup, email));
    assert_true(span_is(op.records[0].id, ids[2]));
    op.kind = REST_COUNT;
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.total, 250);
    struct err none = ERR_INIT;
    op.kind = REST_INCREMENTAL; /* HubSpot's search cannot be paged in order: not declared */
    assert_int_equal(rest_start(fixture.rest, &op, &none), -1);
    assert_int_equal(none.kind, ERR_FATAL);
    rest_op_clear(&op);
    fixture_close(&fixture);
    crm_stop(&crm);
}

static void ids(void **state)
{
    (void)state;
    static const struct {
        const char *connector, *id, *want;
    } CASES[] = {
        {"salesforce", "001D000000IRFma", "001D000000IRFmaIAH"},
        {"salesforce", "001D000000IRFmaIAH", "001D000000IRFmaIAH"},
        {"salesforce", "001d000000irfmaiah", ""},
        {"salesforce", "001D000000IRFm", ""},
        {"salesforce", "001D000000IRF-a", ""},
        {"salesforce", "", ""},
        {"hubspot", "51", "51"},
        {"hubspot", "051", ""},
        {"hubspot", "5a", ""},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture, "https://nowhere.invalid/", CASES[i].connector);
        fixture_open(&fixture);
        struct span id = rest_canonical_id(fixture.rest, span_of(CASES[i].id), &arena);
        assert_int_equal(id.len, strlen(CASES[i].want));
        if (id.len)
            assert_memory_equal(id.data, CASES[i].want, id.len);
        fixture_close(&fixture);
    }
    arena_clear(&arena);
    struct fixture fixture;
    fixture_init(&fixture, "http://example.com", "hubspot"); /* no token in clear text */
    struct err err = ERR_INIT;
    assert_null(rest_open(&fixture.migration, &fixture.settings, &CLOCK_SYSTEM, &err));
    assert_non_null(strstr(err.text, "https://"));
    fixture_close(&fixture);
}

/* A certificate of its own: refused, and not a byte of the request leaves, until its CA is named. */
static void tls(void **state)
{
    (void)state;
    char dir[] = "/tmp/tandem-tls-XXXXXX", command[512], cert[64], key[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(cert, sizeof(cert), "%s/cert", dir);
    (void)snprintf(key, sizeof(key), "%s/key", dir);
    (void)snprintf(command, sizeof(command),
                   "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sandbox -addext "
                   "subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
                   key, cert);
    /* NOLINTNEXTLINE(cert-env33-c): a test's own fixed command */
    assert_int_equal(system(command), 0);
    const char *const args[] = {"--seed", "1", "--visibility-lag-ms", "0", "--tls", cert,
                                key,      NULL};
    struct crm crm = {.ca_file = cert};
    crm_start(&crm, "salesforce", args);
    for (int trusted = 0; trusted < 2; trusted++) {
        struct fixture fixture;
        struct rest_op op;
        int64_t requests = crm_stat(&crm, "requests");
        fixture_init(&fixture, crm.url, "salesforce");
        fixture.settings.ca_file = trusted ? cert : NULL;
        fixture_open(&fixture);
        sf_op(&op, REST_COUNT);
        run_op(&fixture, &op, trusted ? REST_DONE : REST_LATER);
        assert_int_equal(op.exchange.outcome, trusted ? HTTP_ANSWERED : HTTP_NOT_SENT);
        assert_int_equal(crm_stat(&crm, "requests") - requests, trusted);
        rest_op_clear(&op);
        fixture_close(&fixture);
    }
    crm_stop(&crm);
    assert_int_equal(unlink(cert) | unlink(key) | rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(salesforce_pages),
        cmocka_unit_test(ties),
        cmocka_unit_test(tokens_end_midway),
        cmocka_unit_test(denied),
        cmocka_unit_test(limits),
        cmocka_unit_test(read_faults),
        cmocka_unit_test(hubspot_reads),
        cmocka_unit_test(ids),
        cmocka_unit_test(tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
