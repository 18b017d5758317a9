/*
 * services — see services.h. The guard holds the other end of a pipe: when
 * that closes, by services_stop() or by the death of the test, it cleans up.
 */
#include "support/services.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 3, PORT_FIRST = 10000, PORT_COUNT = 20000 };

static const char *source_dir(void)
{
    const char *dir = getenv("SOURCE_DIR");
    return dir ? dir : ".";
}

static const char *build_dir(void)
{
    const char *dir = getenv("BUILD_DIR");
    return dir ? dir : "build/dev";
}

/* A port below the range the kernel gives to clients; somebody may still be faster: callers try again. */
static int free_port(void)
{
    for (;;) {
        unsigned char random[2];
        int random_fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
        ssize_t got = random_fd < 0 ? -1 : read(random_fd, random, sizeof(random));
        if (random_fd >= 0)
            (void)close(random_fd);
        if (got != (ssize_t)sizeof(random))
            return -1;
        int port = PORT_FIRST + (random[0] * 256 + random[1]) % PORT_COUNT;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
        int failed = bind(fd, (struct sockaddr *)&address, sizeof(address));
        (void)close(fd);
        if (!failed)
            return port;
    }
}

/* Exit code of a program, 127 when it cannot be run. preload: a library for it, or NULL. */
static int run(char *const argv[], const char *preload)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (preload)
            (void)setenv("LD_PRELOAD", preload, 1);
        (void)execv(argv[0], argv);
        _exit(127);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static int guard_start(struct services *services)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0) {
        (void)setsid();
        (void)close(ends[1]);
        char byte;
        while (read(ends[0], &byte, 1) > 0) {
        }
        (void)execl("/bin/sh", "sh", "-c",
                    "\"$1/deploy/kafka/broker\" stop --now --dir \"$2/kafka\";"
                    "\"$1/deploy/redis/server\" stop --now --dir \"$2/redis\"; rm -rf \"$2\"",
                    "guard", source_dir(), services->dir, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[0]);
    services->guard_fd = ends[1];
    services->guard_pid = pid;
    return 0;
}

/* script start --dir D/<name> --port P; the port, or -1. */
static int start_script(const struct services *services, const char *script, const char *name)
{
    for (int try = 0; try < TRIES; try++) {
        char path[512], dir[128], port_text[16];
        int port = free_port();
        (void)snprintf(path, sizeof(path), "%s/deploy/%s/%s", source_dir(), name, script);
        (void)snprintf(dir, sizeof(dir), "%s/%s", services->dir, name);
        (void)snprintf(port_text, sizeof(port_text), "%d", port);
        char start[] = "start", dir_option[] = "--dir", port_option[] = "--port";
        char *argv[] = {path, start, dir_option, dir, port_option, port_text, NULL};
        if (port > 0 && run(argv, "libeatmydata.so") == 0)
            return port;
    }
    (void)fprintf(stderr, "services: %s does not start\n", name);
    return -1;
}

int services_start(struct services *services, int which)
{
    *services = (struct services){.guard_fd = -1};
    (void)snprintf(services->dir, sizeof(services->dir), "/tmp/tandem-test-XXXXXX");
    if (!mkdtemp(services->dir) || guard_start(services) < 0) {
        perror("services");
        return -1;
    }
    if (which & SERVICE_REDIS) {
        services->redis_port = start_script(services, "server", "redis");
        if (services->redis_port < 0)
            goto fail;
        (void)snprintf(services->redis_address, sizeof(services->redis_address), "127.0.0.1:%d",
                       services->redis_port);
    }
    if (which & SERVICE_KAFKA) {
        int port = start_script(services, "broker", "kafka");
        if (port < 0)
            goto fail;
        (void)snprintf(services->kafka_bootstrap, sizeof(services->kafka_bootstrap), "127.0.0.1:%d",
                       port);
    }
    return 0;
fail:
    services_stop(services);
    return -1;
}

void services_stop(struct services *services)
{
    if (services->guard_fd < 0)
        return;
    (void)close(services->guard_fd);
    services->guard_fd = -1;
    (void)waitpid(services->guard_pid, NULL, 0);
}

int services_kafka_pid(const struct services *services)
{
    char path[128], text[16] = "";
    (void)snprintf(path, sizeof(path), "%s/kafka/kafka.pid", services->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd);
    return got > 0 ? (int)strtol(text, NULL, 10) : -1;
}

int services_create_topic(const struct services *services, const char *topic, int partitions)
{
    char path[512], bootstrap[32], name[256], count[16], create[] = "create";
    (void)snprintf(path, sizeof(path), "%s/kafka-tool", build_dir());
    (void)snprintf(bootstrap, sizeof(bootstrap), "%s", services->kafka_bootstrap);
    (void)snprintf(name, sizeof(name), "%s", topic);
    (void)snprintf(count, sizeof(count), "%d", partitions);
    char *argv[] = {path, bootstrap, create, name, count, NULL};
    return run(argv, NULL) == 0 ? 0 : -1;
}
