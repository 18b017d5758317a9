/*
 * producer — see producer.h. The loop: poll the source, wait with growing patience while the world is ill, end on a stop.
 */
#include "stream/producer.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/service.h"
#include "stream/process.h"

enum { POLL_TIMEOUT_MS = 1000, LAST_SETTLE_MS = 5000 };

/* One run of one source type. */
struct producer {
    const struct source_type *type;
    struct process process;
    const struct source_settings *settings;
    void *options; /* an instance filled from the configuration, copied for each opening */
    void *self;
    struct source_context context;
    struct metric *failures;
};

static const struct source_settings *find_source(struct producer *producer)
{
    struct process *process = &producer->process;
    const struct source_settings *found = NULL;
    int of_type = 0;
    for (int i = 0; i < process->migration->source_count; i++) {
        const struct source_settings *source = &process->migration->sources[i];
        bool named = process->source && strcmp(source->name, process->source) == 0;
        if (strcmp(source->type, producer->type->name) == 0) {
            of_type++;
            if (named || !process->source)
                found = source;
        } else if (named) {
            conf_mistake(&process->report, source->group, NULL, "source \"%s\" is not of type %s",
                         source->name, producer->type->name);
            return NULL;
        }
    }
    if (!found)
        conf_mistake(&process->report, NULL, NULL, "%s: there is no source \"%s\" of type %s",
                     process->config, process->source ? process->source : "", producer->type->name);
    else if (!process->source && of_type > 1)
        conf_mistake(&process->report, NULL, NULL, "%s: %d sources have type %s; say --source NAME",
                     process->config, of_type, producer->type->name);
    return found;
}

static void read_group(struct producer *producer, const config_setting_t *group)
{
    static const char *const KNOWN[] = {"name", "type", "system", NULL};
    (void)conf_read_group(group, producer->type->options, KNOWN, producer->options,
                          &producer->process.report);
}

/* The migration has mistakes, and all of them are to be told at once: those of our own group too. */
static void read_mistaken(struct producer *producer)
{
    struct process *process = &producer->process;
    struct conf_report told; /* by migration_open */
    config_t config;
    config_init(&config);
    conf_report_init(&told);
    bool readable = conf_read_file(&config, process->config, &told) == 0;
    const config_setting_t *sources = readable ? config_lookup(&config, "sources") : NULL;
    int count = sources && config_setting_is_list(sources) ? config_setting_length(sources) : 0;
    for (int i = 0; i < count; i++) {
        const config_setting_t *group = config_setting_get_elem(sources, (unsigned)i);
        const char *name, *type;
        if (config_setting_is_group(group) && config_setting_lookup_string(group, "name", &name) &&
            config_setting_lookup_string(group, "type", &type) &&
            strcmp(type, producer->type->name) == 0 &&
            (!process->source || strcmp(name, process->source) == 0))
            read_group(producer, group);
    }
    conf_report_clear(&told);
    config_destroy(&config);
    memset(producer->options, 0, producer->type->size); /* its texts went with config */
}

static void read_options(struct producer *producer)
{
    if (!producer->process.migration) {
        read_mistaken(producer);
        return;
    }
    producer->settings = find_source(producer);
    if (producer->settings)
        read_group(producer, producer->settings->group);
}

static void close_source(struct producer *producer)
{
    if (producer->self)
        producer->type->close(producer->self);
    free(producer->self);
    producer->self = NULL;
}

static int open_source(struct producer *producer, struct err *err)
{
    producer->self = malloc(producer->type->size);
    if (!producer->self)
        return err_set(err, ERR_RETRY, "out of memory");
    memcpy(producer->self, producer->options, producer->type->size);
    if (producer->type->open(producer->self, &producer->context, err) == 0)
        return 0;
    close_source(producer);
    return -1;
}

/* One round; an attempt counts how often in a row the world was ill. -1: it is over. */
static int round_of(struct producer *producer, int *attempt, struct err *err)
{
    struct err now = ERR_INIT;
    int result = 0;
    if (!producer->self)
        result = open_source(producer, &now);
    if (result == 0)
        result = producer->type->poll(producer->self, POLL_TIMEOUT_MS, &now);
    if (result == 0) {
        *attempt = 0;
        service_set_ready(true, NULL);
        return 0;
    }
    if (now.kind != ERR_RETRY) {
        *err = now;
        return -1;
    }
    if (service_stopping())
        return 0;
    int64_t wait_ms = process_backoff_ms(++*attempt);
    metric_add(producer->failures, 1);
    service_set_ready(false, now.text);
    log_warn("waiting", log_str("why", now.text), log_int("attempt", *attempt),
             log_int("wait_ms", wait_ms));
    process_wait_ms(wait_ms);
    return 0;
}

static int work(struct producer *producer, struct err *err)
{
    struct process *process = &producer->process;
    int attempt = 0, result = 0;
    if (process_start(process, err) < 0 ||
        (!producer->type->starts_away && process_wait_control(process, false, err) < 0))
        return -1;
    if (service_stopping())
        return 0;
    struct sink *sink = sink_open(process->migration, producer->type->name, process->instance,
                                  producer->type->linger_ms, err);
    if (!sink)
        return -1;
    producer->context = (struct source_context){.migration = process->migration,
                                                .settings = producer->settings,
                                                .clock = &CLOCK_SYSTEM,
                                                .sink = sink,
                                                .instance = process->instance};
    producer->failures = metric_counter("tandem_source_failures_total",
                                        "Rounds of the source that have to be tried again.", NULL);
    log_info("started", log_str("source", producer->settings->name));
    while (result == 0 && !service_stopping()) {
        service_heartbeat();
        if (service_take_reload())
            process_reload(process);
        result = round_of(producer, &attempt, err);
    }
    service_set_ready(false, "stopping");
    close_source(producer);
    /* What was put is done with anyway; reports taken now spare duplicates at the next start. */
    if (result == 0)
        (void)sink_settle(sink, LAST_SETTLE_MS, NULL);
    sink_close(sink);
    return result;
}

int producer_run(const struct source_type *type, int argc, char **argv)
{
    struct producer producer = {.type = type, .options = calloc(1, type->size)};
    struct err err = ERR_INIT;
    if (!producer.options)
        return EX_TEMPFAIL;
    int code = process_open(&producer.process, type->name, type->summary, true, argc, argv);
    if (code == PROCESS_GO_ON) {
        read_options(&producer);
        code =
            process_checked(&producer.process, producer.settings ? producer.settings->group : NULL);
    }
    if (code == PROCESS_GO_ON) {
        (void)work(&producer, &err);
        code = process_end(&err);
    }
    process_close(&producer.process);
    free(producer.options);
    return code;
}
