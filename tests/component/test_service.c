/*
 * test_service — the health listener over real HTTP, systemd's socket, signals; and failpoints, in a child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/service.h"

static char dir[64];
static int notify_fd = -1;

static int start(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/tandem-service-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", dir);
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify_fd < 0 || bind(notify_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        setenv("NOTIFY_SOCKET", address.sun_path, 1) < 0)
        return -1;
    log_init("test", "", LOG_ERROR_);
    struct err err = ERR_INIT;
    return service_start("test", "127.0.0.1:0", &err);
}

static int stop(void **state)
{
    (void)state;
    service_stop();
    (void)close(notify_fd);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/notify", dir);
    (void)unlink(path);
    return rmdir(dir);
}

static size_t take(char *data, size_t size, size_t count, void *body)
{
    buf_put(body, data, size * count);
    return size * count;
}

/* The status of method path; body as text, freed by the caller. */
static long request(const char *method, const char *path, char **ret_body)
{
    char url[256];
    (void)snprintf(url, sizeof(url), "http://%s%s", service_listen_address(), path);
    struct buf body;
    buf_init(&body, 0);
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    long status = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    *ret_body = buf_take(&body);
    return status;
}

static void expect(const char *method, const char *path, long status, const char *part)
{
    char *body = NULL;
    long got = request(method, path, &body);
    if (got != status || !strstr(body, part))
        fail_msg("%s %s: %ld %s, not %ld %s", method, path, got, body, status, part);
    free(body);
}

static void health_paths(void **state)
{
    (void)state;
    expect("GET", "/readyz", 503, "starting\n");
    service_set_ready(false, "waiting for Kafka");
    expect("GET", "/readyz", 503, "waiting for Kafka\n");
    service_set_ready(true, NULL);
    expect("GET", "/readyz", 200, "ready\n");
    char why[400];
    memset(why, 'w', sizeof(why) - 1);
    why[sizeof(why) - 1] = '\0';
    service_set_ready(false, why);
    expect("GET", "/readyz", 503, "wwww\n");
    service_heartbeat();
    expect("GET", "/livez", 200, "alive\n");
    expect("GET", "/livez?verbose", 200, "[+]heartbeat ok\nlivez check passed\n");
    expect("GET", "/readyz?verbose", 503, "[-]work failed: wwww");
    expect("GET", "/readyz?verbose", 503, "\nreadyz check failed\n");
    metric_add(metric_counter("tandem_test_total", "Tests.", NULL), 1);
    expect("GET", "/metrics", 200, "\ntandem_test_total 1\n");
    expect("GET", "/", 404, "/livez");
    expect("POST", "/readyz", 405, "only GET");
}

/* Ready is what the main loop says and every check beside it. */
static void named_checks(void **state)
{
    (void)state;
    service_set_ready(true, NULL);
    service_set_check("kafka", false, "no answer from 10.0.0.1:9092 for 12 s");
    expect("GET", "/readyz", 503, "no answer from 10.0.0.1:9092 for 12 s\n");
    expect("GET", "/readyz?verbose", 503,
           "[+]work ok\n[-]kafka failed: no answer from 10.0.0.1:9092 for 12 s\n"
           "readyz check failed\n");
    service_set_check("kafka", true, NULL);
    expect("GET", "/readyz", 200, "ready\n");
    expect("GET", "/readyz?verbose=1", 200, "[+]work ok\n[+]kafka ok\nreadyz check passed\n");
}

/* Whether systemd was told so among what is in the socket now. */
static bool was_notified(const char *text)
{
    char got[512];
    struct pollfd ready = {.fd = notify_fd, .events = POLLIN};
    while (poll(&ready, 1, 0) > 0) {
        ssize_t len = recv(notify_fd, got, sizeof(got) - 1, 0);
        assert_true(len >= 0);
        got[len] = '\0';
        if (strcmp(got, text) == 0)
            return true;
    }
    return false;
}

static void systemd_is_told(void **state)
{
    (void)state;
    while (was_notified("READY=1")) {
    }
    service_set_ready(false, "quota spent");
    assert_true(was_notified("STATUS=quota spent"));
    service_set_ready(false, "quota spent");
    assert_false(was_notified("STATUS=quota spent"));
}

static void signals(void **state)
{
    (void)state;
    assert_false(service_take_reload());
    assert_int_equal(raise(SIGHUP), 0);
    assert_true(service_take_reload());
    assert_false(service_take_reload());
    assert_int_equal(raise(SIGPIPE), 0);
    assert_false(service_stopping());
    assert_int_equal(raise(SIGTERM), 0);
    assert_true(service_stopping());
}

static void bad_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *listen;
        int want;
    } cases[] = {
        {"127.0.0.1", EX_CONFIG}, {"127.0.0.1:", EX_CONFIG},     {":8080", EX_CONFIG},
        {"[]:1", EX_CONFIG},      {"127.0.0.1:http", EX_CONFIG}, {NULL, EX_UNAVAILABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char taken[64];
        (void)snprintf(taken, sizeof(taken), "%s", service_listen_address());
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) { /* service is one a process */
            struct err err = ERR_INIT;
            int failed = service_start("child", cases[i].listen ? cases[i].listen : taken, &err);
            _exit(failed ? service_exit_code(&err) : 0);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), cases[i].want);
    }
}

static void exit_codes(void **state)
{
    (void)state;
    static const struct {
        struct err err;
        int want;
    } cases[] = {
        {{.kind = ERR_NONE}, EX_OK},
        {{.kind = ERR_RETRY}, EX_TEMPFAIL},
        {{.kind = ERR_REJECT}, EX_DATAERR},
        {{.kind = ERR_FATAL}, EX_SOFTWARE},
        {{.kind = ERR_FATAL, .exit_code = EX_CONFIG}, EX_CONFIG},
        {{.kind = ERR_FATAL, .exit_code = EXIT_FENCED}, 4},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(service_exit_code(&cases[i].err), cases[i].want);
    assert_int_equal(service_exit_code(NULL), EX_OK);
}

/* Pass twice in a child; how it ended. */
static int failpoint_child(const char *spec, const char *action, const char *log)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setenv("TANDEM_FAILPOINT", spec, 1);
        (void)setenv("TANDEM_FAILPOINT_ACTION", action, 1);
        (void)setenv("TANDEM_FAILPOINT_LOG", log, 1);
        failpoint_pass("test.here");
        failpoint_pass("test.here");
        _exit(7);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    if (!WIFSTOPPED(status))
        return status;
    assert_int_equal(kill(pid, SIGCONT), 0);
    int after = 0;
    assert_int_equal(waitpid(pid, &after, 0), pid);
    assert_true(WIFEXITED(after));
    return status;
}

static void failpoints(void **state)
{
    (void)state;
    char log[128], text[256];
    (void)snprintf(log, sizeof(log), "%s/hits", dir);
    int status = failpoint_child("test.here", "kill", log);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    status = failpoint_child("test.here:2", "stop", log);
    assert_true(WIFSTOPPED(status));
    status = failpoint_child("test.here:3", "kill", log);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    status = failpoint_child("test.elsewhere", "kill", log);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    int fd = open(log, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t len = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    (void)unlink(log);
    assert_int_equal(len, 20);
    text[20] = '\0';
    assert_string_equal(text, "test.here\ntest.here\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_paths),    cmocka_unit_test(named_checks),
        cmocka_unit_test(systemd_is_told), cmocka_unit_test(signals),
        cmocka_unit_test(bad_addresses),   cmocka_unit_test(exit_codes),
        cmocka_unit_test(failpoints),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
