/*
 * process — see process.h.
 */
#include "stream/process.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/service.h"

enum {
    WAIT_SLICE_MS = 50,
    CONTROL_EVERY_MS = 500,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 30 * 1000,
    INSTANCE_MAX_BYTES = 64
};

static void usage(FILE *out, const struct process *process)
{
    (void)fprintf(
        out,
        "%s: %s\n\n"
        "usage: %s --config FILE %s[--instance ID] [--listen ADDR] [--check | --dump]\n\n"
        "  --config FILE    the migration's configuration\n"
        "%s"
        "  --instance ID    tells several processes of a kind apart; default 1\n"
        "  --listen ADDR    address of /livez, /readyz and /metrics, such as 127.0.0.1:9101 (port "
        "0: any free one);\n"
        "                   default: health_listen of the configuration\n"
        "  --check          say what is wrong with the configuration, and end\n"
        "  --dump           print the options of this process that the configuration leaves out, "
        "and end\n"
        "  --help, --version\n\n"
        "Ends with 0 after SIGTERM; 64 wrong arguments, 69 no listener, 75 start me again, 77 a "
        "right is missing,\n"
        "78 the configuration is wrong, 4 another process has this instance id (see sysexits(3)).\n"
        "SIGHUP reads the log level again. Usually `tandem run` starts this process.\n",
        process->name, process->summary, process->name,
        process->has_source ? "[--source NAME] " : "",
        process->has_source ? "  --source NAME    which of the configuration's sources; needed "
                              "when several have this type\n"
                            : "");
}

static int wrong(const struct process *process, const char *text)
{
    (void)fprintf(stderr, "%s: %s\n", process->name, text);
    (void)fprintf(stderr, "try `%s --help`\n", process->name);
    return EX_USAGE;
}

/* It becomes part of client ids, group members and labels. */
static bool is_instance(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= INSTANCE_MAX_BYTES &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static int arguments(struct process *process, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"config", required_argument, NULL, 'c'},
                                            {"source", required_argument, NULL, 's'},
                                            {"instance", required_argument, NULL, 'i'},
                                            {"listen", required_argument, NULL, 'l'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"dump", no_argument, NULL, 'd'},
                                            {"version", no_argument, NULL, 'v'},
                                            {0}};
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:s:i:l:h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'c':
            process->config = optarg;
            break;
        case 's':
            process->source = optarg;
            break;
        case 'i':
            process->instance = optarg;
            break;
        case 'l':
            process->listen = optarg;
            break;
        case 'k':
            process->check = true;
            break;
        case 'd':
            process->dump = process->report.keep_defaults = true;
            break;
        case 'h':
            usage(stdout, process);
            return EX_OK;
        case 'v':
            (void)printf("%s %s\n", process->name, TANDEM_VERSION);
            return EX_OK;
        default:
            return wrong(process, "unknown option, or one without its value");
        }
    }
    if (optind < argc || (process->source && !process->has_source))
        return wrong(process, "an argument that it does not take");
    if (!process->config)
        return wrong(process, "--config is needed");
    if (!process->instance || !is_instance(process->instance))
        return wrong(process, "--instance takes 1 to 64 letters, digits, '.', '_' or '-'");
    return PROCESS_GO_ON;
}

int process_open(struct process *process, const char *name, const char *summary, bool has_source,
                 int argc, char **argv)
{
    *process = (struct process){.summary = summary, .has_source = has_source, .instance = "1"};
    (void)snprintf(process->name, sizeof(process->name), "tandem-%s", name);
    conf_report_init(&process->report);
    int code = arguments(process, argc, argv);
    if (code != PROCESS_GO_ON)
        return code;
    process->migration = migration_open(process->config, &process->report);
    return PROCESS_GO_ON;
}

void process_close(struct process *process)
{
    migration_close(process->migration);
    process->migration = NULL;
    conf_report_clear(&process->report);
}

int process_checked(struct process *process, const config_setting_t *own)
{
    struct buf text;
    if (process->migration && process->report.count == 0) {
        if (!process->check && !process->dump)
            return PROCESS_GO_ON;
        buf_init(&text, 0);
        if (process->dump && own)
            conf_put_defaults(&text, own);
        (void)fputs(text.data ? text.data : "", stdout);
        buf_clear(&text);
        if (!process->check)
            return EX_OK;
        (void)printf("%s: %s is fine\n", process->name, process->config);
        return EX_OK;
    }
    buf_init(&text, 0);
    conf_report_print(&process->report, &text);
    (void)fputs(text.data ? text.data : "", stderr);
    buf_clear(&text);
    return EX_CONFIG;
}

int process_start(struct process *process, struct err *err)
{
    const struct migration *migration = process->migration;
    int level = log_level_parse(migration->log_level);
    log_init(process->name, process->instance, level < 0 ? LOG_INFO_ : (enum log_level)level);
    return service_start(process->name,
                         process->listen ? process->listen : migration->health_listen, err);
}

void process_wait_ms(int64_t ms)
{
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + ms;
    for (;;) {
        int64_t left_ms = until_ms - clock_mono_ms(&CLOCK_SYSTEM);
        service_heartbeat();
        if (left_ms <= 0 || service_stopping())
            return;
        int64_t slice_ms = left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS;
        (void)nanosleep(&(struct timespec){.tv_nsec = slice_ms * 1000000}, NULL);
    }
}

int64_t process_backoff_ms(int attempt)
{
    int64_t most_ms = BACKOFF_FIRST_MS;
    while (attempt-- > 1 && most_ms < BACKOFF_MAX_MS)
        most_ms *= 2;
    if (most_ms > BACKOFF_MAX_MS)
        most_ms = BACKOFF_MAX_MS;
    return 1 + (int64_t)arc4random_uniform((uint32_t)most_ms);
}

int process_wait_control(struct process *process, bool need_go, struct err *err)
{
    char said[ERR_TEXT_BYTES] = "";
    for (int attempt = 1; !service_stopping();) {
        struct control control = {.exists = false};
        struct err now = ERR_INIT;
        const char *why = "waiting for `tandem run` to prepare the migration";
        int64_t wait_ms = CONTROL_EVERY_MS;
        if (control_read(process->migration, &control, &now) < 0) {
            if (now.kind != ERR_RETRY) {
                *err = now;
                return -1;
            }
            why = now.text;
            wait_ms = process_backoff_ms(attempt++);
        } else if (control.exists && (control.go || !need_go)) {
            return 0;
        } else if (control.exists) {
            why = "waiting for `tandem run --go`";
        }
        service_set_ready(false, why);
        if (strcmp(said, why) != 0)
            log_info("not started yet", log_str("why", why));
        (void)snprintf(said, sizeof(said), "%s", why);
        process_wait_ms(wait_ms);
    }
    return 0;
}

void process_reload(struct process *process)
{
    struct conf_report report;
    conf_report_init(&report);
    struct migration *migration = migration_open(process->config, &report);
    if (!migration) {
        const struct conf_mistake *first = report.mistakes;
        log_error("reload refused: the configuration has mistakes", log_int("count", report.count),
                  log_str("first", report.count ? first->text : ""),
                  log_str("file", report.count ? first->file : ""),
                  log_int("line", report.count ? first->line : 0));
    } else {
        int level = log_level_parse(migration->log_level);
        log_set_level(level < 0 ? LOG_INFO_ : (enum log_level)level);
        log_info("reloaded", log_str("log_level", migration->log_level));
    }
    migration_close(migration);
    conf_report_clear(&report);
}

int process_end(const struct err *err)
{
    if (err->kind != ERR_NONE)
        log_error("ends", log_str("kind", err_kind_name(err->kind)), log_str("error", err->text),
                  log_int("exit_code", service_exit_code(err)));
    service_stop();
    return service_exit_code(err);
}
