/*
 * process_fixture — a test that is its own process under test: started again by its path with --probe, it runs producer_run() or consumer_run()
 * with a probe type. Probes write what happens to them into a journal, and look for switches, which are files.
 */
#ifndef TANDEM_TESTS_PROCESS_FIXTURE_H
#define TANDEM_TESTS_PROCESS_FIXTURE_H

#include "component/stream_fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stream/control.h"
#include "support/services.h"

enum { PROBE_PATH_BYTES = 256 };

/* ---- in the probe ---- */

static inline void probe_path(const char *name, char ret_path[PROBE_PATH_BYTES])
{
    const char *dir = getenv("PROBE_DIR");
    (void)snprintf(ret_path, PROBE_PATH_BYTES, "%s/%s", dir ? dir : ".", name);
}

static inline bool probe_switch(const char *name)
{
    char path[PROBE_PATH_BYTES];
    probe_path(name, path);
    return access(path, F_OK) == 0;
}

/* One line, whole, also when several processes write. */
__attribute__((format(printf, 1, 2))) static inline void probe_note(const char *format, ...)
{
    char path[PROBE_PATH_BYTES], line[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    probe_path("journal", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        abort();
    (void)close(fd);
}

/* ---- in the test ---- */

struct stage {
    struct services services;
    struct migration *migration;
    char dir[96], config[128];
};

static inline void stage_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

static inline void stage_switch(const struct stage *stage, const char *name, bool on)
{
    char path[PROBE_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", stage->dir, name);
    if (on)
        stage_write(path, "");
    else
        (void)unlink(path);
}

/* A configuration in a directory of its own; nothing is read or made yet. */
static inline void stage_config(struct stage *stage, const char *ns, const char *extra)
{
    char text[4096], path[PROBE_PATH_BYTES];
    const char *source = getenv("SOURCE_DIR") ? getenv("SOURCE_DIR") : ".";
    char *real = realpath(source, NULL);
    (void)snprintf(stage->dir, sizeof(stage->dir), "%s/%s", stage->services.dir, ns);
    assert_int_equal(mkdir(stage->dir, 0700), 0);
    assert_int_equal(setenv("PROBE_DIR", stage->dir, 1), 0);
    char connectors[PATH_MAX + 32];
    (void)snprintf(connectors, sizeof(connectors), "%s/deploy/connectors", real);
    (void)snprintf(path, sizeof(path), "%s/connectors", stage->dir);
    assert_int_equal(symlink(connectors, path), 0); /* an include is relative to its file */
    free(real);
    (void)snprintf(path, sizeof(path), "%s/token", stage->dir);
    stage_write(path, "sandbox-token\n");
    (void)snprintf(
        text, sizeof(text),
        "migration = \"%s\"; time_zone = \"UTC\"; kill_date = \"2036-03-01\"; old = "
        "\"salesforce\"; new = \"hubspot\";\n"
        "kafka = { properties = [\"bootstrap.servers=%s\"]; partitions = %d; replication = 1; };\n"
        "redis = { address = \"127.0.0.1:1\"; };\n"
        "systems = {\n"
        "  salesforce = {\n@include \"connectors/salesforce.cfg\"\n"
        "    url = \"http://127.0.0.1:1\"; account = \"a\"; token_file = \"token\"; };\n"
        "  hubspot = {\n@include \"connectors/hubspot.cfg\"\n"
        "    url = \"http://127.0.0.1:1\"; account = \"b\"; token_file = \"token\"; };\n"
        "};\n"
        "entities = ( { name = \"contact\"; old = { object = \"Contact\"; };\n"
        "  new = { object = \"contacts\"; external_id = \"x_id\"; marker = \"x_marker\"; };\n"
        "  fields = ( { name = \"email\"; type = \"email\"; old = \"Email\"; new = \"email\"; "
        "match = true; } ); } );\n"
        "apply = { batch_records = 50; session_timeout_ms = 6000; };\n"
        "health_listen = \"127.0.0.1:0\";\n%s\n",
        ns, stage->services.kafka_bootstrap, FIXTURE_PARTITIONS, extra);
    (void)snprintf(stage->config, sizeof(stage->config), "%s/test.cfg", stage->dir);
    stage_write(stage->config, text);
}

/* A migration ns of its own: configuration and topics, nothing in control. */
static inline void stage_set(struct stage *stage, const char *ns, const char *extra)
{
    stage_config(stage, ns, extra);
    struct conf_report report;
    conf_report_init(&report);
    stage->migration = migration_open(stage->config, &report);
    if (!stage->migration)
        fail_msg("line %d: %s; %s", report.mistakes[0].line, report.mistakes[0].text,
                 report.mistakes[0].suggestion);
    conf_report_clear(&report);
    struct topics_plan plan = {0};
    assert_ok(topics_plan(stage->migration, &plan, ok_));
    assert_ok(topics_apply(stage->migration, &plan, ok_));
    topics_plan_clear(&plan);
}

static inline void stage_go(struct stage *stage)
{
    assert_ok(control_prepare(stage->migration, ok_));
    assert_ok(control_go(stage->migration, ok_));
}

static inline void stage_clear(struct stage *stage)
{
    migration_close(stage->migration);
    stage->migration = NULL;
}

/* Start this program again as a probe; stderr goes to <dir>/<instance>.log. arguments end with NULL. */
static inline pid_t stage_start(const struct stage *stage, const char *instance,
                                const char *const *arguments)
{
    char log[PROBE_PATH_BYTES];
    const char *argv[16] = {"/proc/self/exe", "--probe",    "--config",
                            stage->config,    "--instance", instance};
    int count = 6;
    while (arguments && *arguments && count < 15)
        argv[count++] = *arguments++;
    (void)snprintf(log, sizeof(log), "%s/%s.log", stage->dir, instance);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        (void)dup2(fd, STDERR_FILENO);
        (void)execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static inline int64_t stage_deadline(void)
{
    return clock_mono_ms(&CLOCK_SYSTEM) + FIXTURE_WAIT_MS;
}

static inline void stage_pause(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

/* The exit code; a process that does not end is killed and fails the test. */
static inline int stage_wait(const struct stage *stage, pid_t pid)
{
    int64_t until_ms = stage_deadline();
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_mono_ms(&CLOCK_SYSTEM) > until_ms) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            fail_msg("a process of %s did not end", stage->dir);
        }
        stage_pause();
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline int stage_stop(const struct stage *stage, pid_t pid)
{
    (void)kill(pid, SIGTERM);
    return stage_wait(stage, pid);
}

/* A whole file; free(3). */
static inline char *stage_read(const struct stage *stage, const char *name)
{
    char path[PROBE_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", stage->dir, name);
    struct buf text;
    buf_init(&text, 0);
    buf_puts(&text, "");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char part[4096];
    ssize_t got;
    while (fd >= 0 && (got = read(fd, part, sizeof(part))) > 0)
        buf_put(&text, part, (size_t)got);
    if (fd >= 0)
        (void)close(fd);
    return buf_take(&text);
}

static inline bool stage_says(const struct stage *stage, const char *name, const char *words)
{
    char *text = stage_read(stage, name);
    bool found = strstr(text, words) != NULL;
    free(text);
    return found;
}

static inline void stage_wait_says(const struct stage *stage, const char *name, const char *words)
{
    int64_t until_ms = stage_deadline();
    while (!stage_says(stage, name, words)) {
        if (clock_mono_ms(&CLOCK_SYSTEM) > until_ms) {
            char *text = stage_read(stage, name);
            size_t len = strlen(text);
            print_error("%s\n", len > 3000 ? text + len - 3000 : text);
            free(text);
            fail_msg("%s does not say \"%s\"", name, words);
        }
        stage_pause();
    }
}

#endif
