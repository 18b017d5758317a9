/*
 * table — what was read from both systems, the state topic and the
 * dead-letter topic, in a temporary SQLite file: the join of millions of records needs no memory.
 */
#ifndef TANDEM_VERIFY_TABLE_H
#define TANDEM_VERIFY_TABLE_H

#include "base/buf.h"
#include "base/err.h"
#include "consumers/verify/judge.h"

struct table;

/* In $TMPDIR (SQLite's rules); gone when closed. cache_kib: what it may keep in memory. */
struct table *table_open(int cache_kib, struct err *err);
void table_close(struct table *table);
/* Everything of the systems (not the rows and letters): before a new reading. */
int table_forget_systems(struct table *table, struct err *err);

/* A write transaction around many puts. */
int table_begin(struct table *table, struct err *err);
int table_commit(struct table *table, struct err *err);

struct table_old {
    struct span id, key;
    struct span values; /* values_put; data NULL: it fails its mapping */
};
struct table_new {
    struct span id, external_id, marker;
    struct span values;
    struct span writers; /* enum judge_writer a field; data NULL: not asked */
};
int table_put_old(struct table *table, const struct table_old *record, struct err *err);
int table_put_new(struct table *table, const struct table_new *record, struct err *err);
int table_remove_old(struct table *table, struct span id, struct err *err);
int table_remove_new(struct table *table, struct span id, struct err *err);

/* status, held: for the counts; key is unique. text data NULL removes the row. */
struct table_row {
    struct span key, text, twin;
    enum state_status status;
    unsigned held_mask; /* bit per enum held_class */
    bool gone; /* deleted or merged in the old system: names its twin without claiming it */
};
int table_put_row(struct table *table, const struct table_row *row, struct err *err);
int table_has_row(struct table *table, struct span key, bool *ret_has, struct err *err);
/* One of the names under which a record of the old system is found: the hash of field and match key. */
int table_put_name(struct table *table, uint64_t hash, struct span old_id, struct err *err);
/* Once, when both systems have been read: names can be found from now on. */
int table_index_names(struct table *table, struct err *err);
/* A declared truth let both values stand; of texts that table_truth_text wrote. */
int table_put_truth(struct table *table, struct span key, int field, struct span old_text,
                    struct span new_text, struct err *err);
int table_put_letter(struct table *table, struct span key, struct span reason, struct err *err);

/* One record of the old system with everything that is known about it. Spans borrowed until the
 * next. */
struct table_pair {
    struct table_old old_record;
    struct span row;       /* data NULL: none */
    struct span row_twin;  /* the target id that the row names; empty: none */
    struct table_new twin; /* the record whose id the row names; id data NULL: not there */
    enum judge_letter letter;
    bool shared_twin;
};
/* Every record of the old system, by id; only_suspects: those marked by table_suspect. */
int table_each_pair(struct table *table, bool only_suspects,
                    int (*fn)(void *self, const struct table_pair *pair, struct err *err),
                    void *self, struct err *err);

/* The twin that the row of key names, in the arena; SPAN_NONE: there is none. */
int table_twin_of(struct table *table, struct span key, struct arena *arena, struct span *ret_twin,
                  struct err *err);
/* Is there a record of the new system with this id? */
int table_has_new(struct table *table, struct span id, bool *ret_has, struct err *err);

/*
 * What a record of the new system is linked to, by field: as many as there are. remove: all of a record's, before it is read again.
 * LINK_MORE as target: there are more, which nobody told.
 */
extern const char LINK_MORE[];
int table_put_link(struct table *table, struct span id, int field, struct span target,
                   struct err *err);
int table_remove_links(struct table *table, struct span id, struct err *err);
int table_each_link(struct table *table, struct span id, int field,
                    int (*fn)(void *self, struct span target, struct err *err), void *self,
                    struct err *err);
/* The records of the new system in the order they were put: the next after *place (0: the first), in the arena; SPAN_NONE: that was the last. */
int table_next_new(struct table *table, int64_t *place, struct arena *arena, struct span *ret_id,
                   struct err *err);

/* What outcomes say of a record's fields: nothing at all for most tables. */
int table_each_truth(struct table *table, struct span key,
                     void (*fn)(void *self, int field, struct span old_text, struct span new_text),
                     void *self, struct err *err);

/* One record of the new system that no record of the old system is paired with. */
struct table_orphan {
    struct span id, external_id, marker, values;
    struct span
        row_key; /* the row that names it as twin; data NULL: none. The next are that row's: */
    bool row_gone, row_asks;
    bool source_here; /* the record its external id names is in the old system */
};
int table_each_orphan(struct table *table, bool only_suspects,
                      int (*fn)(void *self, const struct table_orphan *orphan, struct err *err),
                      void *self, struct err *err);

/* The records of the old system under one name, with what is known about them. */
int table_each_named(struct table *table, uint64_t hash,
                     int (*fn)(void *self, const struct table_pair *pair, struct err *err),
                     void *self, struct err *err);

/*
 * Marks for the second look: ids of the old and of the new system. counts: it is to be judged and counted then; else it is
 * only read again, because another record's judgement needs it.
 */
int table_suspect(struct table *table, enum value_side side, struct span id, bool counts,
                  struct err *err);
int table_forget_suspects(struct table *table, struct err *err);
int table_each_suspect(struct table *table, enum value_side side,
                       int (*fn)(void *self, struct span id, struct err *err), void *self,
                       struct err *err);
/* Remember what a suspect looked like; ret_moved: it looked otherwise last time. */
int table_look(struct table *table, enum value_side side, struct span id, uint64_t looks,
               bool *ret_moved, struct err *err);
/* It has been judged: no suspect any more from the next table_drop_settled on. */
int table_settle(struct table *table, enum value_side side, struct span id, struct err *err);
int table_drop_settled(struct table *table, struct err *err);

/* Counts of the rows, and of dead letters by reason (each record once). */
struct table_counts {
    int64_t old_records, new_records;
    int64_t rows[STATE_STATUS_COUNT];
    int64_t held[HELD_CLASS_COUNT];
};
int table_count(struct table *table, struct table_counts *ret_counts, struct err *err);
int table_each_reason(struct table *table,
                      int (*fn)(void *self, struct span reason, int64_t records, struct err *err),
                      void *self, struct err *err);

#endif
