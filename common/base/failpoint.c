/*
 * failpoint — see failpoint.h.
 */
#include "base/failpoint.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    pthread_once_t once;
    char name[128];
    long nth;
    int signal;
    atomic_long passes;
} armed = {.once = PTHREAD_ONCE_INIT};

static void arm(void)
{
    const char *spec = getenv("TANDEM_FAILPOINT");
    if (!spec)
        return;
    size_t len = strcspn(spec, ":");
    if (len >= sizeof(armed.name))
        return;
    memcpy(armed.name, spec, len);
    armed.nth = spec[len] == ':' ? strtol(spec + len + 1, NULL, 10) : 1;
    const char *action = getenv("TANDEM_FAILPOINT_ACTION");
    armed.signal = action && strcmp(action, "stop") == 0 ? SIGSTOP : SIGKILL;
}

static void record(const char *name)
{
    const char *path = getenv("TANDEM_FAILPOINT_LOG");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fd < 0)
        return;
    char line[sizeof(armed.name) + 1];
    int len = snprintf(line, sizeof(line), "%s\n", name);
    if (len > 0 && write(fd, line, (size_t)len) == len)
        (void)fsync(fd);
    (void)close(fd);
}

void failpoint_pass(const char *name)
{
    (void)pthread_once(&armed.once, arm);
    if (strcmp(name, armed.name) != 0)
        return;
    if (atomic_fetch_add(&armed.passes, 1) + 1 != armed.nth)
        return;
    record(name);
    (void)kill(getpid(), armed.signal);
}
