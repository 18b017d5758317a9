/*
 * apply — what the parts of tandem-apply share. One batch of events goes through
 *
 *   load      decode, load the rows                              (load.c)
 *   work      decide by version, run the rounds                  (work.c, state_on_event)
 *   refer     what it refers to, in the new system's ids        (references.c)
 *   twin      find the twin: id map, match index, target        (twin.c)
 *   links     what the twin is associated with                  (links.c)
 *   decide    merge field by field: base, history, truth         (decide.c, history.c, merge_field, truth_decide)
 *   plan      render what is to be written, and the row after it (plan.c)
 *             or why nothing is written now                     (defer.c)
 *   write     lock, intent (begin.c), send                      (write.c), read the answers (answer.c, state_after_write), then the associations (links.c)
 *   raced     what the write overtook                           (raced.c)
 *   settle    rows and outcomes on Kafka, then Redis            (settle.c)
 *
 * and only then may its offsets be stored (design §4.4). partition.c owns epochs and marks, tail.c sees what former owners still write; rebuild.c fills a lost
 * Redis; listing.c lists the target into the match index.
 */
#ifndef TANDEM_APPLY_H
#define TANDEM_APPLY_H

#include "base/map.h"
#include "base/metrics.h"
#include "model/marker.h"
#include "remote/rest.h"
#include "store.h"
#include "stream/event.h"
#include "stream/handler.h"
#include "stream/log_reader.h"
#include "stream/outcome.h"
#include "stream/sink.h"

enum {
    APPLY_MATCH_MAX = 8,
    APPLY_ROUNDS_MAX = 4,
    APPLY_OPS_MAX = 512,
    APPLY_CANDIDATES_MAX = 4,
    APPLY_RETRY_MS = 500
};

/* How far the rows on an owned partition are known (tail.c): all below seen were read, or are ours by their delivery reports, as all of [own_from, own_to) are. */
struct tail {
    int64_t seen, own_from, own_to;
    int64_t wrote_ms; /* monotonic: we were not quiet then */
    bool reading;
};

struct apply_entity {
    struct entity *entity;
    char changes[TOPIC_NAME_BYTES], state[TOPIC_NAME_BYTES], hints[TOPIC_NAME_BYTES];
    int64_t epochs[STORE_PARTITIONS_MAX]; /* −1 = not owned */
    int64_t marks[STORE_PARTITIONS_MAX];  /* one past the last state record that Redis has */
    struct tail tails[STORE_PARTITIONS_MAX];
    int32_t partitions;
    int64_t op_seq;
    /* what is read of the target: the fields' new names, then external id and marker */
    const char **properties;
    int *property_of_field; /* index in properties, −1 none */
    int property_count, external_id_at, marker_at;
    int match_fields[APPLY_MATCH_MAX];
    int match_count;
    int *references; /* fields that lead to other records */
    int reference_count;
    bool has_links; /* some of them are associations in the new system */
    bool listed;
    char list_cursor[512];
    int64_t list_count;
};

struct apply {
    struct handler_context context;
    const struct clock *clock;
    struct sink *sink;
    struct store *store;
    struct rest *rest;
    struct log_reader *tail;
    struct people *people; /* NULL: no reference leads to a person */
    struct apply_entity *entities;
    int entity_count;
    char outcomes[TOPIC_NAME_BYTES], review[TOPIC_NAME_BYTES];
    struct work *works; /* of one chunk: WORKS_PER_CHUNK of them */
    struct arena arena; /* of one chunk */
    struct json_tape tape;
    struct buf scratch;
    struct rest_op *ops[APPLY_OPS_MAX]; /* made when first needed; in use until the chunk ends */
    int ops_used;
    bool replay_needed; /* the incarnation changed: replay every owned partition from its mark */
    bool rebuilding;
    int fenced_turns;         /* in a row: somebody took a partition that the group gave to us */
    int64_t rebuild_after_ms; /* monotonic */
    int64_t now_ms;           /* Redis' clock at the beginning of the chunk, */
    int64_t now_mono_ms;      /* which was then */
    int64_t send_by_ms;       /* monotonic: the operations begun last are not sent after this */
    struct metric *outcomes_total[OUTCOME_WHAT_COUNT];
};

enum work_stage {
    WORK_DONE,    /* nothing more to ask or to write: settle it */
    WORK_FIND,    /* find the twin */
    WORK_LINKS,   /* found: what it is associated with has to be read */
    WORK_HISTORY, /* only the twin's history can tell who wrote what stands there */
    WORK_SEND,    /* a request is planned */
    WORK_WRITTEN, /* the target took it: only the history can tell what it overtook */
    WORK_UNSENT   /* the target could not take it: nothing was executed, the batch comes again */
};

/* One event on its way through a chunk; everything is arena memory of the chunk. */
struct work {
    const struct message *message; /* NULL: due work */
    struct span key;
    int32_t partition;
    struct event event;
    struct version
        against; /* what the event's version was compared with: the row's, or its pending event's */
    bool due;    /* woken: its row waited for this moment */
    enum work_stage stage;
    /* what Redis knows */
    bool row_exists, asked; /* asked: its row had questions */
    struct row row;
    struct span op;    /* marker of an operation that was begun and not finished; empty none */
    struct span begun; /* the operation this work began, as Redis has it */
    struct span index; /* what Redis derived from the row as it was loaded */
    int64_t op_sent_ms;
    bool
        never_met; /* Redis has neither row nor operation of it, and the match index none of its names */
    bool unknown; /* what became of an operation: one that was begun, or the row's */
    struct span
        names[1 + APPLY_MATCH_MAX]; /* match index names: the external id, then the match values */
    struct span keys[1 + APPLY_MATCH_MAX]; /* the value part of each */
    int fields[1 + APPLY_MATCH_MAX];       /* match field of each; −1 the external id */
    int name_count;
    const struct span
        *known_ids; /* what the match index has under each of the first known_count names */
    int known_count;
    struct span candidates[APPLY_CANDIDATES_MAX]; /* target ids that may be the twin */
    int candidate_count;
    bool more_candidates;    /* than are kept */
    struct span exists_with; /* the target said that this record has our unique value */
    bool searched;           /* the target itself was asked */
    /* the twin as read */
    bool twin_found;
    struct span twin, twin_version, twin_external_id, twin_marker, twin_writer;
    struct value *new_now; /* entity->field_count of them; all MISSING for a create */
    /* A person's edit that a late request of ours overtook (then new_now is that edit): to be put back; NULL none. By field. */
    const struct raw_value **restore;
    /* references.c; all by field, NULL in an entity without references */
    struct value
        *referred;       /* as the old system says it; event.after has what the new one calls it */
    struct span *emails; /* of the people referred to */
    bool *link_doubts;   /* a link was sent that may still be executed */
    struct value *link_now;           /* associations as read; NULL: not read */
    const struct rest_record *record; /* the twin as read, until its associations are */
    bool woken;                /* it has no event of its own, only the references that waited */
    bool links, unlink_failed; /* the plan changes associations; one could not be taken away */
    /* the plan */
    enum merge_verdict *verdicts;
    struct span *item_names, *item_values;
    int *item_fields; /* field of each name; −1 external id, marker, or an edit put back */
    struct rest_item item;
    enum rest_kind kind;
    struct span marker;    /* of the planned operation: model/marker.h */
    bool adopt, overtaken; /* overtaken: a late request of ours stands in the target */
    bool *doubt; /* by field: our operation stands there, and nobody knows what it has written */
    /*
     * behind: our operation row.op stands there, of which nobody has looked yet what it overtook. By field: the row says that it wrote it, and
     * what was agreed on before it, and after it where it overtook an edit; what is to be written stands there already. raced: a person's edit that nobody had read was overtaken.
     */
    bool behind, *wrote, *stands, raced;
    struct base_pair *before, *after;
    struct value
        *seen; /* the twin's fields as read, whatever new_now says of an edit that was overtaken */
    /* Written by an operation of which no row tells yet, and what was agreed on before it; by field, NULL: none. */
    struct value *wrote_sent;
    struct base_pair *wrote_base;
    const struct row *
        judged; /* the row before the marker of a candidate was judged by it; NULL: it named no unknown operation */
    struct value *behind_sent; /* what the operation had sent that is looked behind */
    /* T3: an unknown operation whose marker does not stand there: not executed, or a late request wrote over it; empty none. What it sent. */
    struct span hidden;
    struct value *hidden_sent;
    const struct value
        *content; /* what an unknown operation of that very content had sent; NULL: nobody knows */
    /* How the event stands to what an operation of ours that the row knows nothing of has written; VERSION_NEWER: go on. */
    enum version_order there;
    struct version there_version;
    const struct row *
        winner; /* the old system merged this record into that one's; NULL: it did not, or has no row */
    struct span winner_key;  /* of it, behind all redirects; empty: not merged */
    const struct row *loser; /* a record merged into this one: its twin is a candidate; NULL none */
    struct span loser_twin;  /* the target id under which that one is found */
    const struct row *post;  /* a form's post that has a candidate for its twin; NULL none */
    struct span post_twin;   /* that candidate */
    struct span take_over;   /* that one is to be merged into this record; empty none */
    bool inherits;           /* the twin found is that one's */
    bool redirected;     /* the twin was merged into another target record, which is the twin now */
    bool wait_for_index; /* lock, but create only after the target's index would show another */
    /* what came of it */
    bool row_changed;
    enum outcome_what what;
    const char *class_, *why;
    const char *hint;     /* publish a hint with these words; NULL none */
    struct span hint_key; /* about that record; empty: about this one */
    int64_t hint_not_before_ms;
    const char *dead_letter; /* reason class; NULL none */
};

/* apply.c */
struct apply_entity *apply_entity(struct apply *apply, const struct entity *entity);
struct store_owner apply_owner(const struct apply_entity *ae);
int64_t apply_now_ms(const struct apply *apply); /* Redis' clock, by ours since the chunk began */
/* store outcome → 0, or -1 with err ERR_RETRY (and, when closed, what has to be done first is remembered). */
int apply_store(struct apply *apply, enum store_outcome outcome, struct err *err);

/* gate.c: 0; or -1 with err saying what is missing, and for how long to wait. */
int gate_pass(struct apply *apply, int64_t *ret_retry_after_ms, struct err *err);

/* chunk.c */
/* A request of this chunk, empty; NULL when APPLY_OPS_MAX are in use. */
struct rest_op *apply_op(struct apply *apply);
/* Run reads; all must succeed, because "not found" decides. */
int apply_read(struct apply *apply, struct rest_op **ops, int n, int64_t *ret_retry_after_ms,
               struct err *err);
/* Before the chunk ends: nothing borrows its answer. */
void apply_op_release(struct apply *apply, struct rest_op *op);
void apply_chunk_begin(struct apply *apply);
/* So many records, at most `most`, whose requests fit into APPLY_OPS_MAX, whatever the system takes at once. */
int apply_chunk_max(const struct apply *apply, const struct apply_entity *ae, int most);

/* load.c */
/* Decode the work's message and name its record; what is no event becomes a dead letter. -1 only for a message of a newer format. */
int load_event(struct apply *apply, struct apply_entity *ae, struct work *work, struct err *err);
/* Row, operation in flight and candidates of each work that has an event; Redis' clock. */
int load_rows(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
              struct err *err);
/* Of due works: the rows, then the event that waits in each. */
int load_woken(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
               struct err *err);

/* work.c: a chunk in which each record appears once, through all stages. Returns 0: all durable; -1: as handler batch(). */
int work_chunk(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
               int64_t *ret_retry_after_ms, struct err *err);

/*
 * What the operation of this marker may have written, into row.sent: the fields in which the record of the event whose content it names differs from
 * the base. False: neither this event nor the row's pending one is the one, so nobody knows.
 */
bool work_derive_sent(struct apply *apply, struct apply_entity *ae, struct work *work,
                      struct span marker);

/* twin.c: one round of finding and reading for the works in WORK_FIND. Found or surely absent: the plan may be made. */
int twin_find(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
              int64_t *ret_retry_after_ms, struct err *err);

/* history.c: the works in WORK_HISTORY read once more, with who wrote what; planned then, or back in WORK_FIND. */
int history_read(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                 int64_t *ret_retry_after_ms, struct err *err);
/* Which properties' histories are asked for: all of the entity's, or those of names, and at[property] − 1 is the place in them, −1 not asked. */
struct history_names {
    const char *const *names;
    int count;
    const int *at;
};
/* The works' twins with those histories, by target id. */
int history_fetch(struct apply *apply, struct apply_entity *ae, struct history_names wanted,
                  struct work **works, int n, struct map *by_id, int64_t *ret_retry_after_ms,
                  struct err *err);
/* May a write of ours overtake an edit, and does the system tell of it? */
bool history_tells(const struct apply *apply);
/* When the operation of this marker was executed, by the marker's own history; −1 not known. */
int64_t history_written_at(const struct apply_entity *ae, struct span marker,
                           const struct rest_record *record);
/* What that operation made of a field: the place in its history; −1: nothing, or nothing that is known. */
int history_entry(const struct apply_entity *ae, struct span marker,
                  const struct rest_record *record, int f);
/* A value that a person gave the field between what was seen of it (NULL: nothing that is known) and that operation; NULL: none. */
const struct raw_value *history_overtaken(struct apply *apply, const struct apply_entity *ae,
                                          struct span marker, const struct rest_record *record,
                                          int f, const struct base_side *seen);
/* Did the entry of ours give the field the value back that a person had entered? That is no value of the old system. */
bool history_put_back(struct apply *apply, const struct apply_entity *ae,
                      const struct rest_record *record, int f, int at);

/* raced.c */
/* Has the write that was planned to be followed by raced_look? */
bool raced_wanted(const struct apply *apply, const struct apply_entity *ae,
                  const struct work *work);
/*
 * The works in WORK_WRITTEN: did they overtake an edit that a person made after we had read the twin? Nearly never, and they are done; else
 * merged once more with that edit, and done or WORK_SEND: it is put back.
 */
int raced_look(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
               int64_t *ret_retry_after_ms, struct err *err);

/* decide.c */
/* What the new system says of the fields, from values by ae->properties; entity->field_count of them, in the chunk's arena. */
struct value *decide_read(struct apply *apply, const struct apply_entity *ae,
                          const struct raw_value *values);
/*
 * Fill new_now, verdicts and restore from the twin as read (NULL: it does not exist). False: nothing is decided yet, a record with histories
 * (REST_HISTORY) has to be given. Moves the base of what an unknown operation turned out to have written.
 */
bool decide_fields(struct apply *apply, struct apply_entity *ae, struct work *work,
                   const struct rest_record *record);

/* judge.c */
/* What the twin's marker says: moves bases, sets work->overtaken, hidden, behind, there. True: all that our operation there has written is known. */
bool judge_marker(struct apply *apply, struct apply_entity *ae, struct work *work);
/* The twin is ours, and no row knows what we wrote: what differs there is in doubt. */
void judge_lost_base(struct apply *apply, struct apply_entity *ae, struct work *work);
/* What a former owner's row says counts only of what it wrote itself, and where that still stands. */
void judge_forget_refused(struct row *row, int field_count, struct arena *arena);

/* decide.c, too */
/* A person's edit counts that our write of this field overtook: the field is merged once more. */
void decide_raced(struct apply *apply, struct apply_entity *ae, struct work *work,
                  const struct rest_record *record, int f, const struct raw_value *edit);
/* What a late request of ours (its marker) made of a field that our write does not speak of is undone. */
void decide_late(struct apply *apply, struct apply_entity *ae, struct work *work,
                 const struct rest_record *record, int f, struct span marker);

/* plan.c */
/* Merge with the twin as read (NULL: it does not exist) and render the request; ends in WORK_SEND, WORK_HISTORY, or WORK_DONE when nothing is to be written. */
void plan_make(struct apply *apply, struct apply_entity *ae, struct work *work,
               const struct rest_record *record);
/* An operation of ours that the row knows nothing of wrote a newer version (or one that nobody can put in order): then nothing is written, and true. */
bool plan_behind(struct work *work);
/* Name the operation that is planned. */
void plan_marker(struct apply *apply, struct apply_entity *ae, struct work *work);
/* Does the plan put a person's edit back? */
bool plan_restores(const struct apply_entity *ae, const struct work *work);
/* The target took the item: the base moves to what it stored. */
void plan_written(struct apply *apply, struct apply_entity *ae, struct work *work);
/* It did, and raced_look found an edit that was overtaken: what is left to be written, or done. */
void plan_raced(struct apply *apply, struct apply_entity *ae, struct work *work);
/* Nothing of the record itself is to be written, only its associations. */
void plan_linked(struct apply *apply, struct apply_entity *ae, struct work *work);
/* A question of the row: one that was open already keeps its age. */
void plan_ask(const struct apply *apply, const struct row *before, struct held *question);

/* defer.c: nothing more is written of this record now. The works are done. */
/* The whole record becomes a question; its event stays with it. */
void defer_hold(struct apply *apply, struct work *work, enum held_class class_, struct span detail);
/* The operation was sent and nobody knows what came of it. */
void defer_uncertain(struct apply *apply, struct work *work);
/* What is left after a write that was executed cannot be sent now: the row speaks of that write as of one of unknown outcome. */
void defer_unsent(struct apply *apply, struct work *work);
/* The target refused the record: dead letter, and a question until something newer comes. */
void defer_reject(struct apply *apply, struct work *work, const char *why);
void defer_wait(struct apply *apply, struct work *work, int64_t delay_ms, const char *why);
/* The same, longer with each attempt. */
void defer_retry(struct apply *apply, struct work *work, const char *why);

/*
 * delete.c: what becomes of the twin of a record that the old system deleted or merged away (design §6: `deleted`).
 */
/* Can the new system do what the entities' policies say? -1 with ERR_FATAL: `tandem check` says where. */
int delete_check(struct apply *apply, struct err *err);
/* After the decision by version: a delete without a twin, or of what nobody moved, is done; any other goes on to find its twin. */
int delete_begin(struct apply *apply, struct apply_entity *ae, struct work *work, struct err *err);
/* The twin is not there (any more): both agree. */
void delete_gone(struct apply *apply, struct apply_entity *ae, struct work *work);
/* The twin as read: archive it, remove it, keep it, or ask. As plan_make. */
void delete_plan(struct apply *apply, struct apply_entity *ae, struct work *work,
                 const struct rest_record *record);
/* The target did it (or it was gone already). */
void delete_written(struct apply *apply, struct apply_entity *ae, struct work *work);
/* Does the planned request end the twin? */
bool delete_ends(const struct work *work);
/* Did we archive the twin that is missing, without having heard so? Then there is none: one may be created. */
bool delete_forgets(struct apply *apply, struct apply_entity *ae, struct work *work);
/* The row says that the record is deleted or merged away; nothing waits and nothing is asked any more. */
void delete_note(struct apply *apply, struct apply_entity *ae, struct work *work,
                 enum outcome_what what, const char *class_);
/* There is no twin: nothing is locked for this record, and nothing was agreed on. */
void delete_forget_twin(struct apply *apply, const struct apply_entity *ae, struct row *row);
void delete_ask(struct apply *apply, struct apply_entity *ae, struct work *work,
                enum held_class class_, struct span detail, const char *words);
/* Of an outcome: what stands in the twin. */
int delete_fields(struct apply *apply, const struct apply_entity *ae, const struct work *work,
                  struct outcome_field **ret_fields);

/* redirect.c: records that the old system merged into one. */
/* Of a delete that is a merge: the winner and its row. */
int redirect_winner(struct apply *apply, struct apply_entity *ae, struct work *work,
                    struct err *err);
/* Is the winner the record of this id? */
bool redirect_leads_to(const struct work *work, struct span id);
/* What becomes of the loser's twin as read. False: as for a delete. */
bool redirect_plan(struct apply *apply, struct apply_entity *ae, struct work *work,
                   const struct rest_record *record);
/* A candidate of a work without a twin carries another record's id: was that one merged into this? Then work.loser is its row. */
int redirect_loser(struct apply *apply, struct apply_entity *ae, struct work *work,
                   struct span owner_id, const struct rest_record *record, struct err *err);
/* Is this candidate the loser's twin? */
bool redirect_inherits(const struct work *work, const struct rest_record *record);
/*
 * What stands in this record's way is a post's, with this row (NULL: it has none yet): taken over once it is settled, and has a twin; looked at again until then. A post that is
 * itself a question stays one, and so does this record. After defer_hold.
 */
void redirect_take_post(struct apply *apply, struct work *work, const struct row *post);
/* The same, where its claim does: holder is the key of another record, perhaps a post. */
int redirect_holder(struct apply *apply, struct apply_entity *ae, struct work *work,
                    struct span holder, struct err *err);
/* Queued: the post take_over is merged into this work's record. The same event however often it is put. */
int redirect_put_post(struct apply *apply, const struct apply_entity *ae, const struct work *work,
                      struct err *err);
/* The twin is the loser's: what that one agreed on with it holds for this one. */
void redirect_take_base(const struct apply_entity *ae, struct work *work);

/*
 * begin.c: lock the works in WORK_SEND, in place the n of them whose rows will fit; intents are on Kafka. What another holds, or must wait, leaves WORK_SEND. Returns
 * how many, or -1 as write_send.
 */
int begin_works(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                struct err *err);

/* answer.c: what the target said of one item; its work ends in another stage. */
enum write_result answer_of(const struct rest_item *item);
void answer_read(struct apply *apply, struct apply_entity *ae, struct work *work,
                 enum write_result result);
/* It can never take the record, in its words. */
void answer_refused(struct apply *apply, struct work *work, struct span message);

/* write.c: lock and send the works in WORK_SEND; each ends in another stage. */
int write_send(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
               int64_t *ret_retry_after_ms, struct err *err);

/* tell.c: queued, a done work's outcome, with its hint or dead letter. */
int tell(struct apply *apply, struct apply_entity *ae, const struct work *work, struct err *err);
/* One outcome message of a work, e.g. an intent, queued. */
int tell_outcome(struct apply *apply, struct apply_entity *ae, const struct work *work,
                 enum outcome_what what, struct err *err);

/* settle.c: rows, outcomes, hints and dead letters of the done works on Kafka, then Redis. */
int settle_works(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
                 struct err *err);
/* The open questions of a row, queued: a message of <ns>.review, or null when there is none. */
int settle_review(struct apply *apply, const struct apply_entity *ae, const struct row *row,
                  struct err *err);

#ifdef TANDEM_MUTANT_REDIS_FIRST
int settle_redis_first(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                       struct err *err);
#endif

/* partition.c */
int partition_assigned(struct apply *apply, struct apply_entity *ae, int32_t partition,
                       struct err *err);
void partition_revoked(struct apply *apply, struct apply_entity *ae, int32_t partition);
bool partition_is_assignment(struct span key);
/* row as it is put on Kafka and into Redis in our name, its questions told; copied into arena. */
int partition_render(struct apply *apply, struct apply_entity *ae, int32_t partition,
                     struct row *row, struct arena *arena, struct store_finish *ret_finish,
                     struct err *err);
int partition_put(struct apply *apply, struct apply_entity *ae, const struct store_finish *finish,
                  struct err *err); /* on Kafka only; not settled */
/* Header of every row on the state topic: lets the tail see a foreign one without reading it. */
struct sink_header partition_epoch_header(int64_t epoch, char text[24]);

/* tail.c: reading an owned partition's rows, from its assignment on; a former owner's is written over with ours. */
int tail_begin(struct apply *apply, struct apply_entity *ae, int32_t partition, int64_t from,
               struct err *err);
void tail_end(struct apply *apply, struct apply_entity *ae, int32_t partition);
/* Rows of ours that are on Kafka, and where: they need not be read. Those that nobody tells of are read as well. */
void tail_wrote(struct apply *apply, struct apply_entity *ae, const struct store_finish *rows,
                const struct sink_report *reports, int n);
int tail_read(struct apply *apply, struct err *err);

/* replay.c: from: the mark to which Redis was brought; highest_epoch: of the rows before it. */
int partition_replay(struct apply *apply, struct apply_entity *ae, int32_t partition, int64_t from,
                     int64_t highest_epoch, struct err *err);
/* The row of a record whose only trace is a refused row: nothing is written for it before both systems were read. */
int partition_uncertain(const struct entity *entity, const struct row *refused, struct arena *arena,
                        int64_t epoch, struct store_finish *ret_row, struct err *err);

/* rebuild.c: one step; 0 when the scripts are open again. */
int rebuild_step(struct apply *apply, int64_t *ret_retry_after_ms, struct err *err);

/* listing.c: one bounded step; 0 when the target is listed. */
int listing_step(struct apply *apply, struct apply_entity *ae, int64_t *ret_retry_after_ms,
                 struct err *err);
/* The match index names of a target record: external id and match values, into names (1 + APPLY_MATCH_MAX). */
int listing_names(const struct apply_entity *ae, const struct rest_record *record,
                  struct arena *arena, struct span *names);

/* due.c: what waits for its time in the owned partitions. */
int due_work(struct apply *apply, int64_t *ret_retry_after_ms, struct err *err);

#endif
