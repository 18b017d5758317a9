/*
 * soql_lexer — names, literals and marks.
 */
#include "tests/sandbox/soql_lexer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

static struct token string_token(const char *start, const char **at)
{
    const char *p = start + 1;
    while (*p && *p != '\'')
        p += *p == '\\' && p[1] ? 2 : 1;
    if (!*p) {
        *at = p;
        return (struct token){.type = TOK_BAD, .text = {start, (size_t)(p - start)}};
    }
    *at = p + 1;
    return (struct token){.type = TOK_STRING, .text = {start + 1, (size_t)(p - start - 1)}};
}

/* Numbers and dates: 12, -1.5, 2026-01-02, 2026-01-02T03:04:05.000+00:00. */
static struct token number_token(const char *start, const char **at)
{
    const char *p = start + (*start == '-' || *start == '+');
    bool date = strlen(start) >= 10 && start[4] == '-' && start[7] == '-';
    while (isdigit((unsigned char)*p) || *p == '.' || (date && *p && strchr("-+:TtZz", *p)) ||
           (!date && (*p == 'e' || *p == 'E')))
        p++;
    struct token token = {.type = TOK_NUMBER, .text = {start, (size_t)(p - start)}};
    *at = p;
    if (date && token.text.len == 10)
        token.type = TOK_DATE;
    else if (date)
        token.type =
            timestamp_parse(start, token.text.len, &token.datetime_ms) ? TOK_DATETIME : TOK_BAD;
    return token;
}

struct token soql_token(const char *text, const char **at)
{
    (void)text;
    const char *p = *at;
    while (isspace((unsigned char)*p))
        p++;
    const char *start = p;
    if (!*p) {
        *at = p;
        return (struct token){.type = TOK_END, .text = {p, 0}};
    }
    if (*p == '\'')
        return string_token(p, at);
    if (isdigit((unsigned char)*p) || ((*p == '-' || *p == '+') && isdigit((unsigned char)p[1])))
        return number_token(p, at);
    if (isalpha((unsigned char)*p)) {
        while (isalnum((unsigned char)*p) || *p == '_' || *p == '.')
            p++;
        *at = p;
        return (struct token){.type = TOK_NAME, .text = {start, (size_t)(p - start)}};
    }
    size_t len = strncmp(p, "<=", 2) == 0 || strncmp(p, ">=", 2) == 0 || strncmp(p, "!=", 2) == 0 ||
                         strncmp(p, "<>", 2) == 0
                     ? 2
                     : 1;
    *at = p + len;
    return (struct token){.type = strchr("<>=!(),", *p) ? TOK_PUNCT : TOK_BAD, .text = {p, len}};
}

bool token_is(struct token token, const char *word)
{
    return (token.type == TOK_NAME || token.type == TOK_PUNCT) && strlen(word) == token.text.len &&
           strncasecmp(token.text.data, word, token.text.len) == 0;
}

void token_string(struct token token, struct buf *ret_text)
{
    for (size_t i = 0; i < token.text.len; i++) {
        char c = token.text.data[i];
        if (c == '\\' && i + 1 < token.text.len) {
            c = token.text.data[++i];
            c = c == 'n'   ? '\n'
                : c == 'r' ? '\r'
                : c == 't' ? '\t'
                : c == 'b' ? '\b'
                : c == 'f' ? '\f'
                           : c;
        }
        buf_putc(ret_text, c);
    }
}
