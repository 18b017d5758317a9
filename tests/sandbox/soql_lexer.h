/*
 * soql_lexer — SOQL text as tokens.
 */
#ifndef TANDEM_SANDBOX_SOQL_LEXER_H
#define TANDEM_SANDBOX_SOQL_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum token_type {
    TOK_END,
    TOK_NAME,
    TOK_STRING,
    TOK_NUMBER,
    TOK_DATE,
    TOK_DATETIME,
    TOK_PUNCT,
    TOK_BAD
};

struct token {
    enum token_type type;
    struct span text;    /* as written; of a string: without quotes, still escaped */
    int64_t datetime_ms; /* of TOK_DATETIME */
};

/* The token at *at; *at moves behind it. */
struct token soql_token(const char *text, const char **at);

bool token_is(struct token token, const char *word); /* a name or a mark, without regard to case */

/* A string token's value. */
void token_string(struct token token, struct buf *ret_text);

#endif
