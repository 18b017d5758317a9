/*
 * listener — see listener.h.
 */
#include "base/listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* "host:port" in two; brackets around an IPv6 address are removed. */
static bool split_address(const char *listen, char *ret_host, size_t host_bytes,
                          const char **ret_port)
{
    const char *colon = strrchr(listen, ':');
    if (!colon || colon == listen || !colon[1])
        return false;
    const char *host = listen;
    size_t len = (size_t)(colon - listen);
    if (host[0] == '[' && len >= 2 && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len == 0 || len >= host_bytes)
        return false;
    memcpy(ret_host, host, len);
    ret_host[len] = '\0';
    *ret_port = colon + 1;
    return true;
}

static int listen_on(const struct addrinfo *at, int backlog, char *ret_address)
{
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    if (fd < 0)
        return -1;
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof(bound);
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, backlog) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) < 0 ||
        getnameinfo((struct sockaddr *)&bound, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    (void)snprintf(ret_address, LISTENER_ADDRESS_BYTES,
                   bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return fd;
}

int listener_open(const char *what, const char *address, int backlog,
                  char ret_address[LISTENER_ADDRESS_BYTES], struct err *err)
{
    char host[NI_MAXHOST];
    const char *port = NULL;
    if (!split_address(address, host, sizeof(host), &port))
        return err_exit(err, EX_CONFIG, "%s \"%s\": write host:port", what, address);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed)
        return err_exit(err, EX_CONFIG, "%s \"%s\": %s", what, address, gai_strerror(failed));
    int fd = listen_on(found, backlog, ret_address);
    int error = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return err_exit(err, EX_UNAVAILABLE, "%s \"%s\": %s", what, address, strerror(error));
    return fd;
}
