/*
 * test_http_client — what an exchange reports when servers behave and when
 * they do not; above all that no body is ever sent twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/clock.h"
#include "component/tiny_server.h"
#include "remote/http_client.h"

static const unsigned char GZIP[] =
    {/* 100,000 times 'a' */
     0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x31, 0x01, 0x00,
     0x00, 0x00, 0xc2, 0xa0, 0xac, 0xeb, 0x5f, 0xc2, 0x1a, 0x1e, 0x40, 0x01, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0xaf, 0x06, 0x87, 0xfa, 0xe2, 0x1b, 0xa0, 0x86, 0x01, 0x00};

static struct tiny_server server;
static atomic_int path_count; /* requests to /close */

static bool answer(struct tiny_server *self, const struct tiny_request *request)
{
    (void)self;
    const char *path = request->path;
    if (strcmp(path, "/ok") == 0)
        return tiny_answer(request, "200 OK",
                           "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Two:  b c \r\n", request->body,
                           strlen(request->body));
    if (strcmp(path, "/gzip") == 0)
        return tiny_answer(request, "200 OK", "Content-Encoding: gzip\r\n", (const char *)GZIP,
                           sizeof(GZIP));
    if (strcmp(path, "/continue") == 0) {
        static const char HUNDRED[] = "HTTP/1.1 100 Continue\r\nX-Old: 1\r\n\r\n";
        tiny_send(request->fd, HUNDRED, sizeof(HUNDRED) - 1);
        return tiny_answer(request, "201 Created", "", "", 0);
    }
    if (strcmp(path, "/redirect") == 0)
        return tiny_answer(request, "302 Found", "Location: /ok\r\n", "", 0);
    if (strcmp(path, "/cut") == 0) {
        static const char CUT[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
        tiny_send(request->fd, CUT, sizeof(CUT) - 1);
        return false;
    }
    if (strcmp(path, "/reset") == 0) {
        struct linger now = {1, 0};
        (void)setsockopt(request->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        return false;
    }
    if (strcmp(path, "/close") == 0) {
        atomic_fetch_add(&path_count, 1);
        return false;
    }
    /* "/hang": wait until the client gives up */
    char byte;
    (void)recv(request->fd, &byte, 1, 0);
    return false;
}

static struct http_client *client_open(const struct http_client_options *options)
{
    struct err err = ERR_INIT;
    struct http_client *client = http_client_open(options, &err);
    assert_non_null(client);
    return client;
}

static void run(struct http_client *client, struct http_exchange *exchange, const char *method,
                const char *base, const char *path, const char *body)
{
    static char url[256];
    (void)snprintf(url, sizeof(url), "%s%s", base, path);
    http_exchange_reset(exchange);
    exchange->method = method;
    exchange->url = url;
    exchange->headers[0] = "Content-Type: text/plain";
    exchange->body = span_of(body);
    struct err err = ERR_INIT;
    assert_int_equal(http_submit(client, exchange, &err), 0);
    assert_ptr_equal(http_wait(client, 20000), exchange);
    assert_null(http_wait(client, 0));
}

static void answers(void **state)
{
    (void)state;
    struct http_client *client = client_open(&(struct http_client_options){.connections_max = 2});
    struct http_exchange exchange;
    http_exchange_init(&exchange);
    run(client, &exchange, "POST", server.url, "/ok", "hello");
    assert_int_equal(exchange.outcome, HTTP_ANSWERED);
    assert_int_equal(exchange.status, 200);
    assert_true(span_is(buf_span(&exchange.answer), "hello"));
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(exchange.answer.data[exchange.answer.len + i], 0);
    assert_true(exchange.date_ms == 784111777000);
    assert_true(exchange.duration_ms >= 1);
    assert_string_equal(http_header(&exchange, "x-two"), "b c");
    assert_null(http_header(&exchange, "x-three"));

    run(client, &exchange, "GET", server.url, "/gzip", NULL);
    assert_int_equal(exchange.answer.len, 100000);
    assert_int_equal(exchange.answer.data[99999], 'a');
    assert_int_equal(exchange.date_ms, -1);

    run(client, &exchange, "POST", server.url, "/continue", "x");
    assert_int_equal(exchange.status, 201);
    assert_null(http_header(&exchange, "x-old"));

    run(client, &exchange, "GET", server.url, "/redirect", NULL);
    assert_int_equal(exchange.status, 302);

    run(client, &exchange, "PATCH", server.url, "/ok", "");
    assert_int_equal(exchange.status, 200);
    assert_int_equal(exchange.answer.len, 0);
    http_exchange_clear(&exchange);
    http_client_close(client);
}

static void broken_answers(void **state)
{
    (void)state;
    struct http_client *client = client_open(&(struct http_client_options){
        .connections_max = 2, .timeout_ms = 300, .body_max_bytes = 50000});
    struct http_exchange exchange;
    http_exchange_init(&exchange);
    static const char *const PATHS[] = {"/cut", "/reset", "/close", "/hang"};
    for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
        print_message("%s\n", PATHS[i]);
        run(client, &exchange, "POST", server.url, PATHS[i], "x");
        assert_int_equal(exchange.outcome, HTTP_BROKEN);
        assert_true(exchange.broken_why[0]);
    }
    run(client, &exchange, "GET", server.url, "/gzip",
        NULL); /* small on the wire, too large inside */
    assert_int_equal(exchange.outcome, HTTP_BROKEN);
    assert_string_equal(exchange.broken_why, "the answer is larger than 50000 bytes");
    assert_true(exchange.answer.len <= 50000);
    http_exchange_clear(&exchange);
    http_client_close(client);
}

static void not_sent(void **state)
{
    (void)state;
    struct http_client *client = client_open(&(struct http_client_options){.timeout_ms = 2000});
    struct http_exchange exchange;
    http_exchange_init(&exchange);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, not listening: refused */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(address.sin_port));
    run(client, &exchange, "POST", url, "/ok", "x");
    assert_int_equal(exchange.outcome, HTTP_NOT_SENT);
    (void)close(fd);

    char tls[64]; /* TLS to a server that speaks none */
    (void)snprintf(tls, sizeof(tls), "https%s", server.url + 4);
    int before = atomic_load(&server.requests);
    run(client, &exchange, "POST", tls, "/ok", "x");
    assert_true(exchange.outcome == HTTP_NOT_SENT || exchange.outcome == HTTP_BROKEN);
    assert_int_equal(atomic_load(&server.requests), before);

    struct err err = ERR_INIT;
    exchange.url = "ftp://127.0.0.1/";
    assert_int_equal(http_submit(client, &exchange, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    http_exchange_clear(&exchange);
    http_client_close(client);
}

/* libcurl sends a request again when a kept-alive connection dies without an answer. Ours must not. */
static void a_body_is_sent_once(void **state)
{
    (void)state;
    static const struct {
        const char *method, *body;
        int sent;
    } CASES[] = {
        {"POST", "{}", 1},
        {"PATCH", "{}", 1},
        {"DELETE", NULL, 1},
        {"GET", NULL, 2}, /* the danger is real: here libcurl does it */
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        print_message("%s\n", CASES[i].method);
        struct http_client *client =
            client_open(&(struct http_client_options){.connections_max = 1});
        struct http_exchange exchange;
        http_exchange_init(&exchange);
        run(client, &exchange, "POST", server.url, "/ok", "x");
        int connections = atomic_load(&server.connections);
        run(client, &exchange, "POST", server.url, "/ok", "x");
        assert_int_equal(atomic_load(&server.connections), connections); /* it is kept alive */
        atomic_store(&path_count, 0);
        run(client, &exchange, CASES[i].method, server.url, "/close", CASES[i].body);
        assert_int_equal(exchange.outcome, HTTP_BROKEN);
        assert_int_equal(atomic_load(&path_count), CASES[i].sent);
        run(client, &exchange, "POST", server.url, "/ok", "x"); /* and it goes on */
        assert_int_equal(exchange.outcome, HTTP_ANSWERED);
        http_exchange_clear(&exchange);
        http_client_close(client);
    }
}

static void many_at_once(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    int64_t deadline_ms = clock_mono_ms(&CLOCK_SYSTEM) + 30000;
    while (atomic_load(&server.open) > 0) {
        assert_true(clock_mono_ms(&CLOCK_SYSTEM) < deadline_ms);
        (void)usleep(1000); /* rule ok: polls */
    }
    atomic_store(&server.open_max, 0);
    struct http_client *client = client_open(&(struct http_client_options){.connections_max = 3});
    static struct http_exchange exchanges[COUNT];
    char url[128];
    struct err err = ERR_INIT;
    (void)snprintf(url, sizeof(url), "%s/ok", server.url);
    for (int i = 0; i < COUNT; i++) {
        http_exchange_init(&exchanges[i]);
        exchanges[i].method = "POST";
        exchanges[i].url = url;
        exchanges[i].body = span_of("many");
        assert_int_equal(http_submit(client, &exchanges[i], &err), 0);
    }
    http_exchange_reset(&exchanges[COUNT - 1]); /* taken back while it waits */
    for (int i = 0; i < COUNT - 1; i++) {
        struct http_exchange *ended = http_wait(client, 20000);
        assert_non_null(ended);
        assert_int_equal(ended->outcome, HTTP_ANSWERED);
        assert_true(span_is(buf_span(&ended->answer), "many"));
    }
    assert_null(http_wait(client, 0));
    assert_true(atomic_load(&server.open_max) <= 3);
    exchanges[0].url = url; /* given up in flight, and by the client's end */
    http_exchange_reset(&exchanges[0]);
    exchanges[0].method = exchanges[1].method = "GET";
    char hang[128];
    (void)snprintf(hang, sizeof(hang), "%s/hang", server.url);
    exchanges[0].url = exchanges[1].url = hang;
    assert_int_equal(http_submit(client, &exchanges[0], &err), 0);
    assert_int_equal(http_submit(client, &exchanges[1], &err), 0);
    assert_null(http_wait(client, 50));
    http_exchange_reset(&exchanges[0]);
    http_client_close(client);
    for (int i = 0; i < COUNT; i++)
        http_exchange_clear(&exchanges[i]);
}

int main(void)
{
    server.answer = answer;
    tiny_start(&server);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),      cmocka_unit_test(broken_answers),
        cmocka_unit_test(not_sent),     cmocka_unit_test(a_body_is_sent_once),
        cmocka_unit_test(many_at_once),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_stop(&server);
    return failed;
}
