/*
 * migration — the one configuration file, read and checked: systems with
 * their connectors, entities with their mapping, sources, Kafka, Redis, the
 * kill date. Everything a process does comes from here.
 *
 *   migration = "acme";                       // <ns>: [a-z][a-z0-9-]{0,30}; no dots
 *   time_zone = "America/New_York";           // IANA, required
 *   kill_date = "2027-03-01";                 // midnight in time_zone, required
 *   old = "salesforce";  new = "hubspot";     // names of systems
 *   kafka = { properties = ["bootstrap.servers=127.0.0.1:9092"]; partitions = 4; replication = 3;
 *             password_file = "secrets/kafka"; };   // of sasl.username, with security.protocol=SASL_SSL among the properties
 *   redis = { address = "127.0.0.1:6379"; user = "…"; password_file = "secrets/redis"; };
 *   systems = {
 *     salesforce = {
 *       @include "connectors/salesforce.cfg"  // connector = { … }: see remote/connector.h
 *       url = "https://acme.my.salesforce.com";
 *       account = "acme";                     // whose rate limit it is
 *       client_id = "…"; client_secret_file = "secrets/sf";   // or token_file, refresh_token_file,
 *                                 // username and password_file; client_id, username and private_key_file
 *     };
 *     hubspot = { … };
 *   };
 *   entities = ( { name = "contact";
 *     old = { object = "Contact"; };
 *     new = { object = "contacts"; external_id = "tandem_acme_salesforce_id"; marker = "tandem_acme_marker"; };
 *     fields = ( { name = "email"; type = "email"; old = "Email"; new = "email"; match = true; unique = true; pii = true; },
 *                { name = "source"; type = "enum"; old = "LeadSource"; new = "hs_lead_source";
 *                  values = ( { name = "web"; old = "Web"; new = "WEB"; } ); } );
 *     truth = ( { field = "*"; rule = "old"; }, { field = "*"; rule = "new"; from = "2027-02-01"; },
 *               { field = "email"; rule = "enforce"; } );   // old|new|newest|review|enforce; enforce: old, edits in new are written over
 *     deletes = "review";                     // review|archive|delete|keep: the twin of a deleted record
 *   } );
 *   clock_skew_ms = 5000;                     // "newest" decides only what is further apart
 *
 *   More of a field:
 *     volatile = true;                        // changes by itself: no change of the record
 *     type = "multi"; values = ( … );         // "a;b" in both systems, order without meaning; the table may be left out
 *     type = "currency"; code = "USD";        // or code_field = "currency": the field that holds the code
 *     type = "reference"; to = "company"; old = "AccountId"; association = "279";   // HubSpot's type; or "USER_DEFINED:36"
 *     type = "reference"; to = "owner"; by = "email"; old = "OwnerId"; new = "hubspot_owner_id";
 *     type = "enum"; role = "stage"; values = ( … );   // or "pipeline": its new names are looked up by `tandem check --connect`
 *     type = "string"; new = "name"; from = ["first_name", "last_name"]; jq = ".first_name + \" \" + .last_name";   // base/expression.h
 *
 *   sources = ( { name = "salesforce-poll"; type = "poll"; system = "salesforce"; interval_ms = 5000; … },
 *               { name = "hooks"; type = "webhook"; system = "salesforce"; endpoints = ( … ); },   // model/webhook.h
 *               { name = "forms"; type = "form"; system = "salesforce"; forms = ( … ); },          // model/form.h
 *               { name = "tap"; type = "singer"; system = "salesforce"; command = [ … ]; streams = ( … ); … } );   // model/singer.h
 *   apply = { instances = 1; batch_records = 1000; … };   // all of it: migration_kafka.c
 *   log_level = "info"; run_dir = "run";      // logs, pid and lock files of `tandem run`
 */
#ifndef TANDEM_MODEL_MIGRATION_H
#define TANDEM_MODEL_MIGRATION_H

#include "base/conf.h"
#include "base/expression.h"
#include "model/mapping.h"

struct kafka_settings {
    const char **properties; /* "name=value", checked for the '=' only */
    int property_count;
    const char *password_file; /* its content is sasl.password; NULL: none */
    int64_t partitions, replication;
    int64_t record_max_bytes; /* of a change event; dlq, state and review allow four times that */
};

struct redis_settings {
    const char *address;              /* "host:port" or "/path/to/socket" */
    const char *user, *password_file; /* NULL: none */
};

struct system_settings {
    const char *name, *url, *account;
    const char *client_id, *client_secret_file, *token_file, *refresh_token_file;
    const char *username, *password_file;    /* basic; the password may be an API token */
    const char *private_key_file, *audience; /* JWT bearer, with client_id and username */
    const char *ca_file;                     /* extra CA bundle, PEM; NULL: the system's */
    const config_setting_t *connector;       /* the connector group; read by remote/connector */
    enum value_id_form id_form;              /* of that group: how references are written */
};

struct source_settings {
    const char *name, *type; /* "poll", "webhook", "form", "singer" */
    const struct system_settings *system;
    const struct webhook_settings *webhook; /* model/webhook.h; NULL: another type */
    const struct form_settings *form;       /* model/form.h; NULL: another type */
    const struct singer_settings *singer;   /* model/singer.h; NULL: another type */
    const config_setting_t *group;          /* the producer's own option table reads the rest */
};

struct apply_settings {
    int64_t instances, batch_records, retry_max, session_timeout_ms;
    /* After so long a reference that still waits is a question, and a person is looked for again. */
    int64_t reference_retry_ms;
    bool conditional; /* use the connector's conditional write (tier T1) */
};

struct migration {
    const char *ns, *time_zone, *log_level, *run_dir, *path;
    const char *health_listen; /* "127.0.0.1:0" or NULL */
    int64_t clock_skew_ms;     /* truth "newest": by how much the two systems' clocks may differ */
    int64_t kill_ms;           /* epoch ms of midnight of the kill date in time_zone */
    const char *kill_date;     /* as written */
    struct zone *zone;         /* of time_zone; owned */
    struct kafka_settings kafka;
    struct redis_settings redis;
    struct system_settings *systems;
    const char **system_names; /* NULL-terminated, in the order of systems */
    int system_count;
    const struct system_settings *old_system, *new_system;
    struct entity *entities;
    int entity_count;
    struct source_settings *sources;
    int source_count;
    struct apply_settings apply;
    struct expressions *expressions; /* of all jq fields; NULL: there is none */
    config_t config;                 /* owns every string above */
    struct arena arena;              /* owns every array above */
};

/*
 * Read path and check all of it; semantic mistakes are all collected in
 * report, each with file:line and a suggestion where one is known. Secret files
 * are checked for existence and rights, not read. Returns the migration, or NULL with at least one mistake.
 */
struct migration *migration_open(const char *path, struct conf_report *report);
void migration_close(struct migration *migration);

/*
 * What of a mapping can be compared with a later one, as JSON: {"email":["<digest>"],"source":["<digest>","<digest of a value>",…]}.
 * The first digest of a field is of everything but its table of values.
 */
void migration_shape(const struct migration *migration, const struct entity *entity,
                     struct buf *out);

/* Which records a new mapping has to read again. */
enum mapping_reread {
    REREAD_DEAD_LETTERS, /* it takes more than the known one, and what that took means the same: tables have more values */
    REREAD_EVERYTHING /* any record may be mapped otherwise */
};
/* Two shapes; known empty or unreadable: everything. */
enum mapping_reread migration_compare(struct span known, struct span now);

struct entity *migration_entity(struct migration *migration, const char *name); /* NULL: none */
const struct source_settings *migration_source(const struct migration *migration, const char *name);

#endif
