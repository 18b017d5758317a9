/*
 * poll — the producer type that asks a system's API what changed (design §5):
 * backfill, incremental passes, and the hydration of hints. One process, one
 * thread, one system; in reading order:
 *
 *   poll.c         options, life cycle, one round of work
 *   entity.c       one entity: columns, metrics, the order of its passes
 *   hints.c        the consumer group on <ns>.hints.*: who owns what, hints in memory, their offsets
 *   describe.c     which properties there are, again and again; which of them are asked for
 *   hydrate.c      hints → one read for many → events
 *   pass.c         one page after another by keyset, the next one under way while this one is mapped
 *   page.c         is this page what was asked for? (pure)
 *   backfill.c     everything once, in the order of ids
 *   incremental.c  what was modified, again and again
 *   refresh.c      everything again, turn after turn, for what changed silently
 *   refresh_page.c a page of it against the rows that apply has; silent.c: which fields moved (pure)
 *   stall.c        what makes no progress is an alarm
 *   sweep.c        what the source's log says was deleted, behind a brake
 *   census.c       which known records a turn of the refresh did not list, where no log tells
 *   sweep_brake.c  what people are told of either, and answer
 *   sweep_hints.c  what either found becomes hints, told once
 *   publish.c      record → event or dead letter
 *   memory.c       what was delivered within the overlap
 *
 * The rule that everything here keeps: events → every delivery report → cursor or offset. A
 * crash or a second owner (a zombie) in between gives duplicates, never a gap.
 */
#ifndef TANDEM_POLL_H
#define TANDEM_POLL_H

#include <librdkafka/rdkafka.h>

#include "base/metrics.h"
#include "producers/poll/memory.h"
#include "producers/poll/page.h"
#include "remote/rest.h"
#include "remote/rows.h"
#include "stream/brake.h"
#include "stream/cursor.h"
#include "stream/group.h"
#include "stream/source.h"
#include "stream/topics.h"

enum {
    POLL_DENIED_WAIT_MS =
        60 * 1000, /* 401/403: a person must act; the secret files are read again */
    POLL_BLOCK_MIN_MS = 100,
    POLL_UNREPORTED_MAX = 5000, /* events on their way to Kafka before the next page is put */
    POLL_HINTS_MAX = 10000,     /* in memory, of all partitions; more pauses the group */
    POLL_WHY_BYTES = 400
};

struct poll;
struct poll_entity;

/* ---- pass: pages of one entity, one after another ---- */

struct pass {
    struct poll_entity *entity;
    enum rest_kind kind;           /* REST_BACKFILL or REST_INCREMENTAL */
    enum budget_priority priority; /* of the kind, unless set after pass_init */
    int page_records;      /* asked for now: halved when a page is too large, then doubled again */
    struct keyset at;      /* behind the last page taken */
    int64_t to_ms;         /* REST_INCREMENTAL */
    struct rest_op ops[2]; /* one at hand, one under way */
    int next;              /* which of them is (or will be) under way */
    bool under_way;
    int grown;      /* pages taken since the size changed */
    int stalls;     /* pages in succession that were not what was asked for */
    bool described; /* since the last page that was given */
    int64_t
        retry_after_ms; /* not BUDGET_LIVE: of ERR_RETRY of pass_take, which holds up this pass alone; 0: the others too */
    char why[POLL_WHY_BYTES]; /* it waits; "" */
};

void pass_init(struct pass *pass, struct poll_entity *entity, enum rest_kind kind);
/* Only after rest_close: what is under way borrows the ops. */
void pass_clear(struct pass *pass);

/* Begin behind this place. Drops a page that is under way. */
void pass_begin(struct pass *pass, struct keyset at, int64_t to_ms);

/*
 * 1 = the next page is in *ret_page, borrowed until the next call; at has moved behind it, and the
 * page after it has been asked for if there may be one. 0 = none yet: it was too large, a smaller
 * one is asked for with the next call. -1 = ERR_RETRY (asked again with the next call) or ERR_FATAL.
 */
int pass_take(struct pass *pass, struct rest_op **ret_page, struct err *err);

/* The pass waits, because; "": it goes on. Logged once, and a gauge. */
void pass_wait(struct pass *pass, const char *name, const char *why);

/* Ask for the next page if it is not under way. 1 = pass_take will not wait for it, 0 = it is on its way, -1 as pass_take. */
int pass_look(struct pass *pass, struct err *err);

/* Forget a page that is under way: it was asked for before something that it must not precede. */
void pass_drop(struct pass *pass);

/* ---- one entity ---- */

/* How a pass numbers its events in its cursor (cursor.h). */
struct sequence {
    int64_t put;     /* events put since the pass began */
    int64_t durable; /* of them, covered by a cursor */
};

struct backfill {
    struct pass pass;
    bool done;
    struct keyset at; /* behind the last page put */
    struct sequence sequence;
    int64_t pending; /* records read since the last cursor */
    int64_t checkpoint_mono_ms;
    int64_t total; /* REST_COUNT at the beginning, −1 unknown */
    int64_t logged_mono_ms, logged_put;
    int64_t next_mono_ms; /* while it waits */
};

struct incremental {
    struct pass pass;
    bool running; /* in the middle of a pass */
    bool first_page;
    int64_t cursor_ms;  /* everything modified before this was delivered */
    int64_t reached_ms; /* the same, once what was put has its reports */
    int64_t bound_ms;   /* where this pass ends: behind the source's own clock */
    char last_id[CURSOR_ID_BYTES];
    struct sequence sequence;
    int64_t pending, checkpoint_mono_ms;
    int64_t next_mono_ms; /* when the next pass begins */
    struct memory memory;
    struct memory_entry *delivered; /* put, not yet reported */
    int delivered_count, delivered_cap;
};

/* Which properties the old system has. */
struct describe {
    bool possible;    /* it describes its objects */
    bool *gone;       /* of wanted */
    struct buf known; /* all names of the last answer */
    int64_t next_mono_ms;
    struct rest_op op;
    struct metric *failures;
};

/* A turn reads every record once, spread over refresh_period_s. */
struct refresh {
    struct pass pass;
    struct rows *rows;    /* what apply has */
    bool running;         /* in the middle of a turn */
    struct keyset at;     /* behind the last page put */
    int64_t turn_ms;      /* when this turn (the last one) began, by the source's clock; 0 never */
    int64_t read;         /* records of this turn, since it began or was resumed */
    int64_t turn_records; /* of the last turn that this process read from its beginning; 0 */
    int64_t next_mono_ms;
    struct sequence sequence;
    int64_t pending, checkpoint_mono_ms;
    int64_t *silent;     /* entity->field_count: how often each moved without modified-at, ever */
    struct memory told;  /* what it published lately: the rows may be behind */
    bool *moved;         /* likewise, of one record */
    int64_t *page_moved; /* likewise, of one page, */
    int64_t page_silent; /* and of how many records */
    struct arena arena;  /* of a page */
    struct metric **fields, *records, *reread;
};

/* What is watched for standing still. */
enum stall_work {
    STALL_INCREMENTAL,
    STALL_BACKFILL,
    STALL_SWEEP,
    STALL_REFRESH,
    STALL_HINTS,
    STALL_COUNT
};
struct stall {
    uint64_t place; /* where it was seen last; 0: nothing to do */
    int64_t moved_mono_ms;
    bool raised;
};

/* Deletions and merges, from the source's own log. */
struct sweep {
    bool possible, running;           /* running: in the middle of the log */
    int64_t from_ms, to_ms;           /* everything that ended before from_ms was asked for */
    int64_t earliest_ms, covered_ms;  /* what the log says of itself; −1 nothing */
    char cursor[CURSOR_ID_BYTES * 2]; /* the next page; "": the first */
    int64_t found;
    struct buf ids;     /* of them, as many as the brake allows: "<ms> <id>\n" */
    struct memory told; /* of the overlap, with the time that the log gave */
    struct brake brake;
    struct sequence sequence;
    int64_t next_mono_ms;
    struct rest_op op;
    char why[POLL_WHY_BYTES]; /* the source refused; "" */
    struct metric *hinted, *refused;
};

/* Deletions without a log: what the rows know and a whole turn of the refresh did not list. */
enum census_state { CENSUS_IDLE, CENSUS_LISTING, CENSUS_SCANNING, CENSUS_FOUND };
struct census {
    bool possible;
    enum census_state state;
    uint64_t *listed;        /* hashes of ids, sorted since the turn ended */
    size_t count, cap;       /* of them */
    int64_t turn_ms, gap_ms; /* when the turn began; the gap that was known then */
    char cursor[ROWS_CURSOR_BYTES];
    int64_t found;
    struct buf ids; /* of them; lines as in sweep */
    int64_t next_mono_ms;
};

/* A hint in memory, from Kafka to its event's delivery report. */
struct hint_item {
    int64_t offset, not_before_ms, taken_mono_ms;
    char *id; /* owned; NULL: done when it came (another system's, unreadable) */
    uint64_t id_hash;
    bool repair, missed, done; /* missed: a listing lacks it */
};

struct hint_partition {
    bool owned;
    struct hint_item *items; /* [first, count) in offset order */
    int first, count, cap;
};

struct poll_entity {
    struct poll *poll;
    const struct entity *entity;
    char labels[64]; /* of metrics: entity="contact" */
    char hints_topic[TOPIC_NAME_BYTES];
    const char **wanted; /* old names, each once */
    int wanted_count;
    int *wanted_of;          /* field → wanted, −1 none */
    const char **properties; /* of them, what is there: what is asked for */
    int property_count;
    int *columns;  /* field → property, −1 none: MISSING, which is not blank */
    bool straight; /* property i is field i: no copy per record */
    bool owner;    /* hints partition 0 is ours: the passes are */
    bool ready;    /* cursors are loaded, the source's clock is known */
    struct stall stalls[STALL_COUNT];
    struct describe describe;
    struct backfill backfill;
    struct incremental incremental;
    struct refresh refresh;
    struct sweep sweep;
    struct census census;
    struct hint_partition *partitions;
    int partition_count;
    int read_records;     /* ids a read, halved when refused */
    bool read_described;  /* since the last read that was answered */
    struct rest_op ended; /* of hints: what the read did not find */
    struct rest_op read;  /* of hints, and of the count */
    struct arena read_arena;
    struct metric *published[PASS_COUNT], *suppressed, *dead, *hydrated;
};

/* ---- the instance ---- */

struct poll {
    /* options, see poll.c */
    int64_t interval_ms, page, chunk, overlap_memory, gather_ms;
    int64_t refresh_period_s, describe_interval_ms, stall_alarm_s;
    int64_t sweep_interval_ms, sweep_percent;
    bool run_backfill;

    const struct source_context *context;
    const struct system_settings *system;
    struct rest *rest;
    const struct rest_traits *traits;
    struct poll_entity *entities;
    int entity_count;

    struct group *group;
    int hints_pending; /* not done, of all partitions */
    bool hints_paused;

    int64_t blocked_until_mono_ms; /* the system wants to be left alone */
    char blocked_why[POLL_WHY_BYTES];
    int turn; /* which entity comes first in this round */
    int64_t source_ms,
        source_mono_ms; /* a lower bound of the source's clock, and when it held; −1 unknown */

    int settle_ms;         /* limit of a wait for reports: −1 none, at the end a few seconds */
    struct arena arena;    /* of one record, or of one round of hints */
    struct json_tape tape; /* of one hint */
};

/* ---- poll.c ---- */

/* The source's clock now, as far as its Date headers prove it: never ahead of it. −1 unknown. */
int64_t poll_source_ms(const struct poll *poll);
/* An answer came. */
void poll_saw_date(struct poll *poll, int64_t date_ms);
/*
 * An outcome that is neither done nor about this one request: leave the system alone for the time it asks for. Always -1 with
 * ERR_RETRY and words; until then poll() keeps saying them.
 */
int poll_block(struct poll *poll, enum rest_outcome outcome, int64_t retry_after_ms,
               struct err *err);
/* -1 of rest_start: as poll_block, or ERR_FATAL as it is. */
int poll_start_failed(struct poll *poll, struct err *err);
int64_t poll_mono_ms(const struct poll *poll);
/* Put a pass' cursor and wait for its report. */
int poll_put_cursor(struct poll_entity *entity, const char *pass, struct cursor *cursor,
                    struct sequence *sequence, struct err *err);

/* As far as it goes within the time: reports, then cursors, of every pass that is ours. Never fails: what is not done is repeated. */
void poll_checkpoint(struct poll *poll, int timeout_ms);

/* Wait until few enough events are without a report: each takes some two kilobytes until then. */
int poll_hold_back(struct poll *poll, struct err *err);

/* ---- entity.c ---- */

/* Zeroed before. entity is borrowed. */
int entity_open(struct poll_entity *self, struct poll *poll, const struct entity *entity,
                struct err *err);
void entity_clear(struct poll_entity *self); /* also half-open */
/* A bounded piece of each kind of work that is due: 1 = worked, 0 = nothing was due, -1 = err. */
int entity_step(struct poll_entity *self, struct err *err);
int64_t entity_due_mono_ms(const struct poll_entity *self);

/* ---- hints.c ---- */

int hints_open(struct poll *poll, struct err *err);
void hints_close(struct poll *poll);
/* Take what came within timeout_ms into memory; rebalances happen in here. */
int hints_take(struct poll *poll, int timeout_ms, struct err *err);
/* A hint's event has its report: its offset is stored as soon as all before it are done. */
void hints_done(struct poll_entity *entity, int32_t partition, int at);
void hints_store(struct poll_entity *entity, int32_t partition);
/* True if the hints of this key come to us: what others hydrate our memory cannot know. */
bool hints_own_key(const struct poll_entity *entity, struct span key);

/* ---- describe.c ---- */

int describe_open(struct poll_entity *entity, struct err *err); /* wanted, properties, columns */
void describe_clear(struct poll_entity *entity);
void describe_step(struct poll_entity *entity);
/* Ask now: something was refused. 1 = other properties are asked for from now on, 0 = the same, or nobody knows. No op of the entity's passes stays under way after 1. */
int describe_again(struct poll_entity *entity);

/* ---- hydrate.c: 1 = read some, 0 = nothing was due, -1 = err ---- */

int hydrate_step(struct poll_entity *entity, struct err *err);
/* When the first hint falls due; INT64_MAX: none waits. */
int64_t hydrate_due_mono_ms(const struct poll_entity *entity);

/* ---- backfill.c, incremental.c: as hydrate_step ---- */

void backfill_open(struct poll_entity *entity);
void backfill_clear(struct poll_entity *entity);
int backfill_load(struct poll_entity *entity, struct err *err);
int backfill_step(struct poll_entity *entity, struct err *err);
/* Wait for the reports of what was put, then write the cursor. */
int backfill_checkpoint(struct poll_entity *entity, struct err *err);

void incremental_open(struct poll_entity *entity);
void incremental_clear(struct poll_entity *entity);
/* found_backfill: a backfill was begun before. source_ms: Date of an answer. */
int incremental_load(struct poll_entity *entity, bool found_backfill, int64_t source_ms,
                     struct err *err);
int incremental_step(struct poll_entity *entity, struct err *err);
int incremental_checkpoint(struct poll_entity *entity, struct err *err);

/* ---- refresh.c: as above ---- */

int refresh_open(struct poll_entity *entity, struct err *err);
void refresh_clear(struct poll_entity *entity);
int refresh_load(struct poll_entity *entity, struct err *err);
int refresh_step(struct poll_entity *entity, struct err *err);
int refresh_checkpoint(struct poll_entity *entity, struct err *err);
int64_t refresh_due_mono_ms(const struct poll_entity *entity); /* INT64_MAX: never */

/* ---- refresh_page.c ---- */

/* The rows of a page's records, in the refresh's arena; page NULL: could they be read? As rows_read. */
int refresh_read_rows(struct poll_entity *entity, const struct rest_op *page,
                      struct span **ret_rows, struct err *err);
/* What is news goes on <ns>.changes; counts it, moves the place. -1: the page has to be read again. */
int refresh_put_page(struct poll_entity *entity, const struct rest_op *page,
                     const struct span *rows, struct err *err);
/* Refresh's counts as the cursor has them. What does not fit is left out: the metrics have it. */
void refresh_put_counts(const struct poll_entity *entity, char text[CURSOR_SILENT_BYTES]);
void refresh_read_counts(struct poll_entity *entity, const char *text);

/* ---- stall.c ---- */

/* Once a round, whatever else the round does. */
void stall_look(struct poll *poll);

/* ---- sweep.c: as above ---- */

void sweep_open(struct poll_entity *entity);
void sweep_clear(struct poll_entity *entity);
int sweep_load(struct poll_entity *entity, bool found_backfill, int64_t source_ms, struct err *err);
int sweep_step(struct poll_entity *entity, struct err *err);
/* From where the log is asked for: before from_ms, see there. */
int64_t sweep_low_ms(const struct poll_entity *entity);

/* ---- sweep_brake.c ---- */

/* Has anybody answered what the brake says? 0, or -1 as brake_read. */
int sweep_look(struct poll_entity *entity, struct err *err);
/* Stop: sweep_say() tells it. */
void sweep_brake(struct poll_entity *entity, enum brake_by by, int64_t found, int64_t known);
/* The brake as it is now, to people; returns 0 when Kafka has it. */
int sweep_say(struct poll_entity *entity, struct err *err);

/* ---- census.c: as above ---- */

void census_open(struct poll_entity *entity); /* after sweep_open */
void census_clear(struct poll_entity *entity);
int census_step(struct poll_entity *entity, struct err *err);
int64_t census_due_mono_ms(const struct poll_entity *entity); /* INT64_MAX: nothing to do */
/* What was listed and found so far does not count. */
void census_forget(struct poll_entity *entity);
/* A turn from its first id on would serve it; it is waited for, so the turn need not be spread. */
bool census_wants_turn(const struct poll_entity *entity);
bool census_hurries(const struct poll_entity *entity);
/* What a turn of the refresh tells it. */
void census_begin(struct poll_entity *entity);
int census_note_page(struct poll_entity *entity, const struct rest_op *page, struct err *err);
void census_turn_done(struct poll_entity *entity);

/* ---- sweep_hints.c ---- */

/* One line: "<ms> <id>\n"; −1: when is not known. The id contains no newline. */
void sweep_put_id(struct buf *ids, struct span id, int64_t at_ms);
/* Lines become hints, because why; returns 0 when Kafka has them. */
int sweep_put_hints(struct poll_entity *entity, const struct buf *ids, const char *why,
                    struct err *err);
/* What stands in the sweep's ids counts as told. */
void sweep_note_told(struct poll_entity *entity);
/* This deletion, with this time, within the overlap, by this process. */
bool sweep_was_told(const struct poll_entity *entity, struct span id, int64_t at_ms);

/* ---- publish.c ---- */

/* How a record was seen. */
struct sighting {
    enum event_pass pass;
    int64_t date_ms, duration_ms; /* of the answer */
    int64_t ts_ms;                /* our wall clock */
};
struct sighting sighting_of(const struct poll *poll, enum event_pass pass,
                            const struct rest_op *op);

/*
 * Record → event on <ns>.changes, or a dead letter if its mapping fails or it is too large. delivered (may be NULL):
 * what is to be remembered once the sink has settled; then an event that the memory knows is not put.
 * Returns 1 put, 0 not put (dead letter, known), -1 err (ERR_RETRY, ERR_FATAL).
 */
int publish_record(struct poll_entity *entity, const struct rest_record *record,
                   const struct sighting *sighting, struct memory_entry *delivered,
                   struct err *err);
/*
 * The two halves, for who looks at the event before it is put. Record → event, identified, in the instance's arena until the next record; -1
 * with ERR_REJECT: it cannot be mapped (key and version are there all the same).
 */
int publish_read(const struct poll_entity *entity, const struct rest_record *record,
                 const struct sighting *sighting, struct event *ret_event, struct err *err);
/* Returns as publish_record. */
int publish_event(struct poll_entity *entity, const struct rest_record *record, struct event *event,
                  struct err *err);
int publish_unmapped(struct poll_entity *entity, const struct rest_record *record,
                     const struct event *event, const char *reason, struct err *err);
/* Ended record (REST_ENDED) → a delete, or a merge, on <ns>.changes. Returns as publish_record. */
int publish_ended(struct poll_entity *entity, const struct rest_record *record,
                  const struct sighting *sighting, struct err *err);
/*
 * Neither listed nor read, and the source does not say what became of it → a delete, of a second behind the answer that lacks it (design §4): Date
 * names whole seconds. Returns as publish_record.
 */
int publish_gone(struct poll_entity *entity, struct span id, const struct sighting *sighting,
                 struct err *err);
/* A hint asked for a record that cannot be read. */
int publish_missing(struct poll_entity *entity, struct span id, const char *reason_class,
                    const char *reason, struct err *err);
/* "<system>:<id>", into the arena. */
struct span publish_key(const struct poll_entity *entity, struct span id, struct arena *arena);

extern const struct source_type source_poll;

#endif
