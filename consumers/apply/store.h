/*
 * store — what apply keeps in Redis, and the five scripts that change it. All of it can be rebuilt from the state
 * topic and a listing of the target; Redis only makes it fast (design §4.1, §4.5, §4.6).
 *
 * Keys, all with the prefix "tandem:<ns>:" (e = entity, p = partition of <ns>.changes.<e>):
 *   incarnation         string   "<run_id>/<uuid>": set last by a rebuild; every script compares it. Absent = scripts are closed
 *   rebuild             string   lease of the one rebuilder (token, PX)
 *   listed:<e>          string   the incarnation in which the target was listed into match:<e>
 *   epoch:<e>           hash     p → highest epoch taken
 *   mark:<e>            hash     p → "<offset> <epoch>": up to which offset of state.<e>[p] (exclusive) rows:<e> has every
 *                                row, and the highest assignment below it
 *   rows:<e>            hash     record key → row, the bytes of the state topic; poll's refresh reads it too (remote/rows.h)
 *   index:<e>           hash     record key → row_index() text: what follows was derived from the row with this text
 *   claims:<e>          hash     claim ("email=ann@x.org", "id=501") → record key; "id=…" of a twin is the id map, reversed
 *   waits:<e>:<claim>   set      "<p> <record key>" of the rows that wait for this claim to be given up
 *   refs:<e>            hash     record key → "1" while references to this record wait
 *   refs:<e>:<key>      set      "<entity> <p> <record key>" of the rows whose references wait for this record's twin
 *   waking:<e>          hash     record key → cursor in refs:<e>:<key>: it has a twin, and more wait for it than one script may make due
 *   due:<e>:<p>         zset     record key by due_ms (Redis' clock)
 *   ops:<e>             hash     record key → "<marker> <sent_ms>\n<claim>\n…": an operation that was begun and not finished
 *   match:<e>           hash     "<field>=<match key>" → target ids, comma-separated; "<external id property>=<value>" too
 *
 * A script begins with the guard: incarnation equal, and for every partition named, epoch:<e>[p] equal to the caller's. It answers
 * CLOSED (rebuild first), NOEPOCH or FENCED (somebody else owns the partition) otherwise, having changed nothing. Load and finish, which carry the
 * rows, are transactions with the same guard: load reads it in the same MULTI, finish watches incarnation and epoch:<e> (WATCH) from before it
 * compares them to EXEC, so that a change in between makes EXEC do nothing.
 */
#ifndef TANDEM_APPLY_STORE_H
#define TANDEM_APPLY_STORE_H

#include "model/state.h"
#include "remote/redis.h"

struct store;

enum { STORE_PARTITIONS_MAX = 1024 };

enum store_outcome {
    STORE_OK,
    STORE_CLOSED, /* no incarnation, or another than this process works with: replay from the marks, or rebuild */
    STORE_FENCED, /* a higher epoch owns a partition of the call, or none is known */
    STORE_AWAY    /* Redis does not answer; nothing is known about the effect */
};

struct store *store_open(const struct migration *migration, struct err *err);
void store_close(struct store *store);

/*
 * Connect if needed and learn the incarnation. STORE_CLOSED: there is none, or its run_id is not this server's (Redis
 * restarted: what it holds may be old) – then the stale one has been removed. ret_changed: the incarnation differs from the
 * last call's: every owned partition has to be replayed from its mark.
 */
enum store_outcome store_ensure(struct store *store, bool *ret_changed, struct err *err);

/* Redis' clock (TIME), ms. */
enum store_outcome store_now(struct store *store, int64_t *ret_now_ms, struct err *err);

/*
 * epoch:<e>[p] = epoch unless a higher one is there (STORE_FENCED). ret_mark: the partition's mark, 0 if none; ret_mark_epoch:
 * the highest assignment below the mark, from which a fold of what follows goes on.
 */
enum store_outcome store_take(struct store *store, const struct entity *entity, int32_t partition,
                              int64_t epoch, int64_t *ret_mark, int64_t *ret_mark_epoch,
                              struct err *err);

/* Who is calling: the partitions owned, by number; epochs[p] = -1 when not owned. */
struct store_owner {
    const struct entity *entity;
    const int64_t *epochs;
    int32_t partitions;
};

/* One record of a load. */
struct store_load {
    struct span key;
    int32_t partition;
    const struct span *match; /* match index names to look up: "email=…" */
    int match_count;
    struct span row, op; /* out: in arena; data NULL = none */
    struct span index;   /* out: what follows from the row now (store_finish.index_before) */
    struct span
        *candidates; /* out, match_count of them: target ids, comma-separated, or SPAN_NONE */
};
enum store_outcome store_load(struct store *store, const struct store_owner *owner,
                              struct store_load *loads, int n, struct arena *arena,
                              struct err *err);

/* One operation about to be sent: lock what is written. All or nothing per record. */
struct store_begin {
    struct span key;
    int32_t partition;
    struct span op; /* marker */
    int64_t
        sent_ms; /* Redis' clock: it is not sent later; after this and the request's lifetime nothing of it can happen any more */
    const struct span *claims; /* wanted: match values and "id=<target>" */
    int claim_count;
    struct span holder,
        taken;        /* out: data NULL = begun; else the record that holds the claim `taken` */
    struct span text; /* out: the operation as Redis has it (store_finish.begun); in arena */
};
enum store_outcome store_begin(struct store *store, const struct store_owner *owner,
                               struct store_begin *begins, int n, struct arena *arena,
                               struct err *err);

/* One row that became durable (its report on the state topic is there). */
struct store_finish {
    struct span key;
    int32_t partition;
    struct span row, index;   /* row_encode, row_index */
    struct span index_before; /* as store_load had it, "": there was none; data NULL: not known */
    const struct span *match_names; /* added to the match index under match_id: "email=…" */
    int match_count;
    struct span match_id; /* target id; empty: nothing */
    /* What becomes of the record's operation: kept (its outcome is open); else dropped, whatever it is; */
    bool keep_op;
    struct span drop_op; /* or, in a replay, only if it has this marker ("" none has) */
    struct span
        drop_epoch; /* or is one of this "<partition>.<epoch>": begun before its owner wrote the row; */
    bool drop_earlier; /* or of an earlier epoch: the row says that it was looked at; */
    struct span begun; /* or it is the one with this text, and the row keeps all that it claimed */
};
/* Also moves marks[p] (0 = leave) and drops the operations of the records. Waiters of claims given up become due at once. */
enum store_outcome store_finish(struct store *store, const struct store_owner *owner,
                                const struct store_finish *rows, int n, const int64_t *marks,
                                struct err *err);

/* One record that a reference leads to. */
struct store_twin {
    struct span key;
    struct span id; /* out, in the arena: its target id; empty: it has none yet */
};
/* The id map, without a guard of epochs: anybody's records. */
enum store_outcome store_twins(struct store *store, const char *entity, struct store_twin *twins,
                               int n, struct arena *arena, struct err *err);

/* Keys due now, at most max, of one partition; ret_keys in arena. */
enum store_outcome store_due(struct store *store, const struct store_owner *owner,
                             int32_t partition, int max, struct span **ret_keys, int *ret_count,
                             struct arena *arena, struct err *err);

/* Put names → target id into the match index without a guard of epochs (listing the target; idempotent). */
struct store_match {
    struct span name, id;
};
enum store_outcome store_match_add(struct store *store, const struct entity *entity,
                                   const struct store_match *adds, int n, struct err *err);
/* Give up what was begun for records whose request certainly was not executed. */
struct store_cancel {
    struct span key;
    int32_t partition;
};
enum store_outcome store_cancel(struct store *store, const struct store_owner *owner,
                                const struct store_cancel *cancels, int n, struct err *err);
enum store_outcome store_listed(struct store *store, const struct entity *entity, bool set,
                                bool *ret_listed, struct err *err);

/* ---- rebuild: only while the scripts are closed ---- */

/* Take or renew the lease of the one rebuilder; *ret_mine false: somebody else is at it. */
enum store_outcome store_rebuild_lease(struct store *store, int64_t lease_ms, bool *ret_mine,
                                       struct err *err);
/* Remove every key of this migration but the lease. */
enum store_outcome store_rebuild_clear(struct store *store, struct err *err);
/* As store_finish without a guard: rows of the fold, and the marks and epochs of a partition at its end. */
enum store_outcome store_rebuild_rows(struct store *store, const struct entity *entity,
                                      const struct store_finish *rows, int n, struct err *err);
enum store_outcome store_rebuild_partition(struct store *store, const struct entity *entity,
                                           int32_t partition, int64_t epoch, int64_t mark,
                                           struct err *err);
/* Is there a row of this key? (for FOLD_REFUSE_UNCERTAIN) */
enum store_outcome store_row(struct store *store, const struct entity *entity, struct span key,
                             struct arena *arena, struct span *ret_row, struct err *err);
/* Claims, waits and due of all rows, once the last row of each key is in. */
enum store_outcome store_rebuild_derive(struct store *store, const struct entity *entity,
                                        struct err *err);
/* Set a new incarnation, which opens the scripts, and give the lease up. Refused (STORE_CLOSED) when the lease was lost. */
enum store_outcome store_rebuild_open(struct store *store, struct err *err);

#endif
