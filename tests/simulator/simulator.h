/*
 * simulator — one world on one thread with one random seed: tandem-apply itself, whole and unchanged, between fakes of the four
 * things it talks to (Kafka: sink.h and log_reader.h; Redis: store.h; the new system: rest.h; time), an old system that is edited
 * and captured, people who edit the new one, and a schedule that stops, kills and resumes processes at every step.
 *
 *   fake_kafka.c fake_redis.c fake_target.c   what apply links against instead of the real parts
 *   process.c                                 apply as coroutines: the consumer loop, failpoints, crashes, zombies
 *   source.c                                  the old system, its poller, the hints
 *   schedule.c                                what happens when; the end of a run
 *   model.c                                   what must hold, in 50 lines
 *   main.c                                    options, many runs, the report
 *
 * Everything a run needs lives in world.arena and is forgotten at its end. The same seed gives the same run.
 */
#ifndef TANDEM_TESTS_SIMULATOR_H
#define TANDEM_TESTS_SIMULATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/migration.h"
#include "model/state.h"
#include "model/truth.h"
#include "stream/event.h"

enum {
    SIM_RECORDS = 3,
    SIM_FIELDS = 3, /* email (matched, unique), title (the target stores it in upper case), city */
    SIM_PROCESSES = 2, /* of one consumer group, one partition */
    SIM_TARGETS_MAX = 32,
    SIM_TOKENS_MAX = 512, /* values that somebody ever entered */
    SIM_LATE_MAX = 16,
    SIM_STEPS = 60
};
enum sim_field { F_EMAIL, F_TITLE, F_CITY };
enum { SIM_LIFETIME_MS = 2000, SIM_INDEX_LAG_MS = 300, SIM_SESSION_MS = 1000 };

/* ---- the old system ---- */

struct source_record {
    const char *id;
    bool exists, ever, read; /* read: since it was changed */
    int64_t modified_ms;
    struct value values[SIM_FIELDS], before[SIM_FIELDS];
};

/* ---- Kafka: one partition of each topic ---- */

struct sim_message {
    struct span key, value, epoch;
};
struct sim_topic {
    const char *name;
    struct sim_message *messages;
    int count, cap;
};

/* ---- the new system ---- */

struct target_change {
    struct value value;
    int64_t at_ms;
    bool ours;
    struct target_change *before;
};
struct target_record {
    bool exists;
    const char *id;
    struct value values[SIM_FIELDS];
    int64_t human_at[SIM_FIELDS]; /* 0: ours, or nobody's; else when a person set it, in edits */
    struct span external_id, marker;
    int64_t version, created_ms;
    bool ours;                                       /* created by us */
    struct target_change *histories[SIM_FIELDS + 1]; /* newest first; the last one the marker's */
};

/* A write of one item on its way. */
struct target_write {
    int kind; /* enum rest_kind */
    struct span id, external_id;
    int64_t read_version; /* of the twin, as the process read it; −1: it saw none */
    struct span names[SIM_FIELDS + 3], values[SIM_FIELDS + 3];
    int count;
    int64_t until_ms; /* late: not executed after this */
    bool beyond;      /* sent after the time in which it had to be */
};

/* ---- what is counted ---- */

enum violation {
    VIOLATION_LOST,      /* at the end a field is neither right nor kept nor asked */
    VIOLATION_DOUBLE,    /* two target records for one source record, or one change written twice */
    VIOLATION_BACKWARDS, /* an older value over a newer one */
    VIOLATION_BLIND,     /* a person's value vanished without a trace in outcomes */
    VIOLATION_STUCK,     /* never at rest, or a process gave up */
    VIOLATION_FOLD,      /* Redis is not the fold of the state topic */
    VIOLATION_COUNT
};
extern const char *const VIOLATION_NAMES[];

/* What becomes of a request of writes. */
enum sim_fate { FATE_FINE, FATE_LATER, FATE_NOT_SENT, FATE_REPLY_LOST, FATE_LATE, FATE_BUSY };

/* A run without chance (script.c): where the process stops next, what becomes of the next requests. */
struct sim_script {
    bool on, no_values; /* no_values: a write is answered without them */
    const char *stop_at;
    enum sim_fate fates[4];
    int fate_count, fate_next;
};

struct world {
    struct sim_script script;
    uint64_t seed, random;
    bool t1, trace, quiet; /* quiet: the end of the run, no more faults */
    bool histories;        /* the new system tells who wrote what */
    int64_t now_ms;
    struct arena arena;
    struct source_record source[SIM_RECORDS];
    struct sim_topic changes, state, outcomes, hints, other;
    struct sim_message *captured; /* read from the old system, not published yet */
    int captured_count, captured_cap, hints_done;
    struct target_record targets[SIM_TARGETS_MAX];
    int target_count;
    struct target_write late[SIM_LATE_MAX];
    int late_count;
    int owner;         /* process that the group gave the partition to */
    int generation;    /* of the group: another with every owner */
    int64_t committed; /* offset of changes */
    /* what people and sources entered: token n is the digits n in a text */
    int tokens;
    int owed_by[SIM_TOKENS_MAX]; /* the record whose token is owed */
    bool human[SIM_TOKENS_MAX],
        traced[SIM_TOKENS_MAX], /* only people entered it; outcomes name it */
        owed[SIM_TOKENS_MAX]; /* overtaken on T3: the field's history has it, so outcomes have to name it in the end */
    /* When the old system had it first and last, and when a person entered it in the new one; in edits. */
    int64_t edits, first[SIM_TOKENS_MAX], last[SIM_TOKENS_MAX], entered[SIM_TOKENS_MAX];
    bool silent
        [SIM_RECORDS]; /* edited without a moved modified-at: no time tells which edit was newest */
    int64_t ours[SIM_RECORDS][SIM_FIELDS],
        wrote[SIM_RECORDS][SIM_FIELDS]; /* the newest that we wrote, the last */
    bool was_late[SIM_RECORDS];
    bool beyond
        [SIM_RECORDS]; /* a request left after its lifetime: found when the twin is read next */
    /* A late request wrote another record's id over its own: found when the twin is read next. */
    bool taken_over[SIM_RECORDS];
    bool overtaken[SIM_RECORDS][SIM_FIELDS]; /* somebody wrote over what he had not read */
    bool blanked[SIM_RECORDS]
                [SIM_FIELDS]; /* the old system had nothing there: a blank agrees with anything */
    /* Then a whole record may be a question: */
    bool collided[SIM_RECORDS], twin_deleted[SIM_RECORDS];
    bool created_late[SIM_RECORDS]; /* by a request from before its record was deleted */
    int email_edits[SIM_RECORDS];
    int64_t violations[VIOLATION_COUNT], anomalies[VIOLATION_COUNT];
};
extern struct world world;

/* world.random; a number below limit, and true once in n. */
uint32_t sim_below(uint32_t limit);
bool sim_chance(uint32_t n);
/* One line of the step log, printed only when a run is replayed. */
void sim_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sim_violation(enum violation violation, bool allowed, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

extern struct entity sim_entity;
void sim_declare(void);
void sim_unique_email(
    bool unique); /* in the new system: a create with one that is taken is refused */
extern struct truth_rule sim_truth; /* the one that may be declared */
extern struct migration sim_migration;

/* source.c */
void source_edit(int record);
void source_delete(int record);
void source_set(int record, int field, bool blank);    /* one field: a new value */
void source_capture(int record, enum event_pass pass); /* read it: an event to be published */
void source_publish(bool all); /* some event, not the oldest; or all of them */
bool source_hydrate(void);     /* what hints ask for; false: nothing to do yet */
int sim_token(bool human);     /* a new value */
struct value sim_value(int field, int token, bool human);
int sim_token_of(struct value value); /* −1: none */

/* fake_kafka.c */
void kafka_init(void);
void kafka_append(struct sim_topic *topic, struct span key, struct span value, struct span epoch);
void kafka_process_stops(int process); /* what it has put may or may not be there */

/* fake_redis.c */
void redis_init(void);
void redis_save(void);     /* a snapshot on disk */
void redis_rollback(void); /* restarted with the last snapshot */
void redis_flush(void);
bool redis_due_empty(void);
bool redis_rest(void); /* nothing in flight, nothing due */
/* The row of a record; false: none. Into world.arena. */
bool redis_row(int record, struct row *ret_row);
bool redis_is_fold(void); /* of the state topic */
/* Is the last row of each record on the state topic one that a fold takes? Compaction leaves no other. */
bool redis_survives_compaction(void);

/* fake_target.c */
void target_init(void);
void target_edit(int target);
void target_remove(int target);
void target_set(int target, int field, struct value value); /* by a person */
void target_add(int record); /* a person enters a record that the old system has */
void target_create(void);    /* somebody enters a record that is in the old system too */
void target_execute_late(bool all);
struct value target_stores(int field, struct value sent);

/* process.c */
void process_init(void);
void process_run(int process); /* until its next yield */
void process_crash(int process);
void process_stop(int process); /* SIGSTOP and SIGCONT */
bool process_is_idle(int process);
void process_give(int number); /* the partition */
bool process_is_stopped(int process);
int process_current(void);
const char *process_at(int process);
void process_yield(const char *where);
void process_end(void);
extern long process_crashes;

/* schedule.c */
void schedule_run(uint64_t seed, bool t1, bool trace);
void schedule_begin(uint64_t seed, bool t1, bool trace); /* an empty world */
void schedule_finish(void); /* everything comes to rest, and the model judges */

/* script.c: all of them, or the one of this name; how many went wrong. */
int script_run_all(const char *name);

/* model.c */
/* True: that is what we wrote there last, and it stands there. */
bool model_write(int record, int field, const struct target_record *was, struct value now,
                 bool overtaken);
bool model_puts_back(const struct target_change *newest);
void model_create(const struct target_record *target);
void model_archive(const struct target_record *target, bool overtaken);
void model_end(bool looked); /* looked: at each record of both systems, since the last change */

#endif
