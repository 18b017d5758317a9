/*
 * process — what the processes of the stream have in common before their loop begins: arguments, configuration, --check, health listener,
 * and the wait for the migration. Private to common/stream.
 */
#ifndef TANDEM_STREAM_PROCESS_H
#define TANDEM_STREAM_PROCESS_H

#include "base/conf.h"
#include "model/migration.h"
#include "stream/control.h"

struct process {
    char name[64]; /* "tandem-poll" */
    const char *summary;
    bool has_source; /* takes --source */
    const char *config, *source, *instance, *listen;
    bool check, dump;
    struct migration *migration;
    struct conf_report report;
};

enum { PROCESS_GO_ON = -1 };

/*
 * Read the arguments and the configuration (its mistakes are in process->report; migration may be NULL then). Returns PROCESS_GO_ON, or the exit
 * code to end with: help was asked for, or the arguments are wrong (said on stderr).
 */
int process_open(struct process *process, const char *name, const char *summary, bool has_source,
                 int argc, char **argv);
void process_close(struct process *process);

/*
 * After the process's own options were read into process->report: print mistakes. Returns PROCESS_GO_ON; or the exit code: EX_CONFIG with
 * mistakes, 0 after --check or --dump without any. own: the group of the process's own options, whose defaults --dump prints; may be NULL.
 */
int process_checked(struct process *process, const config_setting_t *own);

/* Logging, signals and health listener; -1 with ERR_FATAL. */
int process_start(struct process *process, struct err *err);

/*
 * Wait until the migration is prepared (need_go: and `tandem run --go` was said), Kafka being away included; says so in /readyz. Returns 0 when
 * it is, or when a stop was asked for (look at service_stopping); -1 with ERR_FATAL.
 */
int process_wait_control(struct process *process, bool need_go, struct err *err);

/* Wait ms in the way of a main loop: heartbeats, ends at once when a stop is asked for. */
void process_wait_ms(int64_t ms);

/* SIGHUP: reads the log level again. A configuration with mistakes changes nothing and is said so. */
void process_reload(struct process *process);

/* Full jitter (AWS Architecture Blog, "Exponential Backoff and Jitter"): a random time of at most 30 s, growing with the attempts (from 1). */
int64_t process_backoff_ms(int attempt);

/* The last line of a process: logs err if it is one, and gives the exit code. */
int process_end(const struct err *err);

#endif
