/*
 * topics_wanted — the topics a migration wants, each with the settings that matter; the comparison with the cluster and what
 * mends a difference both start here. Private to common/stream.
 */
#ifndef TANDEM_STREAM_TOPICS_WANTED_H
#define TANDEM_STREAM_TOPICS_WANTED_H

#include <librdkafka/rdkafka.h>

#include "stream/topics.h"

enum { TOPIC_SETTINGS_MAX = 8 };

struct topic_setting {
    const char *name;
    char want[24];
    bool at_least; /* a number: more (or −1, for ever) is fine too */
};

struct topic_wanted {
    char name[TOPIC_NAME_BYTES];
    enum topic_kind kind;
    int partitions, replication;
    struct topic_setting settings[TOPIC_SETTINGS_MAX];
    int setting_count;
};

/* now_ms: wall clock; delete topics keep at least to 90 days behind the kill date. ret_list: owned, free(3). 0, or -1 out of memory. */
int topics_wanted(const struct migration *migration, int64_t now_ms, struct topic_wanted **ret_list,
                  int *ret_count);

/* Does the value the cluster has satisfy it? */
bool topic_setting_holds(const struct topic_setting *setting, const char *has);

/* An admin client with what its requests need. */
struct topics_admin {
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue;
};
int topics_admin_open(struct topics_admin *admin, const struct migration *migration,
                      struct err *err);
void topics_admin_close(struct topics_admin *admin);
/* The answer to the request just sent (owned: rd_kafka_event_destroy), or NULL with ERR_RETRY / ERR_FATAL. */
rd_kafka_event_t *topics_admin_wait(struct topics_admin *admin, const char *what, struct err *err);
/* DescribeConfigs of one topic that exists. The result's entries are borrowed from *ret_event (owned). */
int topics_admin_describe(struct topics_admin *admin, const char *topic,
                          rd_kafka_event_t **ret_event, const rd_kafka_ConfigEntry_t ***ret_entries,
                          size_t *ret_count, struct err *err);

#endif
