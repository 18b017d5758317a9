/*
 * test_http_server — the receivers' public listener: what reaches the queue, what is refused, headers of answers, limits, the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "remote/http_server.h"

enum {
    TAKE_MS = 100,
    ANSWER_BYTES = 4096,
    WAIT_S = 30,
    BODY_MAX = 64 * 1024,
    BODIES_MAX = 128 * 1024
};

struct fixture {
    struct http_server *server;
    pthread_t thread; /* takes and answers, as a main loop would */
    atomic_bool stop, hold;
    atomic_int refused, held;
    int port;
    char seen[256]; /* of the last request in check() */
};

/* ---- the process under test ---- */

static unsigned begin(void *self, struct http_request *request)
{
    (void)self;
    if (strcmp(http_request_path(request), "/none") == 0)
        return 404;
    if (strcmp(http_request_method(request), "OPTIONS") == 0) {
        assert_int_equal(http_request_add_header(request, "X-Asked", "yes"), 0);
        return 204;
    }
    return strcmp(http_request_method(request), "POST") == 0 ? 0 : 405;
}

static unsigned check(void *self, struct http_request *request)
{
    struct fixture *fixture = self;
    struct span one = SPAN_NONE;
    char peer[HTTP_REQUEST_PEER_BYTES];
    int count = http_request_header(request, "x-ONE", &one);
    http_request_peer(request, peer);
    (void)snprintf(fixture->seen, sizeof(fixture->seen), "%s %d %.*s %s",
                   http_request_path(request), count, (int)one.len, one.data ? one.data : "", peer);
    (void)snprintf(http_request_notes(request), HTTP_REQUEST_NOTES_BYTES, "noted");
    return strcmp(http_request_path(request), "/refused") == 0 ? 401 : 0;
}

static void refused(void *self, unsigned status)
{
    struct fixture *fixture = self;
    (void)status;
    (void)atomic_fetch_add(&fixture->refused, 1);
}

static void answer(struct http_request *request)
{
    bool noted = strcmp(http_request_notes(request), "noted") == 0;
    struct span body = http_request_body(request);
    (void)http_request_add_header(request, "Location", "https://acme.com/thanks");
    assert_int_equal(http_request_add_header(request, "X-Bad", "a\r\nSet-Cookie: b"), -1);
    http_server_answer(request, noted && body.len < BODY_MAX ? 303 : 500, "text/plain", "taken\n",
                       span_is(body, "again") ? 7 : 0);
}

static void *work(void *self)
{
    struct fixture *fixture = self;
    struct http_request *requests[16];
    int count = 0;
    while (!atomic_load(&fixture->stop)) {
        if (count == 0 || atomic_load(&fixture->hold))
            count += http_server_take(fixture->server, requests + count, 16 - count, TAKE_MS);
        atomic_store(&fixture->held, count);
        while (count > 0 && !atomic_load(&fixture->hold))
            answer(requests[--count]);
    }
    while (count > 0)
        answer(requests[--count]);
    return NULL;
}

static int set_up(void **state)
{
    static const struct http_server_hooks HOOKS = {
        .begin = begin, .check = check, .refused = refused};
    const struct http_server_settings settings = {.listen = "127.0.0.1:0",
                                                  .connections_max = 64,
                                                  .body_max_bytes = BODY_MAX,
                                                  .bodies_max_bytes = BODIES_MAX,
                                                  .body_ms = 1000,
                                                  .idle_ms = 1000};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct err err = ERR_INIT;
    assert_non_null(fixture);
    fixture->server = http_server_open(&settings, &HOOKS, fixture, &err);
    assert_non_null(fixture->server);
    fixture->port = (int)strtol(strrchr(http_server_address(fixture->server), ':') + 1, NULL, 10);
    assert_int_equal(pthread_create(&fixture->thread, NULL, work, fixture), 0);
    *state = fixture;
    return 0;
}

static void stop(struct fixture *fixture)
{
    atomic_store(&fixture->stop, true);
    (void)pthread_join(fixture->thread, NULL);
    http_server_close(fixture->server);
}

static int tear_down(void **state)
{
    stop(*state);
    free(*state);
    return 0;
}

/* ---- strangers ---- */

static int dial(const struct fixture *fixture)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)fixture->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval wait = {WAIT_S, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* False: the other side has closed. */
static bool say(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* The answer's head; its status, 0: closed without one. */
static int hear(int fd, char text[ANSWER_BYTES])
{
    size_t len = 0;
    text[0] = '\0';
    while (len < ANSWER_BYTES - 1 && !strstr(text, "\r\n\r\n")) {
        ssize_t n = recv(fd, text + len, ANSWER_BYTES - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        text[len] = '\0';
    }
    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
}

static int ask(const struct fixture *fixture, const char *request, char text[ANSWER_BYTES])
{
    int fd = dial(fixture);
    (void)say(fd, request, strlen(request));
    int status = hear(fd, text);
    (void)close(fd);
    return status;
}

#define WAIT_UNTIL(condition)                                                 \
    for (int64_t since_ms = clock_mono_ms(&CLOCK_SYSTEM); !(condition);) {    \
        assert_true(clock_mono_ms(&CLOCK_SYSTEM) - since_ms < WAIT_S * 1000); \
        (void)poll(NULL, 0, 1);                                               \
    }

/* ---- tests ---- */

static void requests_are_queued_and_answered(void **state)
{
    struct fixture *fixture = *state;
    char text[ANSWER_BYTES];
    assert_int_equal(ask(fixture,
                         "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-One: first\r\nX-One: second\r\n"
                         "Content-Length: 5\r\n\r\nagain",
                         text),
                     303);
    assert_string_equal(fixture->seen, "/a 2 first 127.0.0.1");
    assert_non_null(strstr(text, "Location: https://acme.com/thanks\r\n"));
    assert_non_null(strstr(text, "Retry-After: 7\r\n"));
    assert_null(strstr(text, "Set-Cookie"));
    assert_null(strstr(text, "X-Bad"));
    assert_int_equal(ask(fixture, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", text),
                     303);
    assert_null(strstr(text, "Retry-After"));
}

static void what_is_not_taken_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *request;
        int status;
        const char *has;
    } CASES[] = {
        {"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: POST\r\n"},
        {"OPTIONS /a HTTP/1.1\r\nHost: x\r\n\r\n", 204, "X-Asked: yes\r\n"},
        {"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 404, ""},
        {"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 401, ""},
        {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 413, "close\r\n"},
    };
    char text[ANSWER_BYTES];
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_int_equal(ask(fixture, CASES[i].request, text), CASES[i].status);
        assert_non_null(strcasestr(text, CASES[i].has));
    }
    assert_int_equal(atomic_load(&fixture->refused), 1); /* only 413 is the server's own */
}

static void a_chunked_body_has_a_limit(void **state)
{
    struct fixture *fixture = *state;
    char chunk[8192 + 8], text[ANSWER_BYTES];
    int fd = dial(fixture), sent = 0;
    static const char HEAD[] = "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    (void)memcpy(chunk, "2000\r\n", 6);
    (void)memset(chunk + 6, 'x', 8192);
    assert_true(say(fd, HEAD, strlen(HEAD)));
    while (sent < 1000 && say(fd, chunk, 6 + 8192) && say(fd, "\r\n", 2))
        sent++;
    assert_true(sent < 1000); /* 8 MB were not taken */
    assert_true(atomic_load(&fixture->refused) >= 1);
    (void)close(fd);
    assert_int_equal(ask(fixture, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", text),
                     303);
}

/* Bodies under way have a room for all of them; what is small has one of its own. */
static void all_bodies_have_a_limit(void **state)
{
    struct fixture *fixture = *state;
    static const char HEAD[] = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n";
    static char body[60000];
    char text[ANSWER_BYTES];
    int fds[4], taken = 0, away = 0;
    atomic_store(&fixture->hold, true);
    for (int i = 0; i < 4; i++) {
        fds[i] = dial(fixture);
        (void)(say(fds[i], HEAD, strlen(HEAD)) && say(fds[i], body, sizeof(body)));
        /* Until this one is either queued or refused, the next would race it. */
        WAIT_UNTIL(atomic_load(&fixture->held) + atomic_load(&fixture->refused) > i);
    }
    int small = dial(fixture);
    static const char SMALL[] = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok";
    int before = atomic_load(&fixture->held);
    assert_true(say(small, SMALL, strlen(SMALL)));
    WAIT_UNTIL(atomic_load(&fixture->held) > before);
    atomic_store(&fixture->hold, false);
    assert_int_equal(hear(small, text), 303);
    (void)close(small);
    for (int i = 0; i < 4; i++) {
        int status = hear(fds[i], text);
        taken += status == 303;
        away += status == 503;
        (void)close(fds[i]);
    }
    assert_int_equal(taken, 2); /* 2 × 64 KiB */
    assert_int_equal(away, 2);
}

static void silence_and_drips_are_ended(void **state)
{
    struct fixture *fixture = *state;
    char text[ANSWER_BYTES];
    int silent = dial(fixture), half = dial(fixture), drip = dial(fixture);
    static const char HALF[] = "POST /a HTTP/1.1\r\nHost:";
    static const char DRIP[] = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n";
    assert_true(say(half, HALF, strlen(HALF)));
    assert_true(say(drip, DRIP, strlen(DRIP)));
    assert_int_equal(hear(silent, text), 0); /* closed before WAIT_S */
    int after_half = hear(half, text);
    assert_true(after_half == 0 || after_half == 408);
    WAIT_UNTIL(!say(drip, "x", 1));
    (void)close(silent);
    (void)close(half);
    (void)close(drip);
    WAIT_UNTIL(http_server_connections(fixture->server) == 0);
}

/* What waits in the queue when the server ends is answered. */
static void the_queue_is_answered_at_the_end(void **state)
{
    struct fixture *fixture = *state;
    static const char REQUEST[] = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx";
    char text[ANSWER_BYTES];
    atomic_store(&fixture->hold, true);
    int fds[20]; /* more than the worker takes */
    for (int i = 0; i < 20; i++) {
        fds[i] = dial(fixture);
        assert_true(say(fds[i], REQUEST, strlen(REQUEST)));
    }
    WAIT_UNTIL(atomic_load(&fixture->held) == 16);
    stop(fixture);
    int answered = 0;
    for (int i = 0; i < 20; i++) {
        int status = hear(fds[i], text);
        assert_true(status == 303 || status == 503 || status == 0); /* 0: not read yet */
        answered += status == 303;
        (void)close(fds[i]);
    }
    free(fixture);
    assert_int_equal(answered, 16); /* not one of them lost its answer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_are_queued_and_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_taken_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_chunked_body_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_bodies_have_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_and_drips_are_ended, set_up, tear_down),
        cmocka_unit_test_setup(the_queue_is_answered_at_the_end, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
