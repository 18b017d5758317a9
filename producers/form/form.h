/*
 * form — the producer type that takes over the address of an old form (design §4.3; the configuration: common/model/form.h). A visitor's browser
 * never sends a post twice, so nothing that was taken may depend on it: what cannot be on Kafka within patience_ms is on disk before
 * the visitor goes on. Two threads, as in producers/webhook. In reading order:
 *
 *   form.c      options, life cycle, one round of work
 *   receive.c   on the listener's thread: path, origin, how often this address posts, what is kept of it
 *   batch.c     one batch: read → Kafka and its reports, else the spool → 303; later the spool → Kafka
 *   post.h      names and values out of urlencoded, multipart or JSON bytes
 *   submit.c    an entry (a post with its id and moment) → a partial event, or a dead letter
 *   spool.h     entries on disk, in order, across restarts
 *   forward.c   each post to the old address as well, from a spool of its own
 *
 * Id and moment are those of acceptance: an entry that is put twice, after a crash or because its reports came late, is the same event twice,
 * which is harmless. Entries are in order: while the spool holds any, new ones go behind them.
 */
#ifndef TANDEM_FORM_H
#define TANDEM_FORM_H

#include "base/metrics.h"
#include "model/form.h"
#include "producers/form/post.h"
#include "producers/form/spool.h"
#include "remote/http_client.h"
#include "remote/http_server_conf.h"
#include "stream/delivery.h"

enum {
    FORM_BATCH_MAX = 256,
    FORM_TYPE_BYTES = 160,
    FORM_VISITOR_BYTES = 65,
    FORM_RATES = 8192, /* addresses whose posts are counted at once */
    FORM_ID_BYTES = 40
};

/* What became of a post; the label result of tandem_form_posts_total. */
enum form_result {
    FORM_ACCEPTED, /* 303, 200: on Kafka */
    FORM_SPOOLED,  /* 303, 200: on disk, and on Kafka later */
    FORM_BOT,      /* 303, 200: the honeypot was filled in; nothing is kept */
    FORM_STRANGER, /* 403: from a page that may not */
    FORM_TOO_MANY, /* 429: from one address */
    FORM_NO_POST,  /* 400: it is no form's post */
    FORM_FULL,     /* 507: neither Kafka nor the disk takes it */
    FORM_RESULT_COUNT
};

/* One form at work. */
struct desk {
    const struct form *form;
    char *json_answer; /* {"redirectUri":"…"} */
    struct metric *results[FORM_RESULT_COUNT];
};

/* What the listener's thread found out about a request: http_request_notes(). */
struct desk_notes {
    struct desk *desk;
    char type[FORM_TYPE_BYTES];       /* Content-Type */
    char visitor[FORM_VISITOR_BYTES]; /* as much of the address as is kept; "" nothing */
};

struct rate {
    uint64_t address; /* keyed hash; 0 free */
    int64_t minute;
    int posts;
};

struct forward {
    struct spool *spool;
    struct http_client *client;
    struct http_exchange exchange;
    bool busy;
    char *headers[2];
    int64_t at, not_before_mono_ms; /* behind the entry under way */
    int attempt;
    struct metric *done, *failed, *waiting;
};

struct form_source {
    /* options, see form.c */
    struct http_server_conf server_conf;
    const char *spool_dir, *visitor_key_file, *address_header;
    const config_setting_t *forms;
    int64_t patience_ms, spool_max_bytes, posts_per_minute;

    const struct source_context *context;
    struct delivery delivery;
    struct desk *desks;
    int desk_count;
    struct http_server *server;
    struct spool *spool;
    struct forward forward; /* spool NULL: no form has a forward_url */
    struct metric *connections, *spool_bytes, *events, *dead;
    /* of the listener's thread */
    struct rate *rates;
    char *visitor_key; /* NULL: none */

    /* of the main loop's thread */
    struct arena arena; /* of one batch */
    struct json_tape tape, head;
};

/* form.c */
struct desk *form_desk(struct form_source *source, struct span name); /* NULL: not configured */

/* receive.c */
extern const struct http_server_hooks FORM_SERVER_HOOKS;

/* submit.c: an entry is {"form":…,"id":…,"ms":…,"type":…,"visitor":…}, a line end, and the body as it came. */
struct submission {
    struct span form, id, type, visitor, body;
    int64_t ms;
};
struct span submission_entry(const struct submission *submission, struct arena *arena);
/* Borrowed from entry and tape. -1: ERR_REJECT. */
int submission_read(struct span entry, struct json_tape *tape, struct submission *ret_submission,
                    struct err *err);
/* Put what an entry says: an event, or a dead letter. -1: as sink_put. */
int submission_put(struct form_source *source, struct span entry, struct err *err);

/* batch.c */
/* Take what is queued, waiting at most timeout_ms, and answer all of it. -1: ERR_FATAL (all was answered, too). */
int batch_run(struct form_source *source, int timeout_ms, struct err *err);
/* Put some of what the spool holds, if Kafka is here. -1: ERR_FATAL. */
int batch_drain(struct form_source *source, struct err *err);

/* forward.c */
int forward_open(struct form_source *source, struct err *err);
/* Begin the next exchange, or see whether one has ended; does not wait. -1: ERR_FATAL. */
int forward_run(struct form_source *source, struct err *err);
bool forward_has_work(
    const struct form_source *source); /* now: not while it waits for another attempt */
void forward_close(struct form_source *source);

#endif
