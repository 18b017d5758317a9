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

static struct {
    struct service_http *http;
    pthread_mutex_t lock; /* over ready and why */
    bool ready;
    char why[256];
    _Atomic int64_t beat_ms, watchdog_ms;
} service = {.lock = PTHREAD_MUTEX_INITIALIZER, .why = "starting"};

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

static bool is_live(char *ret_why, size_t size)
{
    int64_t silence_ms = clock_mono_ms(&CLOCK_SYSTEM) - service.beat_ms;
    if (silence_ms <= LIVE_SILENCE_MAX_MS)
        return true;
    (void)snprintf(ret_why, size, "no heartbeat for %lld s", (long long)(silence_ms / 1000));
    return false;
}

static bool is_ready(char *ret_why, size_t size)
{
    pthread_mutex_lock(&service.lock);
    bool ready = service.ready;
    if (!ready)
        (void)snprintf(ret_why, size, "%s", service.why);
    pthread_mutex_unlock(&service.lock);
    return ready;
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

void service_set_ready(bool ready, const char *why)
{
    char status[sizeof(service.why) + 8];
    pthread_mutex_lock(&service.lock);
    const char *text = why && why[0] ? why : ready ? "ready" : "not ready";
    bool changed =
        service.ready != ready || strncmp(service.why, text, sizeof(service.why) - 1) != 0;
    service.ready = ready;
    if (changed)
        (void)snprintf(service.why, sizeof(service.why), "%s", text);
    (void)snprintf(status, sizeof(status), "STATUS=%s", service.why);
    pthread_mutex_unlock(&service.lock);
    if (changed)
        (void)sd_notify(0, status);
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
