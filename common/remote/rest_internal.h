/*
 * rest_internal — what the files of rest share and nobody else needs: one
 * system with its sign-in and its gate, and the private side of an op.
 */
#ifndef TANDEM_REMOTE_REST_INTERNAL_H
#define TANDEM_REMOTE_REST_INTERNAL_H

#include "base/map.h"
#include "base/metrics.h"
#include "remote/budget.h"
#include "remote/connector_internal.h"
#include "remote/rest.h"

enum {
    REST_TRIES_MAX = 3,         /* of a read, or of a write that was not sent */
    REST_RENEWALS_MAX = 3,      /* of the token within one op */
    REST_WAIT_INSIDE_MS = 5000, /* longer waits are the caller's */
    REST_RETRY_MS = 1000,       /* where nobody says when to come back */
    REST_QUOTA_RETRY_MS = 15 * 60 * 1000,
    REST_BACKOFF_MS = 200,
    REST_BEG_MS = 100,               /* between two questions for a place in the budget */
    REST_START_RETRY_MS = 30 * 1000, /* an op that cannot be started will hardly heal by itself */
};

enum rest_phase {
    PHASE_IDLE,
    PHASE_WAIT,  /* until due_ms, then go */
    PHASE_TOKEN, /* the token is being renewed */
    PHASE_SENT,
    PHASE_OVER
};

/* The private side of an op; lives from its first start to rest_op_clear. */
struct rest_call {
    struct rest *rest; /* while active */
    struct rest_op *op;
    struct rest_call *next; /* in rest->active */
    const struct connector_operation *operation;
    enum rest_phase phase;
    int64_t due_ms; /* waiting: until then; over with REST_LATER: not before then once more */
    int failures, renewals;
    uint64_t token_number; /* sent with */
    uint64_t ticket;       /* of the budget, while it is under way; 0 none */
    int64_t begged_ms;     /* since when the budget has no place for it; 0 it has */
    uint64_t nonce;        /* makes its {trace}s unlike those of any other request */
    enum rest_outcome outcome;
    struct err err;
    struct buf url, body, each, properties, scratch, headers, place;
    struct span
        after; /* copy of after_id or cursor, in place: the op's own may borrow its last answer */
    /* names of the answer's properties → index, see rest_values.c */
    struct map names;
    struct span *keys; /* of the last object, in its order */
    int *key_index;
    int key_count, key_max;
};

enum auth_phase { AUTH_IDLE, AUTH_LOCKING, AUTH_SENT };
struct rest_auth {
    enum auth_type type;
    enum auth_phase phase;
    char *token;              /* what follows Bearer or Basic; NULL: none yet */
    uint64_t number;          /* counts tokens */
    bool valid;               /* false: refused or never had */
    bool worked;              /* an answer other than 401 came back for it */
    int64_t expires_ms;       /* monotonic; 0 unknown */
    int64_t due_ms;           /* LOCKING: when to try again */
    int lock;                 /* file descriptor, -1 none */
    char *kept_refresh_token; /* could not be written to its file */
    struct http_exchange exchange;
    struct json_tape tape;
    struct buf url, body;
};

struct rest {
    const struct migration *migration;
    const struct system_settings *settings;
    const struct clock *clock;
    struct connector *connector;
    struct http_client *client;
    struct rest_traits traits;
    struct rest_auth auth;
    struct rest_call *active;
    char *base_url;        /* without the last / */
    int64_t gate_until_ms; /* monotonic: nothing is sent before */
    char gate_why[160];
    int doubts; /* writes in succession of which nobody knows what became */
    struct budget *budget;
    int64_t
        refused_ms; /* the answer at hand closed the gate for so long, and others shall know it; 0 it did not */
    uint64_t random;
    struct metric *durations, *quota_left, *retries, *budget_waits;
};

static inline int64_t rest_now_ms(const struct rest *rest)
{
    return clock_mono_ms(rest->clock);
}
uint64_t rest_random(struct rest *rest);

static inline bool rest_is_write(enum rest_kind kind)
{
    return kind == REST_UPSERT || kind == REST_CREATE || kind == REST_UPDATE ||
           kind == REST_CREATE_PROPERTY || kind == REST_LINK || kind == REST_UNLINK ||
           kind == REST_ARCHIVE || kind == REST_DELETE;
}

static inline bool rest_ends(enum rest_kind kind)
{
    return kind == REST_ARCHIVE || kind == REST_DELETE;
}

/* Kinds whose next page is at next_cursor. */
static inline bool rest_by_cursor(enum rest_kind kind)
{
    return kind == REST_LIST || kind == REST_DELETED;
}

/* Kinds that ask for ids[] and are answered with the records of those ids. */
static inline bool rest_reads_ids(enum rest_kind kind)
{
    return kind == REST_READ || kind == REST_HISTORY || kind == REST_LINKS || kind == REST_ENDED;
}

static inline bool rest_writes_items(enum rest_kind kind)
{
    return kind == REST_UPSERT || kind == REST_CREATE || kind == REST_UPDATE || rest_ends(kind);
}

static inline bool rest_writes_links(enum rest_kind kind)
{
    return kind == REST_LINK || kind == REST_UNLINK;
}

/* Ids, items or links of an op; 0 for kinds without. */
static inline int rest_op_count(const struct rest_op *op)
{
    return rest_reads_ids(op->kind)      ? op->id_count
           : rest_writes_items(op->kind) ? op->item_count
           : rest_writes_links(op->kind) ? op->link_count
                                         : 0;
}

/* --- rest_op.c --- */
/* The private side of an op, made at first, for a new run; never NULL. */
struct rest_call *rest_call_of(struct rest *rest, struct rest_op *op);
void rest_op_forget(struct rest_op *op); /* its answer */

/* --- rest.c --- */
/* All of rest_start but the first step. */
int rest_call_prepare(struct rest *rest, struct rest_op *op, struct err *err);

/* --- rest_call.c: the way of one op --- */
void rest_call_answered(struct rest_call *call); /* its exchange ended */
void rest_call_go(struct rest_call *call);       /* send it, or wait for gate or token, or end it */
void rest_call_over(struct rest_call *call, enum rest_outcome outcome, int64_t retry_after_ms);
void rest_call_abandon(struct rest_call *call);
void rest_pump(struct rest *rest, int timeout_ms); /* move everything on until something ended */

/* --- rest_request.c --- */
/* Fill url and body. Returns 0, or -1 with ERR_FATAL (the connector has no such operation, too many ids). */
int rest_request_build(struct rest_call *call, struct rest *rest, struct err *err);

/* --- rest_read.c, rest_write.c: what an answer says --- */
enum rest_answer {
    ANSWER_OK,
    ANSWER_SHAPE,     /* not what was asked for: err says how */
    ANSWER_TOO_LARGE, /* only a part of it came */
    ANSWER_REFUSED    /* it can never work: err */
};
enum rest_answer rest_read_answer(struct rest_call *call, struct err *err);
enum rest_answer rest_write_answer(struct rest_call *call, struct err *err);
enum rest_item_result rest_item_result(const struct connector_verdict *verdict);
/* A whole answer's verdict as that of the only item or link. */
void rest_write_single(struct rest_call *call, const struct connector_verdict *verdict);

/* --- rest_page.c --- */
enum rest_answer rest_shape(struct err *err, const char *what); /* it makes no sense: in words */
enum rest_answer rest_page_check(const struct rest_call *call, struct err *err);
/* more, told and next_cursor. next: what stands at the operation's path, if anything does. */
enum rest_answer rest_page_next(struct rest_call *call, bool has_next, struct span next,
                                struct err *err);

/* --- rest_values.c --- */
void rest_values_start(struct rest_call *call); /* for a new answer */
/* The properties of the object at index at, op.property_count values in the op's arena. */
struct raw_value *rest_values_read(struct rest_call *call, uint32_t at);
/* A scalar at a path: string content or literal; empty span for null, absent or no scalar. path may be NULL. */
struct span rest_scalar(const struct json_tape *tape, uint32_t at, const char *path);
bool rest_time_parse(const struct rest *rest, struct span text, int64_t *ret_ms);

/* --- rest_history.c --- */
/* The histories of the record at index at, into record. Returns 0, or -1 with the reason: no history can look so. */
int rest_history_read(struct rest_call *call, uint32_t at, struct rest_record *record,
                      const char **ret_why);

/* --- rest_links.c --- */
enum rest_answer rest_link_answer(struct rest_call *call, struct err *err); /* LINK, UNLINK */
/* No pair stands twice: what an answer says of it could not be told apart. */
bool rest_links_distinct(struct rest_op *op);
/* The associations of the record at index at, into record. Returns 0, or -1 with the reason. */
int rest_links_read(struct rest_call *call, uint32_t at, struct rest_record *record,
                    const char **ret_why);
/* "USER_DEFINED:37" → category and type; category empty if not said. */
void rest_link_type(struct span text, struct span *ret_category, struct span *ret_type);

/* --- rest_pipelines.c --- */
enum rest_answer rest_pipelines_answer(struct rest_call *call, struct err *err);

/* --- rest_credential.c --- */
int rest_auth_open(struct rest *rest, struct err *err);
void rest_auth_close(struct rest *rest);
/* From now on this token, owned, is sent; expires_ms: monotonic, 0 unknown. */
void rest_credential_use(struct rest *rest, char *token, int64_t expires_ms);
/* A token goes into a header: printable, no blanks. */
bool rest_credential_plain(const char *token);
/* Nothing to renew: what stands in the file is sent. */
bool rest_credential_fixed(enum auth_type type);
/* refused: what is in use was refused just now, the file must hold another one. */
int rest_credential_read(struct rest *rest, bool refused, struct err *err);
/* --- rest_assertion.c --- */
/* A signed assertion, as text that needs no escape. -1 with ERR_FATAL: the key file. */
int rest_assertion_put(struct rest *rest, struct buf *out, struct err *err);
int rest_assertion_check(const struct rest *rest, struct err *err);
/* --- rest_auth.c --- */
/* True: there is a token to send. False: the call waits in PHASE_TOKEN or is over. */
bool rest_auth_ready(struct rest_call *call);
void rest_auth_refused(struct rest_call *call); /* the answer was 401 */
void rest_auth_ended(struct rest *rest);        /* the token endpoint's exchange */
void rest_auth_move_on(struct rest *rest);      /* try for the lock again */
/* rest_secret.c */
int rest_secret_form(struct rest *rest,
                     struct err *err); /* auth.body: the form that asks for a token */
/* The refresh token's file is shared by processes. */
int rest_secret_lock(
    const char *path); /* descriptor; -1: held by another process; -2: cannot be locked */
int rest_secret_write(const char *path, struct span text, struct err *err);

/* --- rest_limit.c --- */
int rest_limit_open(struct rest *rest, struct err *err);
/* May this request leave now? False: it waits, or is over. */
bool rest_limit_admits(struct rest_call *call);
/* Its answer came, or will not: the budget hears of it. */
void rest_limit_release(struct rest_call *call);
void rest_limit_gate(struct rest *rest, int64_t retry_after_ms, const char *why);
/* The system refused for now: nobody asks it before, in no process. */
void rest_limit_refused(struct rest *rest, int64_t retry_after_ms, const char *why);
int64_t rest_retry_after_ms(const struct rest *rest, const struct http_exchange *exchange,
                            int64_t otherwise_ms);
int64_t rest_backoff_ms(struct rest *rest, int failures); /* full jitter */
/*
 * How a write ended. Callers look and write again at once: where the answers are garbage that would be a hot loop, so from the
 * second time in succession everything waits, longer and longer.
 */
void rest_limit_doubt(struct rest *rest, bool in_doubt);

#endif
