/*
 * service — see service.h. One instance a process: signals and systemd are
 * the process's own, there is nothing to pass around.
 */
#include "base/service.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/service_http.h"

enum { LIVE_SILENCE_MAX_MS = 60 * 1000, WATCHDOG_EVERY_MS = 1000 };

static volatile sig_atomic_t stop_flag;
static volatile sig_atomic_t reload_flag;

enum { WHY_BYTES = 256 };

struct check {
    const char *name;
    bool ok;
    char why[WHY_BYTES];
};

static struct {
    struct service_http *http;
    pthread_mutex_t lock;                        /* over the checks */
    struct check checks[1 + SERVICE_CHECKS_MAX]; /* the first is the main loop's own */
    int check_count;
    char status[WHY_BYTES + 8]; /* what systemd was told last */
    _Atomic int64_t beat_ms, watchdog_ms;
} service = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .checks = {{.name = "work", .why = "starting"}},
             .check_count = 1};

static void on_stop(int signal)
{
    (void)signal;
    stop_flag = 1;
}

static void on_reload(int signal)
{
    (void)signal;
    reload_flag = 1;
}

static void put_check(struct buf *out, const char *name, bool ok, const char *why)
{
    if (ok)
        buf_printf(out, "[+]%s ok\n", name);
    else
        buf_printf(out, "[-]%s failed: %s\n", name, why);
}

static bool is_live(bool verbose, struct buf *out)
{
    char why[WHY_BYTES];
    int64_t silence_ms = clock_mono_ms(&CLOCK_SYSTEM) - service.beat_ms;
    bool live = silence_ms <= LIVE_SILENCE_MAX_MS;
    (void)snprintf(why, sizeof(why), "no heartbeat for %lld s", (long long)(silence_ms / 1000));
    if (verbose) {
        put_check(out, "heartbeat", live, why);
        buf_printf(out, "livez check %s\n", live ? "passed" : "failed");
    } else {
        buf_printf(out, "%s\n", live ? "alive" : why);
    }
    return live;
}

/* The first check that is not ok, NULL: none. The lock is held. */
static const struct check *first_failed(void)
{
    for (int i = 0; i < service.check_count; i++)
        if (!service.checks[i].ok)
            return &service.checks[i];
    return NULL;
}

static bool is_ready(bool verbose, struct buf *out)
{
    pthread_mutex_lock(&service.lock);
    const struct check *failed = first_failed();
    for (int i = 0; verbose && i < service.check_count; i++)
        put_check(out, service.checks[i].name, service.checks[i].ok, service.checks[i].why);
    if (verbose)
        buf_printf(out, "readyz check %s\n", failed ? "failed" : "passed");
    else
        buf_printf(out, "%s\n", failed ? failed->why : "ready");
    pthread_mutex_unlock(&service.lock);
    return !failed;
}

static void handle(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(signal, &action, NULL);
}

int service_start(const char *process, const char *listen, struct err *err)
{
    handle(SIGTERM, on_stop);
    handle(SIGINT, on_stop);
    handle(SIGHUP, on_reload);
    handle(SIGPIPE, SIG_IGN);
    service.beat_ms = clock_mono_ms(&CLOCK_SYSTEM);
    if (listen) {
        service.http = service_http_open(listen, is_live, is_ready, err);
        if (!service.http)
            return err_wrap(err, "%s", process);
        log_info("health listener", log_str("address", service_listen_address()));
    }
    /* The process is up; whether it can work is /readyz and STATUS=. */
    (void)sd_notify(0, "READY=1");
    return 0;
}

void service_stop(void)
{
    (void)sd_notify(0, "STOPPING=1");
    service_http_close(service.http);
    service.http = NULL;
}

bool service_stopping(void)
{
    return stop_flag != 0;
}

void service_request_stop(void)
{
    stop_flag = 1;
}

bool service_take_reload(void)
{
    if (!reload_flag)
        return false;
    reload_flag = 0;
    return true;
}

const char *service_listen_address(void)
{
    return service_http_address(service.http);
}

/* The lock is held. *ret_status is what systemd has to be told, true when that is news. */
static bool has_news(char ret_status[sizeof(service.status)])
{
    const struct check *failed = first_failed();
    const char *text = failed ? failed->why : service.checks[0].why;
    (void)snprintf(ret_status, sizeof(service.status), "STATUS=%s", text);
    if (strcmp(ret_status, service.status) == 0)
        return false;
    (void)snprintf(service.status, sizeof(service.status), "%s", ret_status);
    return true;
}

static struct check *find_check(const char *name)
{
    for (int i = 0; i < service.check_count; i++)
        if (strcmp(service.checks[i].name, name) == 0)
            return &service.checks[i];
    if (service.check_count > SERVICE_CHECKS_MAX)
        return NULL;
    struct check *check = &service.checks[service.check_count++];
    check->name = name;
    return check;
}

void service_set_check(const char *name, bool ok, const char *why)
{
    char status[sizeof(service.status)];
    bool news = false;
    pthread_mutex_lock(&service.lock);
    struct check *check = find_check(name);
    if (check) {
        check->ok = ok;
        (void)snprintf(check->why, sizeof(check->why), "%s",
                       why && why[0] ? why
                       : ok          ? "ready"
                                     : "not ready");
        news = has_news(status);
    }
    pthread_mutex_unlock(&service.lock);
    if (news)
        (void)sd_notify(0, status);
}

void service_set_ready(bool ready, const char *why)
{
    service_set_check("work", ready, why);
}

void service_heartbeat(void)
{
    int64_t now_ms = clock_mono_ms(&CLOCK_SYSTEM);
    service.beat_ms = now_ms;
    if (now_ms - service.watchdog_ms >= WATCHDOG_EVERY_MS) {
        service.watchdog_ms = now_ms;
        (void)sd_notify(0, "WATCHDOG=1");
    }
}

int service_exit_code(const struct err *err)
{
    if (!err || err->kind == ERR_NONE)
        return EX_OK;
    if (err->exit_code)
        return err->exit_code;
    if (err->kind == ERR_REJECT)
        return EX_DATAERR;
    return err->kind == ERR_RETRY ? EX_TEMPFAIL : EX_SOFTWARE;
}
