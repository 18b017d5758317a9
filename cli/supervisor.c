/*
 * supervisor — the loop of `tandem run`: signals, log lines, deaths, restarts, the stop.
 */
#include "cli/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/crew.h"
#include "cli/screen.h"
#include "cli/watcher.h"

enum { TICK_MS = 200, STOP_MAX_MS = 60 * 1000, LINE_EVERY_MS = 10 * 1000 };

struct run {
    const struct migration *migration;
    struct crew crew;
    struct screen screen;
    struct watcher *watcher;
    int signal_fd;
    bool stopping, changed; /* changed: processes.json is to be written */
    bool unclean;           /* somebody was given up or had to be killed */
    int64_t stop_by_ms, line_at_ms;
    struct buf line;
};

static int64_t now_ms(void)
{
    return clock_mono_ms(&CLOCK_SYSTEM);
}

/* ---- what the processes do ---- */

static void take_line(void *self, struct child *child, char *line, size_t len)
{
    struct run *run = self;
    struct span msg = screen_member(&run->screen, line, len, "msg");
    if (span_is(msg, "health listener")) {
        struct span address = screen_member(&run->screen, line, len, "address");
        (void)snprintf(child->address, sizeof(child->address), "%.*s", (int)address.len,
                       address.data ? address.data : "");
        run->changed = true;
    }
    screen_process_line(&run->screen, child->name, line, len);
}

static void tell_end(struct run *run, const struct child *child)
{
    if (child->state == CHILD_STOPPED) {
        if (child->exit_code != 0) {
            screen_say(&run->screen, "%s ended with code %d; see %s", child->name, child->exit_code,
                       child->log_path);
            run->unclean = true;
        }
    } else if (child->state == CHILD_GIVEN_UP) {
        screen_say(&run->screen, "%s ended with code %d and is not started again; see %s",
                   child->name, child->exit_code, child->log_path);
        run->unclean = true;
    } else {
        screen_say(&run->screen, "%s ended with code %d; again in %.1f s", child->name,
                   child->exit_code, (double)(child->start_ms - now_ms()) / 1000);
    }
}

static void reap(struct run *run)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < run->crew.count; i++) {
            struct child *child = &run->crew.children[i];
            if (child->pid != pid)
                continue;
            if (child->out_fd >= 0) /* its last words */
                (void)child_read(child, take_line, run);
            child_ended(child, status, run->stopping, now_ms());
            tell_end(run, child);
            run->changed = true;
        }
    }
}

static int start_due(struct run *run, struct err *err)
{
    for (int i = 0; i < run->crew.count && !run->stopping; i++) {
        struct child *child = &run->crew.children[i];
        if (child->state != CHILD_RESTARTING || now_ms() < child->start_ms)
            continue;
        if (child_start(child, now_ms(), err) != 0)
            return -1;
        run->changed = true;
    }
    return 0;
}

static int count_in(const struct run *run, enum child_state state)
{
    int count = 0;
    for (int i = 0; i < run->crew.count; i++)
        count += run->crew.children[i].state == state;
    return count;
}

static void signal_all(const struct run *run, int number)
{
    for (int i = 0; i < run->crew.count; i++) {
        const struct child *child = &run->crew.children[i];
        if (child->state == CHILD_RUNNING && child->pid > 0)
            (void)kill(child->pid, number);
    }
}

static void begin_stop(struct run *run)
{
    if (run->stopping)
        return;
    run->stopping = true;
    run->stop_by_ms = now_ms() + STOP_MAX_MS;
    screen_say(&run->screen, "stopping %d processes", count_in(run, CHILD_RUNNING));
    signal_all(run, SIGTERM);
}

/* They had their time. */
static void kill_late(struct run *run)
{
    for (int i = 0; i < run->crew.count; i++) {
        struct child *child = &run->crew.children[i];
        if (child->state != CHILD_RUNNING)
            continue;
        screen_say(&run->screen, "%s (pid %d) did not stop and is killed; see %s", child->name,
                   (int)child->pid, child->log_path);
        run->unclean = true;
        (void)kill(child->pid, SIGKILL);
    }
    run->stop_by_ms = INT64_MAX;
}

/* ---- the loop ---- */

static void take_signals(struct run *run)
{
    struct signalfd_siginfo info;
    while (read(run->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP)
            signal_all(run, SIGHUP);
        else if (info.ssi_signo != SIGCHLD)
            begin_stop(run);
    }
}

static void show_progress(struct run *run)
{
    if (run->stopping || now_ms() < run->line_at_ms)
        return;
    buf_reset(&run->line);
    if (!watcher_line(run->watcher, screen_width(&run->screen), &run->line))
        return;
    screen_live(&run->screen, run->line.data ? run->line.data : "");
    run->line_at_ms = now_ms() + (run->screen.terminal ? TICK_MS : LINE_EVERY_MS);
}

static void wait_for_something(struct run *run)
{
    struct pollfd fds[CREW_MAX + 1] = {{.fd = run->signal_fd, .events = POLLIN}};
    for (int i = 0; i < run->crew.count; i++)
        fds[i + 1] = (struct pollfd){.fd = run->crew.children[i].out_fd, .events = POLLIN};
    if (poll(fds, (nfds_t)run->crew.count + 1, TICK_MS) <= 0)
        return;
    for (int i = 0; i < run->crew.count; i++) {
        struct child *child = &run->crew.children[i];
        if (fds[i + 1].revents && child->out_fd >= 0 && !child_read(child, take_line, run)) {
            (void)close(child->out_fd);
            child->out_fd = -1;
        }
    }
    take_signals(run);
}

static int loop(struct run *run, struct err *err)
{
    for (;;) {
        wait_for_something(run);
        reap(run);
        if (start_due(run, err) != 0)
            begin_stop(run);
        if (run->stopping && now_ms() > run->stop_by_ms)
            kill_late(run);
        if (run->changed && crew_write(&run->crew, err) != 0)
            begin_stop(run);
        run->changed = false;
        show_progress(run);
        int running = count_in(run, CHILD_RUNNING), again = count_in(run, CHILD_RESTARTING);
        if (running == 0 && (run->stopping || again == 0))
            return err->kind == ERR_NONE ? 0 : -1;
    }
}

static int take_over_signals(int *ret_fd, struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    *ret_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return *ret_fd < 0 ? err_exit(err, EX_OSERR, "signalfd: %s", strerror(errno)) : 0;
}

static int run_crew(struct run *run, const char *config, struct err *err)
{
    int failed = crew_init(&run->crew, run->migration, config, err);
    if (!failed)
        failed = take_over_signals(&run->signal_fd, err);
    for (int i = 0; i < run->crew.count && !failed; i++) {
        run->crew.children[i].state = CHILD_RESTARTING; /* due at once */
        run->changed = true;
    }
    if (!failed && !(run->watcher = watcher_open(run->migration, err)))
        failed = -1;
    if (!failed)
        failed = loop(run, err);
    watcher_close(run->watcher);
    if (!failed)
        (void)unlink(run->crew.path);
    crew_clear(&run->crew);
    return failed;
}

int supervise(const struct migration *migration, const char *config, const char *words,
              bool verbose, bool *ret_clean, struct err *err)
{
    struct run *run = calloc(1, sizeof(*run));
    if (!run)
        return err_exit(err, EX_OSERR, "out of memory");
    run->migration = migration;
    run->signal_fd = -1;
    buf_init(&run->line, 0);
    screen_init(&run->screen, verbose);
    if (*words)
        screen_say(&run->screen, "%s", words);
    int failed = run_crew(run, config, err);
    screen_clear(&run->screen);
    buf_clear(&run->line);
    if (run->signal_fd >= 0)
        (void)close(run->signal_fd);
    *ret_clean = !run->unclean;
    free(run);
    return failed;
}
