/*
 * tiny_server — an HTTP/1.1 server that does exactly what a test says, also
 * what no proper server does: hang up, cut an answer, answer for somebody else.
 * One thread a connection; loopback; any free port.
 */
#ifndef TANDEM_TESTS_TINY_SERVER_H
#define TANDEM_TESTS_TINY_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tiny_request {
    const char *method, *path;
    const char *head, *body; /* NUL-terminated */
    int fd;
    int number; /* on this connection, from 1 */
};

struct tiny_server {
    int fd;
    char url[64];
    /* False: hang up. */
    bool (*answer)(struct tiny_server *server, const struct tiny_request *request);
    void *user;
    atomic_int requests; /* read whole */
    atomic_int open, open_max, connections;
    pthread_t thread;
};

static inline void tiny_send(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        data += sent;
        len -= (size_t)sent;
    }
}

/* status: "200 OK"; headers: "Name: value\r\n…" or "". */
static inline bool tiny_answer(const struct tiny_request *request, const char *status,
                               const char *headers, const char *body, size_t len)
{
    char head[1024];
    int head_len = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
                            status, headers, len);
    tiny_send(request->fd, head, (size_t)head_len);
    tiny_send(request->fd, body, len);
    return true;
}

static inline bool tiny_json(const struct tiny_request *request, const char *body)
{
    return tiny_answer(request, "200 OK", "Content-Type: application/json\r\n", body, strlen(body));
}

enum { TINY_REQUEST_MAX = 1 << 20 };
struct tiny_connection {
    struct tiny_server *server;
    int fd;
};

/* One request into buffer, split in place. False: the client is gone. */
static inline bool tiny_read(int fd, char *buffer, struct tiny_request *request)
{
    size_t len = 0;
    char *body = NULL;
    size_t want = 0;
    for (;;) {
        ssize_t got = recv(fd, buffer + len, TINY_REQUEST_MAX - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        buffer[len] = '\0';
        if (!body && (body = strstr(buffer, "\r\n\r\n"))) {
            const char *length = strcasestr(buffer, "\r\ncontent-length:");
            body += 4;
            want = (size_t)(body - buffer) +
                   (length && length < body ? strtoul(length + 17, NULL, 10) : 0);
        }
        if (body && len >= want)
            break;
    }
    char *path = strchr(buffer, ' '), *end = path ? strchr(path + 1, ' ') : NULL;
    if (!end)
        return false;
    *path = *end = '\0';
    request->method = buffer;
    request->path = path + 1;
    request->head = end + 1;
    request->body = body;
    return true;
}

static inline void *tiny_serve(void *user)
{
    struct tiny_connection connection = *(struct tiny_connection *)user;
    struct tiny_server *server = connection.server;
    free(user);
    char *buffer = malloc(TINY_REQUEST_MAX);
    struct tiny_request request = {.fd = connection.fd};
    while (buffer && tiny_read(connection.fd, buffer, &request)) {
        request.number++;
        atomic_fetch_add(&server->requests, 1);
        if (!server->answer(server, &request))
            break;
    }
    free(buffer);
    (void)close(connection.fd);
    atomic_fetch_sub(&server->open, 1);
    return NULL;
}

static inline void *tiny_accept(void *user)
{
    struct tiny_server *server = user;
    int fd;
    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        int one = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        int open = atomic_fetch_add(&server->open, 1) + 1;
        atomic_fetch_add(&server->connections, 1);
        if (open > atomic_load(&server->open_max))
            atomic_store(&server->open_max, open);
        struct tiny_connection *connection = malloc(sizeof(*connection));
        pthread_t thread;
        if (!connection)
            abort();
        *connection = (struct tiny_connection){server, fd};
        if (pthread_create(&thread, NULL, tiny_serve, connection) != 0)
            abort();
        (void)pthread_detach(thread);
    }
    return NULL;
}

static inline void tiny_start(struct tiny_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&address, len) != 0 ||
        listen(server->fd, 64) != 0 ||
        getsockname(server->fd, (struct sockaddr *)&address, &len) != 0)
        abort();
    (void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d",
                   ntohs(address.sin_port));
    if (pthread_create(&server->thread, NULL, tiny_accept, server) != 0)
        abort();
}

/* After the clients closed their connections. */
static inline void tiny_stop(struct tiny_server *server)
{
    (void)shutdown(server->fd, SHUT_RDWR);
    (void)close(server->fd);
    (void)pthread_join(server->thread, NULL);
    while (atomic_load(&server->open) > 0)
        (void)usleep(1000);
}

#endif
