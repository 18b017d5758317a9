/*
 * table_query — the joins: what stands beside what.
 */
#include "consumers/verify/table_internal.h"

static const char PAIRS[] =
    "SELECT o.id, o.key, o.vals, s.text, s.twin, n.id, n.external, n.vals,"
    " CASE WHEN o.vals IS NULL"
    "  THEN EXISTS(SELECT 1 FROM letter l WHERE l.key=o.key AND l.reason='mapping')"
    "  ELSE 2*EXISTS(SELECT 1 FROM letter l WHERE l.key=o.key AND l.reason<>'mapping') END,"
    " EXISTS(SELECT 1 FROM state t"
    "  WHERE t.twin=s.twin AND t.twin<>'' AND t.key<>s.key AND NOT t.gone)"
    " FROM old o LEFT JOIN state s ON s.key=o.key LEFT JOIN new n ON n.id=s.twin";

static const char ORPHANS[] =
    "SELECT n.id, n.external, (SELECT s.key FROM state s WHERE s.twin=n.id AND s.twin<>'' LIMIT 1),"
    " EXISTS(SELECT 1 FROM old o WHERE o.id=n.external)"
    " FROM new n WHERE NOT EXISTS"
    " (SELECT 1 FROM state s JOIN old o ON o.key=s.key WHERE s.twin=n.id AND s.twin<>'')";

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
        .twin = {column(statement, 5), column(statement, 6), column(statement, 7)},
        .letter = (enum judge_letter)sqlite3_column_int(statement, 8),
        .shared_twin = sqlite3_column_int(statement, 9) != 0,
    };
    return call->fn(call->self, &pair, err);
}

int table_each_pair(struct table *table, bool only_suspects,
                    int (*fn)(void *self, const struct table_pair *pair, struct err *err),
                    void *self, struct err *err)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_printf(&sql, "%s%s", PAIRS,
               only_suspects ? " WHERE o.id IN (SELECT id FROM suspect WHERE side=0)" : "");
    buf_puts(&sql, " ORDER BY o.id");
    struct pair_call call = {fn, self};
    int failed = query(table, sql.data, give_pair, &call, err);
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
        .row_key = column(statement, 2),
        .source_here = sqlite3_column_int(statement, 3) != 0,
    };
    return call->fn(call->self, &orphan, err);
}

int table_each_orphan(struct table *table, bool only_suspects,
                      int (*fn)(void *self, const struct table_orphan *orphan, struct err *err),
                      void *self, struct err *err)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_printf(&sql, "%s%s", ORPHANS,
               only_suspects ? " AND n.id IN (SELECT id FROM suspect WHERE side=1)" : "");
    buf_puts(&sql, " ORDER BY n.id");
    struct orphan_call call = {fn, self};
    int failed = query(table, sql.data, give_orphan, &call, err);
    buf_clear(&sql);
    return failed;
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
