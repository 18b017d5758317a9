/*
 * child — starting it and ending it. See child.h; what it says is in child_lines.c.
 */
#include "producers/singer/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_RUN = 126, REAP_MS = 10 };

void child_init(struct child *child, size_t line_max_bytes)
{
    *child = (struct child){.out = -1, .log = -1, .line_max_bytes = line_max_bytes};
    buf_init(&child->lines, 2 * line_max_bytes + (1 << 20));
    buf_init(&child->saying, 1 << 16);
}

void child_clear(struct child *child)
{
    if (child->out >= 0)
        (void)close(child->out);
    if (child->log >= 0)
        (void)close(child->log);
    child->out = child->log = -1;
    buf_clear(&child->lines);
    buf_clear(&child->saying);
}

static void set_limit(int resource, int64_t value)
{
    struct rlimit limit = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value}, now;
    if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max < limit.rlim_max)
        limit = (struct rlimit){now.rlim_max, now.rlim_max};
    (void)setrlimit((__rlimit_resource_t)resource, &limit);
}

static void limit_self(const struct child_limits *limits)
{
    enum { MIB = 1 << 20 };
    if (limits->memory_max_mib)
        set_limit(RLIMIT_AS, limits->memory_max_mib * MIB);
    if (limits->cpu_max_s)
        set_limit(RLIMIT_CPU, limits->cpu_max_s);
    set_limit(RLIMIT_NOFILE, limits->files_max);
    set_limit(RLIMIT_FSIZE, limits->file_max_mib * MIB);
    set_limit(RLIMIT_CORE, 0); /* a core would hold the secrets */
}

/* In the new process: never returns. parent: whose death is ours; it may have died before we asked to be told. */
static void become(const char *const *argv, const char *const *environment, const char *dir,
                   const struct child_limits *limits, pid_t parent, int out, int log)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)setpgid(0, 0);
    int in = open("/dev/null", O_RDONLY);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || in < 0 || dup2(in, 0) < 0 ||
        dup2(out, 1) < 0 || dup2(log, 2) < 0 || close_range(3, ~0U, 0) < 0 || chdir(dir) < 0)
        _exit(CANNOT_RUN);
    limit_self(limits);
    (void)execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
    (void)dprintf(2, "CRITICAL %s cannot be run: %s\n", argv[0], strerror(errno));
    _exit(CANNOT_RUN);
}

static void close_pair(const int pair[2])
{
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int child_start(struct child *child, const char *const *argv, const char *const *environment,
                const char *dir, const struct child_limits *limits, int64_t mono_ms,
                struct err *err)
{
    int out[2], log[2];
    pid_t self = getpid();
    if (pipe2(out, O_CLOEXEC) < 0)
        return err_set(err, ERR_RETRY, "no pipe: %s", strerror(errno));
    if (pipe2(log, O_CLOEXEC) < 0) {
        close_pair(out);
        return err_set(err, ERR_RETRY, "no pipe: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0)
        become(argv, environment, dir, limits, self, out[1], log[1]);
    if (pid < 0) {
        close_pair(out);
        close_pair(log);
        return err_set(err, ERR_RETRY, "no process: %s", strerror(errno));
    }
    (void)setpgid(pid, pid); /* as it does itself: whoever is first */
    (void)close(out[1]);
    (void)close(log[1]);
    if (child->out >= 0)
        (void)close(child->out);
    if (child->log >= 0)
        (void)close(child->log);
    (void)fcntl(out[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(log[0], F_SETFL, O_NONBLOCK);
    child->pid = pid;
    child->out = out[0];
    child->log = log[0];
    buf_reset(&child->lines);
    buf_reset(&child->saying);
    child->taken = 0;
    child->skipping = child->ended = false;
    child->last[0] = '\0';
    child->heard_mono_ms = mono_ms;
    return 0;
}

bool child_reap(struct child *child, int *ret_status)
{
    if (child->pid <= 0 || waitpid(child->pid, ret_status, WNOHANG) != child->pid)
        return false;
    (void)kill(-child->pid, SIGKILL); /* what it left behind */
    child->pid = 0;
    return true;
}

void child_end(struct child *child, int64_t grace_ms)
{
    int status = 0;
    if (child->pid <= 0)
        return;
    (void)kill(-child->pid, SIGTERM);
    (void)kill(-child->pid, SIGCONT);
    for (int64_t waited_ms = 0; waited_ms < grace_ms; waited_ms += REAP_MS) {
        if (child_reap(child, &status))
            return;
        (void)poll(NULL, 0, REAP_MS);
    }
    (void)kill(-child->pid, SIGKILL);
    (void)waitpid(child->pid, &status, 0);
    child->pid = 0;
}

void child_words(int status, char *ret_words, size_t size)
{
    if (WIFSIGNALED(status))
        (void)snprintf(ret_words, size, "signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(ret_words, size, "exit code %d", WEXITSTATUS(status));
}
