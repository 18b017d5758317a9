/*
 * soql_parser — what the parts of the SOQL parser share: the token at hand and
 * the one error.
 */
#ifndef TANDEM_SANDBOX_SOQL_PARSER_H
#define TANDEM_SANDBOX_SOQL_PARSER_H

#include "tests/sandbox/soql.h"
#include "tests/sandbox/soql_lexer.h"

struct parser {
    struct soql *soql;
    struct store *store;
    const char *text, *at;
    struct token now;
    int depth;
};

/* Each returns false with the first error kept. */
bool soql_fail(struct parser *p, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool soql_unexpected(struct parser *p);
bool soql_expect(struct parser *p, const char *word);

void soql_next(struct parser *p);
/* Steps over word if it is there. */
bool soql_accept(struct parser *p, const char *word);
/* A field of the object, stepped over; NULL with the error kept. */
const struct property *soql_field(struct parser *p);

/* c {AND c} or c {OR c}, rendered into the query's where. */
bool soql_condition(struct parser *p, struct bounds *ret_bounds);

#endif
