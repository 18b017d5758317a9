/*
 * services — real Kafka and real Redis for a component test, from the scripts
 * in deploy/. One call starts them, one stops them; if the test dies, a guard
 * process stops them and removes their directory. They leave fsync to the
 * kernel (libeatmydata): tests kill processes, not machines, and a slow disk
 * would be a broker that hangs.
 */
#ifndef TANDEM_TESTS_SERVICES_H
#define TANDEM_TESTS_SERVICES_H

#include <stdbool.h>

enum { SERVICE_KAFKA = 1, SERVICE_REDIS = 2 };

struct services {
    char dir[64];             /* everything is below it; removed at the end */
    char kafka_bootstrap[32]; /* "127.0.0.1:port", "" when not started */
    char redis_address[32];
    int redis_port;
    int guard_fd, guard_pid; /* private */
};

/* which: SERVICE_KAFKA | SERVICE_REDIS. Takes some seconds. 0, or -1 with the reason on stderr. */
int services_start(struct services *services, int which);
void services_stop(struct services *services);

/* Of the broker, e.g. to stop it for a while (SIGSTOP, SIGCONT); -1. */
int services_kafka_pid(const struct services *services);

/* Create a topic; 0 or -1. */
int services_create_topic(const struct services *services, const char *topic, int partitions);

#endif
