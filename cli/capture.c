/*
 * capture — a pipe, posix_spawn and a wait.
 */
#include "cli/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

extern char **environ;

static int start(const char *const *argv, enum capture_what what, int out_fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    failed = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    if (!failed && what == CAPTURE_BOTH)
        failed = posix_spawn_file_actions_adddup2(&actions, out_fd, STDERR_FILENO);
    /* posix_spawn's argv is not const for historical reasons only (POSIX, exec: rationale). */
    if (!failed)
        failed = posix_spawn(ret_pid, argv[0], &actions, NULL, (char *const *)(const void *)argv,
                             environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

int capture(const char *const *argv, enum capture_what what, struct buf *out, int *ret_status,
            struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_exit(err, EX_OSERR, "a pipe: %s", strerror(errno));
    pid_t pid;
    int failed = start(argv, what, fds[1], &pid);
    (void)close(fds[1]);
    if (failed) {
        (void)close(fds[0]);
        return err_exit(err, EX_OSERR, "%s cannot be started: %s", argv[0], strerror(failed));
    }
    char chunk[8192];
    ssize_t got;
    while ((got = read(fds[0], chunk, sizeof(chunk))) > 0 || (got < 0 && errno == EINTR)) {
        if (got > 0)
            buf_put(out, chunk, (size_t)got);
    }
    (void)close(fds[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}
