/*
 * crm_fixture — a sandbox CRM for one test, its admin API, and a rest opened
 * on it with the shipped connector file.
 */
#ifndef TANDEM_TESTS_CRM_FIXTURE_H
#define TANDEM_TESTS_CRM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "remote/http_client.h"
#include "remote/rest.h"

struct crm {
    const char *ca_file; /* set before crm_start; NULL: none */
    pid_t pid;
    char url[64];
    struct http_client *client;
    struct http_exchange exchange;
    struct json_tape tape;
};

/* args: further arguments, NULL-terminated. */
static inline void crm_start(struct crm *crm, const char *shape, const char *const *args)
{
    const char *argv[32] = {"sandbox-crm", shape, "--listen", "127.0.0.1:0", "--db", ":memory:"};
    int count = 6, out[2];
    for (; args && *args && count < 31; args++)
        argv[count++] = *args;
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/sandbox-crm", getenv("BUILD_DIR"));
    assert_int_equal(pipe(out), 0);
    crm->pid = fork();
    if (crm->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(out[1], STDOUT_FILENO);
        (void)close(out[0]);
        (void)execv(path, (char *const *)argv);
        _exit(127);
    }
    (void)close(out[1]);
    FILE *lines = fdopen(out[0], "r");
    assert_non_null(lines);
    if (fscanf(lines, "listening on %63s", crm->url) != 1)
        fail_msg("%s did not start", path);
    (void)fclose(lines);
    struct err err = ERR_INIT;
    crm->client = http_client_open(
        &(struct http_client_options){.connections_max = 1, .ca_file = crm->ca_file}, &err);
    assert_non_null(crm->client);
    http_exchange_init(&crm->exchange);
    json_tape_init(&crm->tape);
}

static inline void crm_stop(struct crm *crm)
{
    http_exchange_clear(&crm->exchange);
    http_client_close(crm->client);
    json_tape_clear(&crm->tape);
    int status;
    (void)kill(crm->pid, SIGTERM);
    assert_int_equal(waitpid(crm->pid, &status, 0), crm->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* body NULL: GET. The answer is in crm->tape. */
static inline void crm_admin(struct crm *crm, const char *path, const char *body)
{
    char url[256];
    struct err err = ERR_INIT;
    (void)snprintf(url, sizeof(url), "%s/admin/%s", crm->url, path);
    http_exchange_reset(&crm->exchange);
    crm->exchange.method = body ? "POST" : "GET";
    crm->exchange.url = url;
    crm->exchange.body = span_of(body);
    assert_int_equal(http_submit(crm->client, &crm->exchange, &err), 0);
    assert_non_null(http_wait(crm->client, 30000));
    if (crm->exchange.status != 200)
        fail_msg("%s: %d %s", path, crm->exchange.status, buf_span(&crm->exchange.answer).data);
    assert_int_equal(json_parse(&crm->tape, buf_span(&crm->exchange.answer), &err), 0);
}

static inline int64_t crm_stat(struct crm *crm, const char *name)
{
    int64_t value = -1;
    crm_admin(crm, "stats", NULL);
    assert_true(json_int_at(&crm->tape, 0, name, &value));
    return value;
}

/* How often a fault or any other admin call is wanted, as one text. */
#define crm_fault(crm, ...) crm_admin((crm), "faults", "{" __VA_ARGS__ "}")

/* A system as a migration would describe it. */
struct fixture {
    struct crm *crm;
    config_t config;
    struct conf_report report;
    struct migration migration;
    struct entity entity;
    struct system_settings settings;
    char dir[64], token_file[96], secret_file[96], refresh_file[96];
    struct rest *rest;
};

static inline void write_secret(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(file), 0);
}

static inline void fixture_limit(struct fixture *fixture, const char *name, int value)
{
    config_setting_t *root = config_root_setting(&fixture->config);
    config_setting_t *limits = config_setting_get_member(root, "limits");
    if (!limits)
        limits = config_setting_add(root, "limits", CONFIG_TYPE_GROUP);
    config_setting_t *limit = config_setting_add(limits, name, CONFIG_TYPE_INT);
    assert_int_equal(config_setting_set_int(limit, value), CONFIG_TRUE);
}

/* With a bearer token; change settings before fixture_open. connector: "salesforce" or "hubspot". */
static inline void fixture_init(struct fixture *fixture, const char *url, const char *connector)
{
    memset(fixture, 0, sizeof(*fixture));
    char path[512];
    const char *source = getenv("SOURCE_DIR");
    (void)snprintf(path, sizeof(path), "%s/deploy/connectors/%s.cfg", source ? source : ".",
                   connector);
    config_init(&fixture->config);
    conf_report_init(&fixture->report);
    assert_int_equal(conf_read_file(&fixture->config, path, &fixture->report), 0);
    (void)snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/tandem-rest-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    (void)snprintf(fixture->token_file, sizeof(fixture->token_file), "%s/token", fixture->dir);
    (void)snprintf(fixture->secret_file, sizeof(fixture->secret_file), "%s/secret", fixture->dir);
    (void)snprintf(fixture->refresh_file, sizeof(fixture->refresh_file), "%s/refresh",
                   fixture->dir);
    write_secret(fixture->token_file, "sandbox-token\n");
    write_secret(fixture->secret_file, "sandbox-secret\n");
    write_secret(fixture->refresh_file, "sandbox-refresh\n");
    fixture->settings =
        (struct system_settings){.name = connector,
                                 .url = url,
                                 .token_file = fixture->token_file,
                                 .connector = config_lookup(&fixture->config, "connector")};
    fixture->entity =
        (struct entity){.name = "contact", .old_object = "Contact", .new_object = "contacts"};
    fixture->migration.ns = "t";
    fixture->migration.entities = &fixture->entity;
    fixture->migration.entity_count = 1;
    if (strcmp(connector, "salesforce") == 0)
        fixture->migration.old_system = &fixture->settings;
    else
        fixture->migration.new_system = &fixture->settings;
}

static inline void fixture_open(struct fixture *fixture)
{
    struct err err = ERR_INIT;
    fixture->rest = rest_open(&fixture->migration, &fixture->settings, &CLOCK_SYSTEM, &err);
    if (!fixture->rest)
        fail_msg("%s", err.text);
}

static inline void fixture_close(struct fixture *fixture)
{
    rest_close(fixture->rest);
    conf_report_clear(&fixture->report);
    config_destroy(&fixture->config);
    static const char *const NAMES[] = {"token", "secret", "refresh", "refresh.lock"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, NAMES[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(fixture->dir), 0); /* nothing else was left behind */
}

/* Start and finish; prints why when it is not what was wanted. */
static inline int64_t run_op(struct fixture *fixture, struct rest_op *op, enum rest_outcome want)
{
    struct err err = ERR_INIT;
    int64_t retry_after_ms = 0;
    assert_int_equal(rest_start(fixture->rest, op, &err), 0);
    enum rest_outcome outcome = rest_finish(fixture->rest, op, &retry_after_ms, &err);
    if (outcome != want)
        fail_msg("outcome %d, not %d: %s", (int)outcome, (int)want, err.text);
    assert_int_equal(outcome == REST_DONE, err.text[0] == '\0');
    return retry_after_ms;
}

#endif
