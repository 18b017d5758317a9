/*
 * bench_sender — senders of webhooks or forms: so many connections, each sends its next request when it has the answer to the one before.
 * The requests are made before, so that next to nothing of the measured time is theirs.
 *
 *   bench_sender <port> <connections> <file of requests>
 *
 * The file: 4 bytes of length, little-endian, then a whole HTTP/1.1 request, and so on. Each must be answered 2xx or 303, with a Content-Length.
 * One JSON line on stdout: records, seconds, cpu_s, rss_kib, p50_us, p99_us.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, ANSWER_MAX_BYTES = 4096, EVENTS = 256, WAIT_MS = 30000 };

struct request {
    const char *data;
    uint32_t len;
};

struct line { /* one connection */
    int fd;
    const struct request *request;
    size_t sent, answered;
    int64_t began_us;
    char answer[ANSWER_MAX_BYTES + 1];
};

struct sender {
    int epoll;
    struct request *requests;
    int64_t count, next, done;
    uint32_t *delays_us;
    struct line lines[CONNECTIONS_MAX];
};

static _Noreturn void stop(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_sender: %s: %s\n", what, why);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void load(struct sender *sender, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        stop(path, strerror(errno));
    size_t size = (size_t)status.st_size;
    const char *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED)
        stop(path, strerror(errno));
    (void)close(fd);
    for (int pass = 0; pass < 2; pass++) {
        int64_t count = 0;
        for (size_t at = 0; at + sizeof(uint32_t) <= size; count++) {
            uint32_t len;
            memcpy(&len, data + at, sizeof(len));
            at += sizeof(len);
            if (len > size - at)
                stop(path, "it is cut off");
            if (pass)
                sender->requests[count] = (struct request){data + at, len};
            at += len;
        }
        sender->count = count;
        if (pass)
            break;
        sender->requests = calloc((size_t)count + 1, sizeof(*sender->requests));
        sender->delays_us = calloc((size_t)count + 1, sizeof(*sender->delays_us));
        if (!sender->requests || !sender->delays_us)
            stop(path, "out of memory");
    }
}

static void push(struct line *line)
{
    while (line->sent < line->request->len) {
        ssize_t n = send(line->fd, line->request->data + line->sent,
                         line->request->len - line->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return; /* the socket takes more later */
        if (n <= 0)
            stop("send", strerror(errno));
        line->sent += (size_t)n;
    }
}

static void begin(struct sender *sender, struct line *line)
{
    line->request = sender->next < sender->count ? &sender->requests[sender->next++] : NULL;
    line->sent = line->answered = 0;
    line->began_us = now_us();
    if (line->request)
        push(line);
}

/* The whole answer is there? */
static int whole(const struct line *line)
{
    const char *end = strstr(line->answer, "\r\n\r\n");
    const char *length = end ? strcasestr(line->answer, "\r\nContent-Length:") : NULL;
    if (!end)
        return 0;
    if (strncmp(line->answer, "HTTP/1.1 2", 10) != 0 &&
        strncmp(line->answer, "HTTP/1.1 303", 12) != 0)
        stop("refused", line->answer);
    if (!length || length > end)
        stop("an answer without Content-Length", line->answer);
    return line->answered >= (size_t)(end + 4 - line->answer) + strtoul(length + 17, NULL, 10);
}

static void take(struct sender *sender, struct line *line)
{
    ssize_t n = recv(line->fd, line->answer + line->answered, ANSWER_MAX_BYTES - line->answered, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !line->request)
        stop("answer", n == 0 ? "the connection was closed" : strerror(errno));
    line->answered += (size_t)n;
    line->answer[line->answered] = '\0';
    if (!whole(line))
        return;
    sender->delays_us[sender->done++] = (uint32_t)(now_us() - line->began_us);
    begin(sender, line);
}

static void dial(struct sender *sender, struct line *line, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = line};
    int on = 1;
    line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line->fd < 0 || connect(line->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        stop("connect", strerror(errno));
    (void)setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)fcntl(line->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(sender->epoll, EPOLL_CTL_ADD, line->fd, &event) < 0)
        stop("epoll", strerror(errno));
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static struct sender sender;
    int connections = argc == 4 ? (int)strtol(argv[2], NULL, 10) : 0;
    if (connections < 1 || connections > CONNECTIONS_MAX) {
        (void)fprintf(stderr, "usage: bench_sender <port> <connections, at most %d> <file>\n",
                      CONNECTIONS_MAX);
        return 64;
    }
    load(&sender, argv[3]);
    sender.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < connections; i++)
        dial(&sender, &sender.lines[i], (int)strtol(argv[1], NULL, 10));
    int64_t began_us = now_us();
    for (int i = 0; i < connections; i++)
        begin(&sender, &sender.lines[i]);
    while (sender.done < sender.count) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(sender.epoll, events, EVENTS, WAIT_MS);
        if (n == 0 || (n < 0 && errno != EINTR))
            stop("wait", n ? strerror(errno) : "nobody answers");
        for (int i = 0; i < n; i++) {
            struct line *line = events[i].data.ptr;
            if (line->request && line->sent < line->request->len)
                push(line);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                take(&sender, line);
        }
    }
    double seconds = (double)(now_us() - began_us) / 1e6;
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    qsort(sender.delays_us, (size_t)sender.done, sizeof(*sender.delays_us), by_size);
    printf("{\"records\":%lld,\"seconds\":%.6f,\"cpu_s\":%.6f,\"rss_kib\":%ld,\"p50_us\":%u,\"p99_"
           "us\":%u}\n",
           (long long)sender.done, seconds,
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
           usage.ru_maxrss, sender.delays_us[sender.done / 2],
           sender.delays_us[sender.done * 99 / 100]);
    return 0;
}
