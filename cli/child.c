/*
 * child — fork, exec, and the decision what a death means.
 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { DEATHS_MAX = 10, BACKOFF_FIRST_MS = 500, BACKOFF_MAX_MS = 30000, HEALTHY_MS = 60000 };

static const char *const STATES[] = {[CHILD_RUNNING] = "running",
                                     [CHILD_RESTARTING] = "restarting",
                                     [CHILD_GIVEN_UP] = "given up",
                                     [CHILD_STOPPED] = "stopped"};
_Static_assert(sizeof(STATES) / sizeof(STATES[0]) == CHILD_STOPPED + 1, "a state without a name");

const char *child_state_name(enum child_state state)
{
    return STATES[state];
}

int64_t child_backoff_ms(int deaths, int exit_code)
{
    /* Wrong arguments, no permission, wrong configuration: the same again tomorrow. */
    if (exit_code == EX_USAGE || exit_code == EX_NOPERM || exit_code == EX_CONFIG ||
        deaths > DEATHS_MAX)
        return -1;
    int64_t pause_ms = BACKOFF_FIRST_MS;
    for (int i = 1; i < deaths && pause_ms < BACKOFF_MAX_MS; i++)
        pause_ms *= 2;
    return pause_ms < BACKOFF_MAX_MS ? pause_ms : BACKOFF_MAX_MS;
}

/* In the child; only calls that are safe between fork and exec. */
static void become(const struct child *child, int out_fd, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)setpgid(0, 0); /* Ctrl-C is ours to hand on */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* we died in between */
        _exit(EX_TEMPFAIL);
    int null_fd = open("/dev/null", O_RDONLY);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0 ||
        dup2(out_fd, STDERR_FILENO) < 0)
        _exit(EX_OSERR);
    (void)execv(child->program, (char *const *)(const void *)child->args);
    _exit(EX_UNAVAILABLE);
}

int child_start(struct child *child, int64_t now_ms, struct err *err)
{
    int fds[2];
    if (child->log_fd < 0)
        child->log_fd = open(child->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (child->log_fd < 0)
        return err_exit(err, EX_CANTCREAT, "%s: %s", child->log_path, strerror(errno));
    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_exit(err, EX_OSERR, "a pipe: %s", strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(child, fds[1], parent);
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        return err_exit(err, EX_OSERR, "%s cannot be started: %s", child->name, strerror(errno));
    }
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    if (child->out_fd >= 0)
        (void)close(child->out_fd);
    child->out_fd = fds[0];
    child->line_len = 0;
    child->address[0] = '\0';
    child->pid = pid;
    child->started_ms = now_ms;
    child->state = CHILD_RUNNING;
    return 0;
}

static void give_line(struct child *child,
                      void (*fn)(void *self, struct child *child, char *line, size_t len),
                      void *self, char *line, size_t len)
{
    line[len] = '\n';
    if (child->log_fd >= 0 && write(child->log_fd, line, len + 1) < 0) {
        /* A full disk must not stop the migration; the line is shown all the same. */
    }
    line[len] = '\0';
    fn(self, child, line, len);
}

bool child_read(struct child *child,
                void (*fn)(void *self, struct child *child, char *line, size_t len), void *self)
{
    for (;;) {
        size_t room = sizeof(child->line) - 1 - child->line_len;
        ssize_t got = read(child->out_fd, child->line + child->line_len, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN;
        if (got == 0)
            break;
        child->line_len += (size_t)got;
        char *start = child->line, *end;
        size_t left = child->line_len;
        while ((end = memchr(start, '\n', left))) {
            size_t len = (size_t)(end - start);
            give_line(child, fn, self, start, len);
            start += len + 1;
            left -= len + 1;
        }
        if (left == sizeof(child->line) - 1) { /* longer than a line may be: cut it */
            give_line(child, fn, self, start, left);
            left = 0;
        }
        memmove(child->line, start, left);
        child->line_len = left;
    }
    if (child->line_len)
        give_line(child, fn, self, child->line, child->line_len);
    child->line_len = 0;
    return false;
}

void child_ended(struct child *child, int status, bool stopping, int64_t now_ms)
{
    child->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    child->pid = 0;
    child->address[0] = '\0';
    if (stopping) {
        child->state = CHILD_STOPPED;
        return;
    }
    child->deaths = now_ms - child->started_ms >= HEALTHY_MS ? 1 : child->deaths + 1;
    int64_t pause_ms = child_backoff_ms(child->deaths, child->exit_code);
    child->state = pause_ms < 0 ? CHILD_GIVEN_UP : CHILD_RESTARTING;
    child->start_ms = now_ms + pause_ms;
    child->restarts += pause_ms >= 0;
}

void child_clear(struct child *child)
{
    if (child->out_fd >= 0)
        (void)close(child->out_fd);
    if (child->log_fd >= 0)
        (void)close(child->log_fd);
    child->out_fd = child->log_fd = -1;
}
