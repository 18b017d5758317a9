/*
 * soql — the subset of Salesforce's query language that the sandbox speaks,
 * turned into SQL:
 *
 *   SELECT a, b | COUNT() FROM S [WHERE c] [ORDER BY a [ASC|DESC], …] [LIMIT n]
 *   c: field = != < <= > >= LIKE IN NOT IN literal, AND, OR, NOT, parentheses
 *
 * As in the original, AND and OR do not mix on one level without parentheses
 * and dates stand without quotes
 * (https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_conditionexpression.htm).
 */
#ifndef TANDEM_SANDBOX_SOQL_H
#define TANDEM_SANDBOX_SOQL_H

#include "tests/sandbox/filter.h"

enum { SOQL_FIELDS_MAX = 200, SOQL_DEPTH_MAX = 50, SOQL_MAX_BYTES = 100000 };

struct soql {
    const char *object;                             /* the schema's spelling */
    const struct property *fields[SOQL_FIELDS_MAX]; /* borrowed from the schema */
    int field_count;
    bool count; /* SELECT COUNT() */
    struct filter where;
    struct bounds bounds;
    struct buf order; /* SQL */
    int64_t limit;    /* -1: none */
    char error[256];
    const char *error_code; /* MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE */
};

/* Parse text; false with error and error_code set. soql_clear in either case. */
bool soql_parse(struct soql *soql, struct store *store, const char *text);
void soql_clear(struct soql *soql);

#endif
