/*
 * webhook — the producer type that is called by the source (design §4.3, facts/reliability.md §4). Two threads: the listener's
 * reads, verifies and queues; the main loop takes what is queued as one batch. In reading order:
 *
 *   webhook.c   options, life cycle, secrets, one round of work
 *   receive.c   on the listener's thread: path, signature, time window
 *   batch.c     one batch: replay cache → Kafka → every delivery report → answers
 *   replay.h    what was signed in the same bytes before: here and, shared, in Redis
 *   payload.c   a body → its events → a rule each → hints, whole records, dead letters
 *   item.h      one event: its rule, and what the rule's expressions find in it
 *   soap.h      a Salesforce outbound message as the JSON that payload.c reads
 *
 * The rule that everything here keeps: 2xx only after the delivery report of all that the request brought. Whatever else
 * happens is a 503 or a closed connection, and the sender comes again; a change that comes twice is harmless.
 */
#ifndef TANDEM_WEBHOOK_H
#define TANDEM_WEBHOOK_H

#include <pthread.h>

#include "base/metrics.h"
#include "model/webhook.h"
#include "producers/webhook/replay.h"
#include "remote/http_server_conf.h"
#include "remote/signature.h"
#include "stream/delivery.h"
#include "stream/topics.h"

enum {
    WEBHOOK_BATCH_MAX = 512,
    WEBHOOK_LABEL_BYTES = 64,
    WEBHOOK_IDS_MAX = 200,          /* of one event */
    WEBHOOK_TYPES_LOGGED_MAX = 100, /* unmapped event types that are named in the log */
    WEBHOOK_TYPE_BYTES = 120
};

/* What became of a request; the label result of tandem_webhook_requests_total. */
enum webhook_result {
    WEBHOOK_ACCEPTED,  /* 200: all it brought is on Kafka */
    WEBHOOK_DUPLICATE, /* 200: its first copy is on Kafka */
    WEBHOOK_IN_FLIGHT, /* 503: its first copy is on its way */
    WEBHOOK_REFUSED,   /* 401: no signature of the scheme, or one of nobody we know */
    WEBHOOK_EXPIRED,   /* 401: signed, not now */
    WEBHOOK_KAFKA,     /* 503: no delivery report in time */
    WEBHOOK_RESULT_COUNT
};

/* What a piece of it became; the label kind of tandem_webhook_events_total. */
enum webhook_kind {
    WEBHOOK_HINT,
    WEBHOOK_RECORD,
    WEBHOOK_UNMAPPED,
    WEBHOOK_DEAD,
    WEBHOOK_NOTHING, /* an empty list of ids */
    WEBHOOK_KIND_COUNT
};

/* One endpoint at work. */
struct hook {
    const struct webhook_endpoint *endpoint;
    bool soap;
    char label[WEBHOOK_LABEL_BYTES]; /* "standard/1": a path may be a secret */
    struct signature_keys keys;      /* under webhook->keys_lock */
    struct metric *results[WEBHOOK_RESULT_COUNT], *events[WEBHOOK_KIND_COUNT];
};

/* What the listener's thread found out about a request: http_request_notes(). */
struct hook_notes {
    struct hook *hook;
    char name[HASH_HEX_BYTES]; /* of the signed bytes */
    int64_t time_ms;           /* of signing, by the sender's clock; −1: not signed */
};

struct webhook {
    /* options, see webhook.c */
    struct http_server_conf server_conf;
    const config_setting_t *endpoints;
    int64_t patience_ms, replay_max;

    const struct source_context *context;
    const struct system_settings *system;
    struct hook *hooks;
    int hook_count;
    pthread_rwlock_t keys_lock;
    bool keys_lock_made;
    _Atomic int keys_suspect; /* a signature was wrong: the files may hold newer secrets */
    int64_t keys_read_mono_ms;
    struct http_server *server;
    struct metric *refused, *connections;
    struct replay *replay;
    struct delivery delivery;

    /* of the main loop's thread */
    struct arena arena; /* of one request */
    struct json_tape tape, result;
    struct buf input, soap;
    char logged_types[WEBHOOK_TYPES_LOGGED_MAX][WEBHOOK_TYPE_BYTES];
    int logged_count;
};

/* ---- receive.c ---- */

extern const struct http_server_hooks WEBHOOK_SERVER_HOOKS;

/* ---- batch.c ---- */

/* Take what is queued, waiting at most timeout_ms, and answer all of it. -1: ERR_FATAL (all was answered, too). */
int batch_run(struct webhook *webhook, int timeout_ms, struct err *err);

/* ---- payload.c ---- */

/*
 * Put everything that a request brings. What cannot be read or has no rule is put as a dead letter: it was signed, so it is
 * a message of the sender. signed_ms: when it was signed, −1 unknown: then nothing is a whole record. -1: as sink_put, then nothing of it may be acknowledged.
 */
int payload_put(struct webhook *webhook, struct hook *hook, struct span body, int64_t signed_ms,
                struct err *err);

#endif
