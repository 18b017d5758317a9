/*
 * filter — conditions on records as SQL with bound values, for SOQL and for
 * HubSpot's search alike. Range conditions on the id and on the modstamp are
 * rendered so that SQLite cannot choose an index by them; their implied bounds
 * are kept instead, so that a keyset such as (ts = T AND id > X) OR ts > T is
 * one ordered walk from T.
 */
#ifndef TANDEM_SANDBOX_FILTER_H
#define TANDEM_SANDBOX_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "tests/sandbox/store.h"

enum filter_op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_LIKE, OP_COUNT };

/* What a condition says about the modstamp: every matching row lies in [low_ms, high_ms]. */
struct bounds {
    int64_t low_ms, high_ms;
    char low_id[ID_BYTES]; /* and its id is >= this */
};

extern const struct bounds BOUNDS_NONE;
struct bounds bounds_and(struct bounds a, struct bounds b);
struct bounds bounds_or(struct bounds a, struct bounds b);

struct sql_value {
    bool is_text, is_null;
    int64_t number;
    double real;
    bool is_real;
    char *text; /* owned */
};

struct filter {
    struct buf sql;
    struct sql_value *values; /* bound as ?2, ?3 …; ?1 is the object */
    int count, cap;
};

void filter_init(struct filter *filter);
void filter_clear(struct filter *filter);

/* Each appends "?N" and keeps the value. */
void filter_int(struct filter *filter, int64_t value);
void filter_real(struct filter *filter, double value);
void filter_text(struct filter *filter, struct span text);

/* The SQL expression of a property; ordered: in a form that may not use an index. */
void filter_column(struct filter *filter, const struct property *property, bool ordered);

/* Bind ?1 and all values to a prepared statement. */
void filter_bind(const struct filter *filter, sqlite3_stmt *statement, const char *object);

/*
 * A statement over what readers see: current rows without shadowed ones, and
 * the shadows in their place. where: rendered conditions; order: e.g.
 * "modstamp_ms,id"; deleted: rows with IsDeleted too. Finalise it.
 */
sqlite3_stmt *filter_select(struct store *store, const struct filter *where, struct bounds bounds,
                            const char *object, const char *order, bool deleted);

#endif
