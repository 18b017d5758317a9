/*
 * test_rest_auth — signing in by basic authentication and by an assertion of our own: what
 * is sent, what the sandbox's OpenSSL says of it, and what a person reads when it does not fit.
 */
#include "component/crm_fixture.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "component/tiny_server.h"

static const char *const NAMES[] = {"Email"};

static void count_op(struct rest_op *op)
{
    rest_op_init(op);
    op->kind = REST_COUNT;
    op->object = "Contact";
    op->properties = NAMES;
    op->property_count = 1;
}

/* --- basic --- */

static char expected[128];

static bool guarded(struct tiny_server *server, const struct tiny_request *request)
{
    (void)server;
    if (strstr(request->head, expected))
        return tiny_json(request, "{\"totalSize\": 7, \"done\": true, \"records\": []}");
    static const char NO[] = "[{\"errorCode\": \"WHO\", \"message\": \"who are you?\"}]";
    return tiny_answer(request, "401 Unauthorized", "Content-Type: application/json\r\n", NO,
                       sizeof(NO) - 1);
}

static void basic_fixture(struct fixture *fixture, const char *url)
{
    fixture_init(fixture, url, "salesforce");
    config_setting_t *types = config_lookup(&fixture->config, "connector.auth.types");
    assert_non_null(types);
    assert_non_null(config_setting_set_string_elem(types, -1, "basic"));
    fixture->settings.token_file = NULL;
    fixture->settings.username = "ada@example.com/token";
    fixture->settings.password_file = fixture->secret_file;
}

static void basic(void **state)
{
    (void)state;
    struct tiny_server server = {.answer = guarded};
    struct fixture fixture;
    struct rest_op op;
    tiny_start(&server);
    basic_fixture(&fixture, server.url);
    write_secret(fixture.secret_file, "s\xc3\xa9same:1\n");
    /* printf 'ada@example.com/token:sésame:1' | base64 */
    (void)snprintf(expected, sizeof(expected),
                   "Authorization: Basic YWRhQGV4YW1wbGUuY29tL3Rva2VuOnPDqXNhbWU6MQ==\r\n");
    fixture_open(&fixture);
    count_op(&op);
    run_op(&fixture, &op, REST_DONE);
    assert_int_equal(op.total, 7);

    /* The password was changed there: a person puts the new one into the file, nothing is started anew. */
    (void)snprintf(expected, sizeof(expected),
                   "Authorization: Basic YWRhQGV4YW1wbGUuY29tL3Rva2VuOm5ldw==\r\n");
    run_op(&fixture, &op, REST_DENIED);
    write_secret(fixture.secret_file, "new");
    run_op(&fixture, &op, REST_DONE);
    rest_op_clear(&op);
    fixture_close(&fixture);
    tiny_stop(&server);
}

static void basic_refused(void **state)
{
    (void)state;
    static const struct {
        const char *username, *password;
    } CASES[] = {{"a:b", "x"}, {"a\nb", "x"}, {"ada", "x\r\nHost: elsewhere"}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct fixture fixture;
        struct err err = ERR_INIT;
        basic_fixture(&fixture, "http://127.0.0.1:1");
        fixture.settings.username = CASES[i].username;
        write_secret(fixture.secret_file, CASES[i].password);
        fixture.rest = rest_open(&fixture.migration, &fixture.settings, &CLOCK_SYSTEM, &err);
        assert_null(fixture.rest);
        assert_non_null(strstr(err.text, "cannot be sent"));
        assert_null(strstr(err.text, "elsewhere"));
        fixture_close(&fixture);
    }
}

/* --- assertions --- */

static void write_key(const char *path, EVP_PKEY *key, bool private)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_int_equal(private ? PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL)
                             : PEM_write_PUBKEY(file, key),
                     1);
    assert_int_equal(fclose(file), 0);
}

static void jwt_fixture(struct fixture *fixture, const char *url)
{
    fixture_init(fixture, url, "salesforce");
    fixture->settings.token_file = NULL;
    fixture->settings.client_id = "consumer-key";
    fixture->settings.username = "ada@example.com";
    fixture->settings.private_key_file = fixture->secret_file;
}

static void assertion(void **state)
{
    (void)state;
    char public_file[] = "/tmp/tandem-jwt-XXXXXX";
    int fd = mkstemp(public_file);
    assert_true(fd >= 0);
    (void)close(fd);
    EVP_PKEY *key = EVP_RSA_gen(2048), *other = EVP_RSA_gen(2048), *small = EVP_RSA_gen(1024);
    write_key(public_file, key, false);
    const char *args[] = {
        "--seed", "20", "--visibility-lag-ms", "0", "--client-key", public_file, "--token-uses",
        "2",      NULL};
    struct crm crm = {0};
    struct fixture fixture;
    struct rest_op op;
    crm_start(&crm, "salesforce", args);
    jwt_fixture(&fixture, crm.url);
    write_key(fixture.secret_file, key, true);
    fixture_open(&fixture);
    count_op(&op);
    for (int i = 0; i < 5; i++) { /* a token is good for two: it signs again by itself */
        run_op(&fixture, &op, REST_DONE);
        assert_int_equal(op.total, 20);
    }

    /* The key was replaced and the system does not know it yet; then it is back. */
    write_key(fixture.secret_file, other, true);
    for (int i = 0; i < 2 && op.total == 20; i++) {
        struct err err = ERR_INIT;
        int64_t retry_after_ms = 0;
        op.total = 0;
        assert_int_equal(rest_start(fixture.rest, &op, &err), 0);
        if (rest_finish(fixture.rest, &op, &retry_after_ms, &err) == REST_DENIED)
            assert_non_null(strstr(err.text, "invalid assertion"));
    }
    assert_int_equal(op.total, 0);
    write_key(fixture.secret_file, key, true);
    run_op(&fixture, &op, REST_DONE);
    rest_close(fixture.rest);

    /* Whom it is for is part of what is signed; so is the user. */
    struct err err = ERR_INIT;
    int64_t retry_after_ms = 0;
    fixture.settings.audience = "https://elsewhere.example.com";
    fixture_open(&fixture);
    assert_int_equal(rest_start(fixture.rest, &op, &err), 0);
    assert_int_equal(rest_finish(fixture.rest, &op, &retry_after_ms, &err), REST_DENIED);
    assert_non_null(strstr(err.text, "audience is invalid"));
    rest_close(fixture.rest);
    fixture.settings.audience = NULL;
    fixture.settings.username = "nobody@example.com";
    fixture_open(&fixture);
    err_clear(&err);
    assert_int_equal(rest_start(fixture.rest, &op, &err), 0);
    assert_int_equal(rest_finish(fixture.rest, &op, &retry_after_ms, &err), REST_DENIED);
    assert_non_null(strstr(err.text, "approved"));
    rest_op_clear(&op);
    rest_close(fixture.rest);

    write_key(fixture.secret_file, small, true);
    err_clear(&err);
    fixture.rest = rest_open(&fixture.migration, &fixture.settings, &CLOCK_SYSTEM, &err);
    assert_null(fixture.rest);
    assert_non_null(strstr(err.text, "2048 bits"));
    write_secret(fixture.secret_file, "-----BEGIN NONSENSE-----");
    err_clear(&err);
    fixture.rest = rest_open(&fixture.migration, &fixture.settings, &CLOCK_SYSTEM, &err);
    assert_null(fixture.rest);
    assert_non_null(strstr(err.text, "no private key"));
    assert_null(strstr(err.text, "NONSENSE"));
    fixture_close(&fixture);
    crm_stop(&crm);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(small);
    (void)unlink(public_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(basic), cmocka_unit_test(basic_refused),
                                       cmocka_unit_test(assertion)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
