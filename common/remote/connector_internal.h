/*
 * connector_internal — a connector file after it was read: what remote/rest
 * works from. The grammar is in deploy/connectors/README.md. Read-only once
 * opened; strings are the configuration's, arrays are the connector's arena.
 */
#ifndef TANDEM_REMOTE_CONNECTOR_INTERNAL_H
#define TANDEM_REMOTE_CONNECTOR_INTERNAL_H

#include "base/arena.h"
#include "base/json.h"
#include "remote/connector.h"

/* --- templates --- */

enum placeholder {
    PH_OBJECT,
    PH_FIELDS,
    PH_FIELDS_JSON,
    PH_PAGE,
    PH_AFTER_ID,
    PH_CURSOR,
    PH_FROM,
    PH_TO,
    PH_ID_PROPERTY,
    PH_EACH,
    PH_ID,
    PH_EXTERNAL_ID,
    PH_VERSION,
    PH_TRACE,
    PH_PROPERTIES,
    PH_PROPERTY_NAME,
    PH_PROPERTY_UNIQUE,
    PH_TO_OBJECT,
    PH_TO_ID,
    PH_TYPE,
    PH_CATEGORY,
    PLACEHOLDER_COUNT /* from here on: the connector's constants */
};
extern const char *const PLACEHOLDER_NAMES[PLACEHOLDER_COUNT + 1]; /* ends with NULL */
#define PH_BIT(placeholder) (1U << (unsigned)(placeholder))

/* How a value is written into a template. */
enum template_syntax {
    TEMPLATE_PATH,  /* percent-encoded */
    TEMPLATE_QUERY, /* inside '…' with \ before \ and '; the whole is percent-encoded afterwards */
    TEMPLATE_JSON /* inside '…' (which becomes "…") JSON-escaped; outside as number or as string */
};

struct template_part {
    enum { PART_TEXT, PART_VALUE, PART_IF, PART_UNLESS, PART_END } kind;
    bool quoted;      /* VALUE: stands inside quotes */
    int placeholder;  /* VALUE, IF, UNLESS */
    int end;          /* IF, UNLESS: index of its END */
    struct span text; /* TEXT */
};

struct connector_template {
    struct template_part *parts;
    int count;
    enum template_syntax syntax;
    uint32_t used; /* PH_BIT of all built-in placeholders in it */
};

struct connector;

/* The values of one expansion. Not set = empty. */
struct template_values {
    const struct connector *connector; /* for constants */
    const char *object;
    struct span text[PLACEHOLDER_COUNT];
};

/* allowed: PH_BITs. Mistakes are reported at setting. Returns 0 or -1. */
int connector_template_read(struct connector *connector, const config_setting_t *setting,
                            const char *text, enum template_syntax syntax, uint32_t allowed,
                            struct conf_report *report, struct connector_template *ret_template);
void connector_template_expand(const struct connector_template *self,
                               const struct template_values *values, struct buf *out);

/* --- operations --- */

/* One an enum rest_kind (same order), and the variants. */
enum connector_operation_kind {
    OPERATION_BACKFILL,
    OPERATION_INCREMENTAL,
    OPERATION_READ,
    OPERATION_LIST,
    OPERATION_COUNT,
    OPERATION_UPSERT,
    OPERATION_CREATE,
    OPERATION_UPDATE,
    OPERATION_PROPERTIES,
    OPERATION_CREATE_PROPERTY,
    OPERATION_HISTORY,
    OPERATION_LINK,
    OPERATION_UNLINK,
    OPERATION_LINKS,
    OPERATION_PIPELINES,
    OPERATION_LINK_TYPES,
    OPERATION_ARCHIVE,
    OPERATION_DELETE,
    OPERATION_ENDED,
    OPERATION_DELETED,
    OPERATION_CREATE_IF_ABSENT, /* REST_CREATE on tier T1 */
    OPERATION_SEARCH,           /* REST_READ by a property that is not unique */
    OPERATION_KIND_COUNT
};
extern const char *const OPERATION_NAMES[OPERATION_KIND_COUNT + 1]; /* ends with NULL */

/* Paths into one record, as for json_path(); NULL: the system does not say. */
struct record_paths {
    const char *id, *modified, *version, *writer;
    const char *into;   /* ENDED: the id of the record that it was merged into */
    const char *merged; /* ids of the records that were merged into this one, ';' between */
    const char *values; /* the object that holds the properties; "" the record itself */
    const char *gone;   /* a boolean: true, the record is not there any more */
    bool dated;         /* no time of modification: it is when the record was read */
};

/* Where a record holds the histories of its properties. */
enum { HISTORY_SOURCES_MAX = 4 };
struct history_paths {
    const char *list; /* into a record: the object, property name → list of entries */
    const char *value, *at, *source; /* into an entry */
    const char *source_id;           /* into an entry; NULL: the system does not say */
    const char *own_sources[HISTORY_SOURCES_MAX + 1]; /* kinds of writer that we can be */
};

/* Where answers about associations hold their two ends and their type; NULL: not said. */
struct link_paths {
    const char *from, *to;                 /* LINK: into a result; LINKS, to: into one of list */
    const char *failure_from, *failure_to; /* LINK, UNLINK: into an error; text or list of texts */
    const char *list, *types, *type, *category, *more; /* LINKS */
};

enum { OPERATION_QUERY_MAX = 12, OPERATION_HEADERS_MAX = 4 };
struct connector_operation {
    bool present;
    const char *method;
    struct connector_template path, body, each;
    bool has_body, has_each;
    struct {
        const char *name;
        struct connector_template value;
    } query[OPERATION_QUERY_MAX];
    int query_count;
    const char *headers[OPERATION_HEADERS_MAX + 1];
    const char *separator;
    const char *records, *next, *total, *results, *errors; /* paths into the answer */
    const char *unique, *read_only;                        /* PROPERTIES: paths into a record */
    const char *earliest, *covered; /* DELETED: paths into the answer; NULL: not said */
    bool keyset;                    /* LIST: the next cursor is the last id */
    /* BACKFILL, INCREMENTAL: a path into the answer, where {after_id} of the next page stands; NULL: it is the last record's id. */
    const char *after;
    const char *last; /* a boolean: true, no page follows */
    bool unordered;   /* BACKFILL, INCREMENTAL: in whatever order */
    bool open_ended;  /* INCREMENTAL: its templates know no {to}; what is later is cut off here */
    struct record_paths record;
    struct history_paths history; /* HISTORY */
    struct link_paths link;       /* LINK, UNLINK, LINKS */
    const char *label, *stages;   /* PIPELINES: paths into a pipeline; label into a stage too */
    const char *by; /* READ: the only property it looks up by; NULL: any, and the id */
    int max;        /* ids, values or items in one request; 0: as limits say */
    bool own;       /* of one object, from its group in "objects" */
};

/* What may and what must stand in the templates of an operation, and which paths it needs. */
struct operation_rule {
    uint32_t allowed, required;
    uint32_t each; /* allowed in each; 0: the operation has none */
    bool records, total, results, entry, link, stages;
};
extern const struct operation_rule OPERATION_RULES[OPERATION_KIND_COUNT];

/* Read a group operations into an array by kind. */
void connector_operations_read(struct connector *connector, const config_setting_t *group,
                               struct connector_operation *operations, struct conf_report *report);

/* connector_part.c: the groups "entry" and "link" of an operation. */
void connector_entry_read(struct history_paths *ret_paths, const config_setting_t *group,
                          const char *list, struct conf_report *report);
void connector_link_read(struct link_paths *ret_paths, const config_setting_t *group,
                         enum connector_operation_kind kind, struct conf_report *report);

/* An object that is asked for in its own way. */
struct connector_object {
    const char *name;
    struct connector_operation operations[OPERATION_KIND_COUNT];
};

/* --- errors --- */

enum connector_outcome {
    OUTCOME_LATER,
    OUTCOME_QUOTA,
    OUTCOME_DENIED,
    OUTCOME_REFUSED,
    OUTCOME_TOO_LARGE,
    OUTCOME_EXISTS,
    OUTCOME_GONE,
    OUTCOME_MISMATCH,
    OUTCOME_BUSY,
    OUTCOME_UNCERTAIN,
    OUTCOME_COUNT
};
extern const char *const OUTCOME_NAMES[OUTCOME_COUNT + 1]; /* ends with NULL */

struct connector_error { /* one row of the table; the first that fits holds */
    int64_t status;      /* 0: any */
    const char *code;    /* NULL: any */
    const char *words;   /* NULL: any; else the message must hold them */
    enum connector_outcome outcome;
    int64_t retry_after_ms;  /* 0: not said */
    const char *existing_id; /* EXISTS: the words in the message after which the id stands */
};

struct connector_verdict {
    bool found; /* false: no row fits, outcome is unset */
    enum connector_outcome outcome;
    int64_t retry_after_ms;
    struct span message;     /* the system's words, at most 300 bytes; empty: none */
    struct span existing_id; /* empty: not said */
};

/* Read the lists error and errors. */
void connector_errors_read(struct connector *connector, const config_setting_t *paths,
                           const config_setting_t *rows, struct conf_report *report);

/*
 * What an error means. status: of the answer; 0 for one item of an answer, then only rows with a code fit.
 * tape: NULL when the body is no JSON; at: the error's object.
 */
struct connector_verdict connector_classify(const struct connector *connector, int status,
                                            const struct json_tape *tape, uint32_t at);

/* --- the whole --- */

enum auth_type {
    AUTH_BEARER,
    AUTH_BASIC,
    AUTH_CLIENT_CREDENTIALS,
    AUTH_REFRESH_TOKEN,
    AUTH_JWT_BEARER,
    AUTH_TYPE_COUNT
};
extern const char *const AUTH_TYPE_NAMES[AUTH_TYPE_COUNT + 1]; /* ends with NULL */
enum id_form { ID_TEXT, ID_DIGITS, ID_SALESFORCE, ID_FORM_COUNT };
enum time_form { TIME_RFC3339, TIME_EPOCH_MS, TIME_EPOCH_S, TIME_FORM_COUNT };

/* The system's own numbers; a system's group in the migration may override them in "limits". */
struct connector_limits {
    int64_t page, read, lookup, write, history, link, links, in_flight, timeout_ms;
    int64_t request_lifetime_ms, index_lag_ms, settle_ms, overlap_ms, deleted_log_ms, requests,
        window_ms, reserve_percent;
};

enum { CONNECTOR_CONSTANTS_MAX = 16, CONNECTOR_CODES_MAX = 6 };
struct connector {
    const char *name, *about;
    bool conditional_writes;
    enum id_form id_form;
    enum time_form time_form;
    bool auth_allowed[AUTH_TYPE_COUNT];
    const char *token_path;   /* after the system's url */
    const char *audience;     /* of an assertion; NULL: not said */
    int64_t token_lifetime_s; /* where the token endpoint does not say; 0 unknown */
    struct connector_limits limits;
    struct record_paths record;
    struct {
        const char *id, *trace, *created, *version, *values; /* of one result of a write */
    } result;
    struct {
        const char *trace, *ids; /* of one error of a batch; each a text or a list of texts */
    } failure;
    struct {
        const char *object, *email; /* both, or none: nobody is looked up here */
    } people;
    struct {
        const char *header, *usage_after;          /* "…api-usage=18/5000" */
        const char *remaining_header, *max_header; /* or two headers */
    } quota;
    struct {
        const char *max_header, *remaining_header, *interval_header; /* ms */
    } rate;
    const char *constant_names[CONNECTOR_CONSTANTS_MAX + 1], *constants[CONNECTOR_CONSTANTS_MAX];
    int constant_count;
    const config_setting_t *objects; /* constants by object; NULL none */
    const char *code_paths[CONNECTOR_CODES_MAX], *message_paths[CONNECTOR_CODES_MAX];
    int code_path_count, message_path_count;
    struct connector_error *errors;
    int error_count;
    struct connector_operation operations[OPERATION_KIND_COUNT];
    struct connector_object *own; /* objects with operations of their own */
    int own_count;
    struct arena arena;
};

/* The table "record", for the connector and for an operation of its own. */
extern const struct conf_option CONNECTOR_RECORD_OPTIONS[];

/* What a system's group in the migration names to sign in with, and the way that follows from it. */
struct auth_named {
    bool token, refresh, client_id, client_secret, username, password, private_key;
};
enum auth_type auth_type_of(const struct auth_named *named);
/* What that way needs and is not named, in words; NULL: nothing. */
const char *auth_type_lacks(enum auth_type type, const struct auth_named *named);

/* The group auth; and the system's group against it. */
void connector_auth_read(struct connector *connector, const config_setting_t *group,
                         struct conf_report *report);
void connector_auth_check(const struct connector *connector, const config_setting_t *system,
                          struct conf_report *report);

/* own: the connector's limits; overrides: those of the system's group, may be NULL. */
void connector_limits_read(struct connector *connector, const config_setting_t *own,
                           const config_setting_t *overrides, struct conf_report *report);

/* The operation for an object: its own, else the one of all objects; NULL: there is none. */
const struct connector_operation *connector_operation(const struct connector *connector,
                                                      enum connector_operation_kind kind,
                                                      const char *object);

/* The value of a constant for an object. */
const char *connector_constant(const struct connector *connector, int index, const char *object);

/* A list or array of texts, at most max. Returns their number. */
int connector_texts(const config_setting_t *list, int max, const char **ret_texts,
                    struct conf_report *report);

/* The index of a text in a NULL-terminated list; 0 when it is not there (a mistake was reported). */
int connector_choice(const char *text, const char *const *choices);

#endif
