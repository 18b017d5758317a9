/*
 * migration_kafka — the groups kafka, redis and apply.
 */
#include <string.h>

#include "model/migration_internal.h"

enum { PARTITIONS_MAX = 1000, REPLICATION_MAX = 16 };

static const char PASSWORD[] = "sasl.password=";

struct kafka_group {
    config_setting_t *properties;
    struct kafka_settings settings;
};

static const struct conf_option KAFKA[] = {
    {.name = "properties",
     .type = CONF_GROUP,
     .offset = offsetof(struct kafka_group, properties),
     .required = true,
     .help = "properties = [\"bootstrap.servers=host:9092\"];"},
    {.name = "password_file",
     .type = CONF_SECRET,
     .offset = offsetof(struct kafka_group, settings.password_file),
     .help = "a file with mode 600: sasl.password"},
    {.name = "partitions",
     .type = CONF_INT,
     .offset = offsetof(struct kafka_group, settings.partitions),
     .default_int = 4,
     .min = 1,
     .max = PARTITIONS_MAX,
     .help = "of each topic of records; fixed for the whole migration"},
    {.name = "replication",
     .type = CONF_INT,
     .offset = offsetof(struct kafka_group, settings.replication),
     .default_int = 3,
     .min = 1,
     .max = REPLICATION_MAX,
     .help = "copies of each topic; 1 only where there is one broker"},
    {.name = "record_max_bytes",
     .type = CONF_INT,
     .offset = offsetof(struct kafka_group, settings.record_max_bytes),
     .default_int = 1000000,
     .min = 10000,
     .max = 10000000,
     .help = "of one change event; dlq, state and review allow four times that"},
    {0},
};

static const struct conf_option REDIS[] = {
    {.name = "address",
     .type = CONF_STRING,
     .offset = offsetof(struct redis_settings, address),
     .required = true,
     .help = "host:port, or the path of a socket"},
    {.name = "user",
     .type = CONF_STRING,
     .offset = offsetof(struct redis_settings, user),
     .help = "of Redis' ACL"},
    {.name = "password_file",
     .type = CONF_SECRET,
     .offset = offsetof(struct redis_settings, password_file),
     .help = "a file with mode 600"},
    {0},
};

static const struct conf_option APPLY[] = {
    {.name = "instances",
     .type = CONF_INT,
     .offset = offsetof(struct apply_settings, instances),
     .default_int = 1,
     .min = 1,
     .max = 64,
     .help = "processes that share the partitions"},
    {.name = "batch_records",
     .type = CONF_INT,
     .offset = offsetof(struct apply_settings, batch_records),
     .default_int = 1000,
     .min = 1,
     .max = 10000,
     .help = "records that are worked on at a time"},
    {.name = "retry_max",
     .type = CONF_INT,
     .offset = offsetof(struct apply_settings, retry_max),
     .default_int = 10,
     .min = 1,
     .max = 1000,
     .help = "attempts at a record that the target calls busy, before it is a dead letter"},
    {.name = "reference_retry_ms",
     .type = CONF_INT,
     .offset = offsetof(struct apply_settings, reference_retry_ms),
     .default_int = 600000,
     .min = 100,
     .max = 86400000,
     .help = "a reference that waits for so long is a question; a person is looked for again"},
    {.name = "session_timeout_ms",
     .type = CONF_INT,
     .offset = offsetof(struct apply_settings, session_timeout_ms),
     .default_int = 10000,
     .min = 1000,
     .max = 300000,
     .help = "after it a silent process loses its partitions; the broker has a least value"},
    {.name = "conditional",
     .type = CONF_BOOL,
     .offset = offsetof(struct apply_settings, conditional),
     .help = "use the connector's conditional write (tier T1)"},
    {0},
};

static void read_properties(struct migration *migration, config_setting_t *list,
                            struct conf_report *report)
{
    int length = config_setting_length(list);
    if (config_setting_type(list) == CONFIG_TYPE_GROUP) {
        conf_mistake(report, list, "properties = [\"name=value\"];",
                     "\"properties\" must be a list of \"name=value\"");
        return;
    }
    migration->kafka.properties = arena_new(&migration->arena, const char *, length + 1);
    for (int i = 0; i < length; i++) {
        const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);
        const char *text = config_setting_get_string(at);
        if (!text || !strchr(text, '=') || text[0] == '=')
            conf_mistake(report, at, "write \"name=value\"", "\"%s\" is no Kafka property",
                         text ? text : "");
        else if (strncmp(text, PASSWORD, strlen(PASSWORD)) == 0)
            conf_mistake(report, at, "password_file = \"secrets/kafka\"; beside the properties",
                         "a secret stands in the configuration: sasl.password");
        else
            migration->kafka.properties[migration->kafka.property_count++] = text;
    }
}

void migration_read_kafka(struct migration *migration, const struct migration_groups *groups,
                          struct conf_report *report)
{
    struct kafka_group kafka = {0};
    if (groups->kafka)
        (void)conf_read_group(groups->kafka, KAFKA, NULL, &kafka, report);
    migration->kafka = kafka.settings;
    if (kafka.properties)
        read_properties(migration, kafka.properties, report);
    if (groups->redis)
        (void)conf_read_group(groups->redis, REDIS, NULL, &migration->redis, report);
    (void)conf_read_group(groups->apply, APPLY, NULL, &migration->apply, report);
}
