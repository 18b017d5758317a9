/*
 * expression_helper — the other end: compile, then let a worker run what is
 * asked for, answer for the worker that dies and start the next. See expression.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <jq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/expression_internal.h"

struct helper {
    int socket;
    jq_state *programs[EXPRESSIONS_MAX];
    /* Shared with the worker: what it began and what it answered. */
    volatile uint64_t *begun, *answered;
    char why[512]; /* of a program that does not compile */
};

static int answer(const struct helper *helper, uint64_t sequence, enum expression_status status,
                  uint32_t type, struct span bytes)
{
    struct expression_header header = {.sequence = sequence,
                                       .status = (uint32_t)status,
                                       .type = type,
                                       .bytes = (uint32_t)bytes.len};
    return expression_send(helper->socket, &header, bytes.data);
}

/* ---- compiling ---- */

/* "jq: error: syntax error, unexpected … at <top-level>, line 1:\n…": what stands between. The first message counts. */
static void on_error(void *self, jv message)
{
    static const char PREFIX[] = "jq: error: ", PLACE[] = " at <top-level>";
    struct helper *helper = self;
    const char *text = jv_get_kind(message) == JV_KIND_STRING ? jv_string_value(message) : "";
    if (strncmp(text, PREFIX, sizeof(PREFIX) - 1) == 0)
        text += sizeof(PREFIX) - 1;
    if (helper->why[0] == '\0')
        (void)snprintf(helper->why, sizeof(helper->why), "%.*s", (int)strcspn(text, "\n"), text);
    char *place = strstr(helper->why, PLACE);
    if (place)
        *place = '\0';
    jv_free(message);
}

static int compile(struct helper *helper, int index, const char *text)
{
    helper->programs[index] = jq_init();
    helper->why[0] = '\0';
    if (!helper->programs[index])
        return answer(helper, 0, EXPRESSION_REFUSED, 0, span_of("out of memory"));
    jq_set_error_cb(helper->programs[index], on_error, helper);
    if (jq_compile(helper->programs[index], text))
        return answer(helper, 0, EXPRESSION_OK, 0, SPAN_NONE);
    return answer(helper, 0, EXPRESSION_REFUSED, 0,
                  span_of(helper->why[0] ? helper->why : "does not compile"));
}

/* ---- running: the worker ---- */

static void set_timer(int ms)
{
    struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    if (setitimer(ITIMER_PROF, &timer, NULL) < 0)
        _exit(EX_OSERR);
}

/* The pages of data of this process: the sixth number of /proc/self/statm (proc(5)). */
static rlim_t data_pages(void)
{
    char line[256] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || !fgets(line, sizeof(line), file))
        _exit(EX_OSERR);
    (void)fclose(file);
    char *at = line;
    long long pages = 0;
    for (int i = 0; i < 6; i++)
        pages = strtoll(at, &at, 10);
    return (rlim_t)pages;
}

/* What a process starts with is not to be counted: a sanitizer's shadow alone is larger than any limit. */
static void limit_memory(void)
{
    rlim_t bytes = data_pages() * (rlim_t)sysconf(_SC_PAGESIZE) + EXPRESSION_MEMORY_BYTES;
    struct rlimit data = {bytes, bytes}, none = {0, 0};
    if (setrlimit(RLIMIT_DATA, &data) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        _exit(EX_OSERR);
}

struct run {
    enum expression_status status;
    enum json_type type;
    jv text; /* a string */
};

static struct run refused(enum expression_status status, const char *why)
{
    return (struct run){status, JSON_NONE_, jv_string(why)};
}

/* Takes the value. */
static struct run scalar(jv value)
{
    struct run run = {.status = EXPRESSION_OK};
    switch (jv_get_kind(value)) {
    case JV_KIND_STRING:
        run.type = JSON_STRING_;
        run.text = value;
        return run;
    case JV_KIND_NUMBER:
        run.type = JSON_NUMBER_;
        break;
    case JV_KIND_TRUE:
    case JV_KIND_FALSE:
        run.type = JSON_BOOL_;
        break;
    case JV_KIND_NULL:
        run.type = JSON_NULL_;
        break;
    case JV_KIND_INVALID:
    case JV_KIND_ARRAY:
    case JV_KIND_OBJECT:
        jv_free(value);
        return refused(EXPRESSION_REFUSED, "gives a list or an object");
    }
    run.text = jv_dump_string(value, 0);
    return run;
}

/* Takes what is no value: the end, or an error. */
static struct run no_value(jv invalid)
{
    if (!jv_invalid_has_msg(jv_copy(invalid))) {
        jv_free(invalid);
        return refused(EXPRESSION_REFUSED, "gives no value");
    }
    jv message = jv_invalid_get_msg(invalid);
    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    jv text = jv_string_fmt("fails: %.300s", jv_string_value(message));
    jv_free(message);
    return (struct run){EXPRESSION_QUOTES, JSON_NONE_, text};
}

static struct run run_program(jq_state *program, struct span input)
{
    jv value = jv_parse_sized(input.data, (int)input.len);
    if (!jv_is_valid(value))
        return no_value(value);
    jq_start(program, value, 0);
    jv first = jq_next(program);
    if (!jv_is_valid(first))
        return no_value(first);
    jv second = jq_next(program);
    bool more = jv_is_valid(second), failed = !more && jv_invalid_has_msg(jv_copy(second));
    if (!more && !failed) {
        jv_free(second);
        return scalar(first);
    }
    jv_free(first);
    if (failed)
        return no_value(second);
    jv_free(second);
    return refused(EXPRESSION_REFUSED, "gives more than one value");
}

static int serve(const struct helper *helper, const struct expression_header *request,
                 struct span input)
{
    *helper->begun = request->sequence;
    set_timer(EXPRESSION_CPU_MS);
    struct run run = run_program(helper->programs[request->index], input);
    struct span bytes = {jv_string_value(run.text),
                         (size_t)jv_string_length_bytes(jv_copy(run.text))};
    char why[64];
    if (bytes.len > EXPRESSION_RESULT_MAX_BYTES) {
        (void)snprintf(why, sizeof(why), "gives more than %d bytes", EXPRESSION_RESULT_MAX_BYTES);
        run.status = EXPRESSION_REFUSED;
        bytes = span_of(why);
    }
    set_timer(0);
    int sent = answer(helper, request->sequence, run.status, (uint32_t)run.type, bytes);
    *helper->answered = request->sequence;
    jv_free(run.text);
    return sent;
}

static _Noreturn void work(const struct helper *helper)
{
    struct expression_header request;
    char *input = NULL;
    size_t cap = 0;
    limit_memory();
    (void)signal(SIGPROF, SIG_DFL);
    while (expression_receive(helper->socket, &request, sizeof(request)) == 0) {
        if (request.bytes > cap) {
            free(input);
            cap = request.bytes;
            input = malloc(cap);
        }
        if (!input || expression_receive(helper->socket, input, request.bytes) < 0 ||
            serve(helper, &request, (struct span){input, request.bytes}) < 0)
            break;
    }
    _exit(0);
}

/* ---- the helper ---- */

static void prepare(struct helper *helper)
{
    static const int IGNORED[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGQUIT};
    (void)prctl(PR_SET_NAME, "tandem-jq");
    /* A terminal's ^C is for our process, which still has records to finish. */
    for (size_t i = 0; i < sizeof(IGNORED) / sizeof(IGNORED[0]); i++)
        (void)signal(IGNORED[i], SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* What libjq says where it stops is no line of our log. */
    int null = open("/dev/null", O_RDWR);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
    (void)unsetenv("HOME"); /* libjq 1.6 loads ~/.jq into each program */
    uint64_t *shared =
        mmap(NULL, 2 * sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        _exit(EX_OSERR);
    helper->begun = shared;
    helper->answered = shared + 1;
}

/* False: nobody asks any more. */
static bool outlive(const struct helper *helper, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && *helper->begun == *helper->answered)
        return false;
    if (*helper->begun == *helper->answered)
        return true;
    bool endless = WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF;
    *helper->answered = *helper->begun;
    return answer(helper, *helper->begun, endless ? EXPRESSION_ENDLESS : EXPRESSION_STOPPED, 0,
                  SPAN_NONE) == 0;
}

_Noreturn void expression_helper(int socket, const char *const *texts, int count)
{
    static struct helper helper;
    int status = 0;
    helper.socket = socket;
    prepare(&helper);
    for (int i = 0; i < count; i++)
        if (compile(&helper, i, texts[i]) < 0)
            _exit(0);
    do {
        pid_t worker = fork();
        if (worker == 0)
            work(&helper);
        if (worker < 0)
            _exit(EX_OSERR);
        while (waitpid(worker, &status, 0) < 0 && errno == EINTR) {
        }
    } while (outlive(&helper, status));
    _exit(0);
}
