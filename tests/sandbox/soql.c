/*
 * soql — statements: SELECT … FROM … ORDER BY … LIMIT, and the parser's basics.
 */
#include "tests/sandbox/soql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/soql_parser.h"

bool soql_fail(struct parser *p, const char *code, const char *format, ...)
{
    if (p->soql->error_code)
        return false;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->soql->error, sizeof p->soql->error, format, args);
    va_end(args);
    p->soql->error_code = code;
    return false;
}

bool soql_unexpected(struct parser *p)
{
    if (p->now.type == TOK_END)
        return soql_fail(p, "MALFORMED_QUERY", "unexpected token: '<EOF>'");
    return soql_fail(p, "MALFORMED_QUERY", "unexpected token: '%.*s'", (int)p->now.text.len,
                     p->now.text.data);
}

void soql_next(struct parser *p)
{
    p->now = soql_token(p->text, &p->at);
}

bool soql_accept(struct parser *p, const char *word)
{
    if (!token_is(p->now, word))
        return false;
    soql_next(p);
    return true;
}

bool soql_expect(struct parser *p, const char *word)
{
    return soql_accept(p, word) || soql_unexpected(p);
}

const struct property *soql_field(struct parser *p)
{
    char name[NAME_BYTES];
    if (p->now.type != TOK_NAME) {
        soql_unexpected(p);
        return NULL;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)p->now.text.len, p->now.text.data);
    const struct property *property = schema_find(&p->store->schema, p->soql->object, name);
    if (!property)
        soql_fail(p, "INVALID_FIELD", "No such column '%s' on entity '%s'.", name, p->soql->object);
    else
        soql_next(p);
    return property;
}

static bool order_by(struct parser *p)
{
    struct filter order;
    filter_init(&order);
    bool ok = true;
    do {
        const struct property *property = soql_field(p);
        if (!(ok = property != NULL))
            break;
        if (order.sql.len)
            buf_putc(&order.sql, ',');
        filter_column(&order, property, false);
        if (soql_accept(p, "DESC"))
            buf_puts(&order.sql, " DESC");
        else
            soql_accept(p, "ASC");
        if (soql_accept(p, "NULLS")) {
            buf_puts(&order.sql, token_is(p->now, "LAST") ? " NULLS LAST" : " NULLS FIRST");
            if (!soql_accept(p, "LAST"))
                ok = soql_expect(p, "FIRST");
        }
    } while (ok && soql_accept(p, ","));
    buf_puts(&p->soql->order, order.sql.data);
    filter_clear(&order);
    return ok;
}

/* The list is read twice: its names mean nothing before FROM is known. */
static bool select_list(struct parser *p)
{
    if (soql_accept(p, "COUNT")) {
        p->soql->count = true;
        return soql_expect(p, "(") && soql_expect(p, ")");
    }
    do {
        if (p->soql->field_count == SOQL_FIELDS_MAX)
            return soql_fail(p, "MALFORMED_QUERY", "too many fields");
        if (!(p->soql->fields[p->soql->field_count++] = soql_field(p)))
            return false;
    } while (soql_accept(p, ","));
    return true;
}

static bool find_object(struct parser *p)
{
    struct parser ahead = *p;
    while (!token_is(ahead.now, "FROM") && ahead.now.type != TOK_END)
        soql_next(&ahead);
    if (!soql_accept(&ahead, "FROM")) {
        p->now = ahead.now;
        return soql_unexpected(p);
    }
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof name, "%.*s", (int)ahead.now.text.len, ahead.now.text.data);
    p->soql->object = schema_object(&p->store->schema, name);
    return p->soql->object ||
           soql_fail(p, "INVALID_TYPE", "sObject type '%s' is not supported.", name);
}

static bool statement(struct parser *p)
{
    if (!soql_expect(p, "SELECT") || !find_object(p) || !select_list(p) || !soql_expect(p, "FROM"))
        return false;
    soql_next(p); /* the object, found before */
    if (soql_accept(p, "WHERE") && !soql_condition(p, &p->soql->bounds))
        return false;
    if (soql_accept(p, "ORDER") && (!soql_expect(p, "BY") || !order_by(p)))
        return false;
    if (soql_accept(p, "LIMIT")) {
        if (p->now.type != TOK_NUMBER)
            return soql_unexpected(p);
        p->soql->limit = strtoll(p->now.text.data, NULL, 10);
        soql_next(p);
    }
    return p->now.type == TOK_END || soql_unexpected(p);
}

bool soql_parse(struct soql *soql, struct store *store, const char *text)
{
    memset(soql, 0, sizeof *soql);
    filter_init(&soql->where);
    buf_init(&soql->order, 0);
    buf_puts(&soql->order, "");
    soql->bounds = BOUNDS_NONE;
    soql->limit = -1;
    struct parser parser = {.soql = soql, .store = store, .text = text, .at = text};
    if (strlen(text) > SOQL_MAX_BYTES)
        return soql_fail(&parser, "MALFORMED_QUERY",
                         "SOQL statements cannot be longer than %d characters.", SOQL_MAX_BYTES);
    soql_next(&parser);
    if (!statement(&parser))
        return false;
    size_t len = soql->order.len;
    if (len == 0)
        buf_puts(&soql->order, "id");
    else if (strcmp(soql->order.data, "id") != 0 &&
             (len < 3 || strcmp(soql->order.data + len - 3, ",id") != 0))
        buf_puts(&soql->order, ",id"); /* ties come in some stable order */
    return true;
}

void soql_clear(struct soql *soql)
{
    filter_clear(&soql->where);
    buf_clear(&soql->order);
}
