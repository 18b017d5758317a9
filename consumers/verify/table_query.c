/*
 * table_query — the joins: what stands beside what.
 */
#include "consumers/verify/table_internal.h"

#define PAIR_COLUMNS                                                                         \
    "SELECT o.id, o.key, o.vals, s.text, s.twin, n.id, n.external, n.vals, n.writers,"       \
    " CASE WHEN o.vals IS NULL"                                                              \
    "  THEN EXISTS(SELECT 1 FROM letter l WHERE l.key=o.key AND l.reason='mapping')"         \
    "  ELSE 2*EXISTS(SELECT 1 FROM letter l WHERE l.key=o.key AND l.reason<>'mapping') END," \
    " EXISTS(SELECT 1 FROM state t"                                                          \
    "  WHERE t.twin=s.twin AND t.twin<>'' AND t.key<>s.key AND NOT t.gone)"
#define PAIR_JOINS " LEFT JOIN state s ON s.key=o.key LEFT JOIN new n ON n.id=s.twin"

static const char PAIRS[] = PAIR_COLUMNS " FROM old o" PAIR_JOINS " ORDER BY o.id";
static const char SUSPECT_PAIRS[] =
    PAIR_COLUMNS " FROM suspect x JOIN old o ON o.id=x.id" PAIR_JOINS
                 " WHERE x.side=0 AND x.counts ORDER BY o.id";
static const char NAMED[] =
    PAIR_COLUMNS " FROM name x JOIN old o ON o.id=x.id" PAIR_JOINS " WHERE x.hash=%lld";

/* asks (of the row): status is not idle, or it holds a question (0: a field's is one as well). */
#define ORPHAN_COLUMNS                                                      \
    "SELECT n.id, n.external, n.marker, n.vals, s.key, coalesce(s.gone,0)," \
    " coalesce(s.held<>0 OR s.status<>0,0), EXISTS(SELECT 1 FROM old o WHERE o.id=n.external)"
#define ORPHAN_JOIN                \
    " LEFT JOIN state s ON s.key=" \
    "(SELECT t.key FROM state t WHERE t.twin=n.id AND t.twin<>'' LIMIT 1)"
#define NOT_PAIRED                                                                        \
    " NOT EXISTS (SELECT 1 FROM state u JOIN old o ON o.key=u.key WHERE u.twin=n.id AND " \
    "u.twin<>'')"

static const char ORPHANS[] =
    ORPHAN_COLUMNS " FROM new n" ORPHAN_JOIN " WHERE" NOT_PAIRED " ORDER BY n.id";
static const char SUSPECT_ORPHANS[] =
    ORPHAN_COLUMNS " FROM suspect x JOIN new n ON n.id=x.id" ORPHAN_JOIN
                   " WHERE x.side=1 AND x.counts AND" NOT_PAIRED " ORDER BY n.id";

static struct span column(sqlite3_stmt *statement, int at)
{
    if (sqlite3_column_type(statement, at) == SQLITE_NULL)
        return SPAN_NONE;
    const char *text = (const char *)sqlite3_column_text(statement, at);
    return (struct span){text ? text : "", (size_t)sqlite3_column_bytes(statement, at)};
}

/* Run sql and give each line to each. */
static int query(struct table *table, const char *sql,
                 int (*each)(void *context, sqlite3_stmt *statement, struct err *err),
                 void *context, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(table_database(table), sql, -1, &statement, NULL) != SQLITE_OK)
        return table_fail(table, err);
    int result, failed = 0;
    while (!failed && (result = sqlite3_step(statement)) == SQLITE_ROW)
        failed = each(context, statement, err);
    if (!failed && result != SQLITE_DONE)
        failed = table_fail(table, err);
    (void)sqlite3_finalize(statement);
    return failed;
}

struct pair_call {
    int (*fn)(void *self, const struct table_pair *pair, struct err *err);
    void *self;
};

static int give_pair(void *context, sqlite3_stmt *statement, struct err *err)
{
    const struct pair_call *call = context;
    struct table_pair pair = {
        .old_record = {column(statement, 0), column(statement, 1), column(statement, 2)},
        .row = column(statement, 3),
        .row_twin = column(statement, 4),
        .twin = {.id = column(statement, 5),
                 .external_id = column(statement, 6),
                 .values = column(statement, 7),
                 .writers = column(statement, 8)},
        .letter = (enum judge_letter)sqlite3_column_int(statement, 9),
        .shared_twin = sqlite3_column_int(statement, 10) != 0,
    };
    return call->fn(call->self, &pair, err);
}

int table_each_pair(struct table *table, bool only_suspects,
                    int (*fn)(void *self, const struct table_pair *pair, struct err *err),
                    void *self, struct err *err)
{
    struct pair_call call = {fn, self};
    return query(table, only_suspects ? SUSPECT_PAIRS : PAIRS, give_pair, &call, err);
}

int table_each_named(struct table *table, uint64_t hash,
                     int (*fn)(void *self, const struct table_pair *pair, struct err *err),
                     void *self, struct err *err)
{
    struct buf sql;
    struct pair_call call = {fn, self};
    buf_init(&sql, 0);
    buf_printf(&sql, NAMED, (long long)hash);
    int failed = sql.failed ? err_set(err, ERR_FATAL, "out of memory")
                            : query(table, sql.data, give_pair, &call, err);
    buf_clear(&sql);
    return failed;
}

struct orphan_call {
    int (*fn)(void *self, const struct table_orphan *orphan, struct err *err);
    void *self;
};

static int give_orphan(void *context, sqlite3_stmt *statement, struct err *err)
{
    const struct orphan_call *call = context;
    struct table_orphan orphan = {
        .id = column(statement, 0),
        .external_id = column(statement, 1),
        .marker = column(statement, 2),
        .values = column(statement, 3),
        .row_key = column(statement, 4),
        .row_gone = sqlite3_column_int(statement, 5) != 0,
        .row_asks = sqlite3_column_int(statement, 6) != 0,
        .source_here = sqlite3_column_int(statement, 7) != 0,
    };
    return call->fn(call->self, &orphan, err);
}

int table_each_orphan(struct table *table, bool only_suspects,
                      int (*fn)(void *self, const struct table_orphan *orphan, struct err *err),
                      void *self, struct err *err)
{
    struct orphan_call call = {fn, self};
    return query(table, only_suspects ? SUSPECT_ORPHANS : ORPHANS, give_orphan, &call, err);
}

/* Bound text: keys come from outside. */
int table_each_truth(struct table *table, struct span key,
                     void (*fn)(void *self, int field, struct span old_text, struct span new_text),
                     void *self, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(table_database(table), "SELECT field,old,new FROM truth WHERE key=?1",
                           -1, &statement, NULL) != SQLITE_OK)
        return table_fail(table, err);
    (void)sqlite3_bind_text64(statement, 1, key.data, key.len, SQLITE_STATIC, SQLITE_UTF8);
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW)
        fn(self, sqlite3_column_int(statement, 0), column(statement, 1), column(statement, 2));
    (void)sqlite3_finalize(statement);
    return result == SQLITE_DONE ? 0 : table_fail(table, err);
}

struct id_call {
    int (*fn)(void *self, struct span id, struct err *err);
    void *self;
};

static int give_id(void *context, sqlite3_stmt *statement, struct err *err)
{
    const struct id_call *call = context;
    return call->fn(call->self, column(statement, 0), err);
}

int table_each_suspect(struct table *table, enum value_side side,
                       int (*fn)(void *self, struct span id, struct err *err), void *self,
                       struct err *err)
{
    struct id_call call = {fn, self};
    return query(table,
                 side == SIDE_OLD ? "SELECT id FROM suspect WHERE side=0 ORDER BY id"
                                  : "SELECT id FROM suspect WHERE side=1 ORDER BY id",
                 give_id, &call, err);
}

static int take_systems(void *context, sqlite3_stmt *statement, struct err *err)
{
    (void)err;
    struct table_counts *counts = context;
    counts->old_records = sqlite3_column_int64(statement, 0);
    counts->new_records = sqlite3_column_int64(statement, 1);
    return 0;
}

static int take_rows(void *context, sqlite3_stmt *statement, struct err *err)
{
    (void)err;
    struct table_counts *counts = context;
    int status = sqlite3_column_int(statement, 0);
    int64_t mask = sqlite3_column_int64(statement, 1), records = sqlite3_column_int64(statement, 2);
    if (status >= 0 && status < STATE_STATUS_COUNT)
        counts->rows[status] += records;
    for (int i = 0; i < HELD_CLASS_COUNT; i++) {
        if (mask >> i & 1)
            counts->held[i] += records;
    }
    return 0;
}

int table_count(struct table *table, struct table_counts *ret_counts, struct err *err)
{
    struct table_counts counts = {0};
    if (query(table, "SELECT (SELECT COUNT(*) FROM old), (SELECT COUNT(*) FROM new)", take_systems,
              &counts, err) != 0 ||
        query(table, "SELECT status, held, COUNT(*) FROM state GROUP BY status, held", take_rows,
              &counts, err) != 0)
        return -1;
    *ret_counts = counts;
    return 0;
}

struct reason_call {
    int (*fn)(void *self, struct span reason, int64_t records, struct err *err);
    void *self;
};

static int give_reason(void *context, sqlite3_stmt *statement, struct err *err)
{
    const struct reason_call *call = context;
    return call->fn(call->self, column(statement, 0), sqlite3_column_int64(statement, 1), err);
}

int table_each_reason(struct table *table,
                      int (*fn)(void *self, struct span reason, int64_t records, struct err *err),
                      void *self, struct err *err)
{
    struct reason_call call = {fn, self};
    return query(table, "SELECT reason, COUNT(*) FROM letter GROUP BY reason ORDER BY reason",
                 give_reason, &call, err);
}
