/*
 * expression — our end: start the helper, ask it. See expression.h.
 */
#include "base/expression.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/expression_internal.h"

/* Far beyond what a run may take: the helper is frozen, not busy. */
enum { ANSWER_TIMEOUT_S = 120, FIRST_FREE_FD = 3 };

struct expressions {
    pthread_mutex_t mutex;
    int socket;
    pid_t helper;
    uint64_t sequence;
    struct buf answer;
};

int expression_send(int socket, const struct expression_header *header, const void *bytes)
{
    /* sendmsg() does not write to what it sends. */
    struct iovec parts[] = {{(void *)(uintptr_t)header, sizeof(*header)},
                            {(void *)(uintptr_t)bytes, header->bytes}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        for (size_t left = (size_t)sent; message.msg_iovlen > 0;) {
            struct iovec *part = message.msg_iov;
            size_t taken = left < part->iov_len ? left : part->iov_len;
            part->iov_base = (char *)part->iov_base + taken;
            part->iov_len -= taken;
            left -= taken;
            if (part->iov_len > 0)
                break;
            message.msg_iov++;
            message.msg_iovlen--;
        }
    }
    return 0;
}

int expression_receive(int socket, void *data, size_t bytes)
{
    char *at = data;
    while (bytes) {
        ssize_t got = recv(socket, at, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        at += got;
        bytes -= (size_t)got;
    }
    return 0;
}

/* The helper has our open files too: it must not keep a lock or a port of ours alive. */
static _Noreturn void become_helper(int socket, const char *const *texts, int count)
{
    int kept = dup2(socket, FIRST_FREE_FD);
    if (kept < 0 || close_range(FIRST_FREE_FD + 1, ~0U, 0) < 0)
        _exit(EX_OSERR);
    expression_helper(kept, texts, count);
}

static int start(struct expressions *expressions, const char *const *texts, int count,
                 struct err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_exit(err, EX_OSERR, "socketpair: %s", strerror(errno));
    (void)fflush(NULL);
    expressions->helper = fork();
    if (expressions->helper == 0)
        become_helper(ends[1], texts, count);
    (void)close(ends[1]);
    expressions->socket = ends[0];
    const struct timeval patience = {ANSWER_TIMEOUT_S, 0};
    if (setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
        return err_exit(err, EX_OSERR, "setsockopt: %s", strerror(errno));
    return expressions->helper < 0 ? err_exit(err, EX_OSERR, "fork: %s", strerror(errno)) : 0;
}

/* The next answer: its header, and its bytes in expressions->answer. */
static int receive(struct expressions *expressions, struct expression_header *ret_header)
{
    struct buf *answer = &expressions->answer;
    char piece[4096];
    buf_reset(answer);
    if (expression_receive(expressions->socket, ret_header, sizeof(*ret_header)) < 0)
        return -1;
    for (size_t left = ret_header->bytes; left;) {
        size_t take = left < sizeof(piece) ? left : sizeof(piece);
        if (expression_receive(expressions->socket, piece, take) < 0)
            return -1;
        buf_put(answer, piece, take);
        left -= take;
    }
    return answer->failed ? -1 : 0;
}

static int take_compiled(struct expressions *expressions, int count, struct err *whys,
                         struct err *err)
{
    struct expression_header header;
    int refused = 0;
    for (int i = 0; i < count; i++) {
        if (receive(expressions, &header) < 0)
            return err_exit(err, EX_SOFTWARE, "the helper for expressions ended at number %d", i);
        if (header.status == EXPRESSION_OK)
            continue;
        struct span why = buf_span(&expressions->answer);
        (void)err_set(&whys[i], ERR_REJECT, "%.*s", (int)why.len, why.data);
        refused++;
    }
    return refused ? -1 : 0;
}

struct expressions *expressions_open(const char *const *texts, int count, struct err *whys,
                                     struct err *err)
{
    struct expressions *expressions = calloc(1, sizeof(*expressions));
    if (!expressions) {
        (void)err_exit(err, EX_OSERR, "out of memory");
        return NULL;
    }
    expressions->socket = -1;
    expressions->helper = -1;
    buf_init(&expressions->answer, 0);
    (void)pthread_mutex_init(&expressions->mutex, NULL);
    if (count > EXPRESSIONS_MAX)
        (void)err_exit(err, EX_CONFIG, "more than %d expressions", EXPRESSIONS_MAX);
    else if (start(expressions, texts, count, err) == 0 &&
             take_compiled(expressions, count, whys, err) == 0)
        return expressions;
    expressions_close(expressions);
    return NULL;
}

void expressions_close(struct expressions *expressions)
{
    if (!expressions)
        return;
    if (expressions->socket >= 0)
        (void)close(expressions->socket);
    while (expressions->helper > 0 && waitpid(expressions->helper, NULL, 0) < 0 && errno == EINTR) {
    }
    buf_clear(&expressions->answer);
    (void)pthread_mutex_destroy(&expressions->mutex);
    free(expressions);
}

static _Noreturn void helper_is_gone(void)
{
    (void)fprintf(stderr, "tandem: the helper that runs jq expressions is gone\n");
    abort();
}

static int judge(const struct expression_header *header, struct span bytes, struct err *err)
{
    switch ((enum expression_status)header->status) {
    case EXPRESSION_OK:
        return 0;
    case EXPRESSION_ENDLESS:
        return err_set(err, ERR_REJECT, "does not end (%d ms of processor time)",
                       EXPRESSION_CPU_MS);
    case EXPRESSION_STOPPED:
        return err_set(err, ERR_REJECT, "stops the interpreter, or needs more than %d MB",
                       EXPRESSION_MEMORY_BYTES / (1024 * 1024));
    case EXPRESSION_REFUSED:
    case EXPRESSION_QUOTES:
        break;
    }
    return err_set(err, ERR_REJECT, "%.*s", (int)bytes.len, bytes.data);
}

static int ask(struct expressions *expressions, int index, struct span input, struct arena *arena,
               struct expression_result *ret_result, struct err *err)
{
    struct expression_header header = {.sequence = ++expressions->sequence,
                                       .index = (uint32_t)index,
                                       .bytes = (uint32_t)input.len};
    if (expression_send(expressions->socket, &header, input.data) < 0)
        helper_is_gone();
    do { /* a worker that died behind its answer is answered for once more: that one is old by now */
        if (receive(expressions, &header) < 0)
            helper_is_gone();
    } while (header.sequence != expressions->sequence);
    struct span bytes = buf_span(&expressions->answer);
    ret_result->quotes = header.status == EXPRESSION_QUOTES;
    if (judge(&header, bytes, err) < 0)
        return -1;
    ret_result->type = (enum json_type)header.type;
    ret_result->text = bytes.len ? arena_copy(arena, bytes) : span_of("");
    return 0;
}

int expressions_run(struct expressions *expressions, int index, struct span input,
                    struct arena *arena, struct expression_result *ret_result, struct err *err)
{
    struct expression_result result = {0};
    if (input.len > EXPRESSION_INPUT_MAX_BYTES) {
        *ret_result = result;
        return err_set(err, ERR_REJECT, "receives more than %d bytes", EXPRESSION_INPUT_MAX_BYTES);
    }
    (void)pthread_mutex_lock(&expressions->mutex);
    int failed = ask(expressions, index, input, arena, &result, err);
    (void)pthread_mutex_unlock(&expressions->mutex);
    *ret_result = result;
    return failed;
}
