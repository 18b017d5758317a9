/*
 * sandbox-crm — a Salesforce-, HubSpot-, Zendesk- or Stripe-shaped server for tests and
 * the quickstart. README.md beside this file is its manual.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/sandbox/flow.h"
#include "tests/sandbox/hs_pipelines.h"
#include "tests/sandbox/ledger.h"
#include "tests/sandbox/seed.h"
#include "tests/sandbox/server.h"
#include "tests/sandbox/team.h"

struct options {
    char address[64];
    uint16_t port;
    const char *db, *cert, *key, *client_key;
    struct seed_order seed;
};

static int usage(void)
{
    (void)fputs(
        "usage: sandbox-crm salesforce|hubspot|zendesk|stripe --listen 127.0.0.1:PORT --db FILE\n"
        "                   [--tls CERT KEY] [--seed N] [--seed-number S] [--seed-offset O]\n"
        "                   [--seed-drift PERCENT] [--client-key FILE]\n"
        "                   [--<setting> VALUE]...\nsettings:",
        stderr);
    for (int i = 0; i < SETTING_COUNT; i++)
        (void)fprintf(stderr, " %s", settings_name((enum setting)i));
    (void)fputc('\n', stderr);
    return EX_USAGE;
}

static bool parse_int(const char *text, int64_t *ret_value)
{
    char *end;
    *ret_value = strtoll(text, &end, 10);
    return *text && !*end;
}

static bool parse_listen(struct options *options, const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !parse_int(colon + 1, &port) || port < 0 || port > 65535)
        return false;
    (void)snprintf(options->address, sizeof options->address, "%.*s", (int)(colon - text), text);
    options->port = (uint16_t)port;
    return true;
}

/* One option with its value(s); how many arguments it took, 0: wrong. */
static int parse_option(struct options *options, struct sandbox *sandbox, char **args, int left)
{
    const char *name = args[0];
    if (left < 2 || strncmp(name, "--", 2) != 0)
        return 0;
    if (strcmp(name, "--tls") == 0 && left >= 3) {
        options->cert = args[1];
        options->key = args[2];
        return 3;
    }
    if (strcmp(name, "--listen") == 0)
        return parse_listen(options, args[1]) ? 2 : 0;
    if (strcmp(name, "--db") == 0) {
        options->db = args[1];
        return 2;
    }
    if (strcmp(name, "--client-key") == 0) {
        options->client_key = args[1];
        return 2;
    }
    int64_t value;
    if (!parse_int(args[1], &value))
        return 0;
    if (strcmp(name, "--seed") == 0)
        options->seed.count = value;
    else if (strcmp(name, "--seed-number") == 0)
        options->seed.seed = value;
    else if (strcmp(name, "--seed-offset") == 0)
        options->seed.offset = value;
    else if (strcmp(name, "--seed-drift") == 0)
        options->seed.drift_percent = value;
    else {
        int which = settings_find(name + 2);
        if (which < 0 || !settings_set(&sandbox->settings, (enum setting)which, value))
            return 0;
    }
    return 2;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, 65536);
    if (!file || !text || fread(text, 1, 65535, file) == 0) {
        (void)fprintf(stderr, "sandbox-crm: cannot read %s\n", path);
        free(text);
        text = NULL;
    }
    if (file)
        (void)fclose(file);
    return text;
}

static void execute_late(void *self, struct request *request)
{
    struct reply reply;
    reply_init(&reply);
    flow_execute(self, request, &reply, fault_kind_name(FAULT_EXECUTE_LATE), false);
    reply_clear(&reply);
}

static int serve(struct sandbox *sandbox, const struct options *options, const char *cert,
                 const char *key)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigprocmask(SIG_BLOCK, &wanted, NULL); /* all threads inherit it: sigwait gets the signal */
    (void)signal(SIGPIPE, SIG_IGN);
    if (late_start(&sandbox->late, execute_late, sandbox))
        return EX_OSERR;
    struct server *server = server_start(sandbox, options->address, options->port, cert, key);
    if (server) {
        (void)printf("listening on %s://%s:%u\n", cert ? "https" : "http", options->address,
                     server_port(server));
        (void)fflush(stdout);
        int signal_number;
        sigwait(&wanted, &signal_number);
    }
    server_stop(server);
    late_stop(&sandbox->late);
    return server ? 0 : EX_UNAVAILABLE;
}

static int run(struct sandbox *sandbox, const struct options *options)
{
    if (store_open(&sandbox->store, options->db, sandbox->crm, &sandbox->settings))
        return EX_CANTCREAT;
    sandbox->request_id = ledger_last_request(&sandbox->store);
    store_begin(&sandbox->store);
    if (sandbox->crm == CRM_SALESFORCE || sandbox->crm == CRM_HUBSPOT)
        team_open(&sandbox->store);
    if (sandbox->crm == CRM_HUBSPOT)
        hs_pipelines_open(&sandbox->store);
    store_end(&sandbox->store, false);
    struct seed_order seed = options->seed;
    seed.object = sandbox->crm == CRM_SALESFORCE ? "Contact" : "contacts";
    if (seed.count > 0)
        seed_if_empty(&sandbox->store, &seed);
    char *cert = options->cert ? read_file(options->cert) : NULL;
    char *key = options->key ? read_file(options->key) : NULL;
    char *client_key = options->client_key ? read_file(options->client_key) : NULL;
    sandbox->store.client_key = client_key;
    bool all = (!options->cert || (cert && key)) && (!options->client_key || client_key);
    int code = all ? serve(sandbox, options, cert, key) : EX_NOINPUT;
    free(cert);
    free(key);
    free(client_key);
    locators_clear(&sandbox->locators);
    hs_pipelines_close(&sandbox->store);
    store_close(&sandbox->store);
    return code;
}

static bool find_crm(const char *name, enum crm *ret_crm)
{
    for (int i = 0; i < CRM_COUNT; i++) {
        if (strcmp(name, CRM_NAMES[i]) == 0) {
            *ret_crm = (enum crm)i;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct options options = {.seed.seed = 1};
    /* pages of records come and go: keep their memory instead of asking the kernel for it each time */
    (void)mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
    struct sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (!sandbox || argc < 2 || !find_crm(argv[1], &sandbox->crm)) {
        free(sandbox);
        return usage();
    }
    settings_init(&sandbox->settings, sandbox->crm);
    int code = 0;
    for (int i = 2, took; i < argc && !code; i += took) {
        took = parse_option(&options, sandbox, argv + i, argc - i);
        if (!took) {
            (void)fprintf(stderr, "sandbox-crm: cannot read option %s\n", argv[i]);
            code = usage();
        }
    }
    if (!code && (!options.db || !options.address[0]))
        code = usage();
    faults_init(&sandbox->faults);
    holds_init(&sandbox->holds);
    if (!code)
        code = run(sandbox, &options);
    holds_clear(&sandbox->holds);
    faults_clear(&sandbox->faults);
    free(sandbox);
    return code;
}
