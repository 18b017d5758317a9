/*
 * soql — recursive descent, straight into SQL.
 */
#include "tests/sandbox/soql.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/sf_format.h"
#include "tests/sandbox/sf_id.h"
#include "tests/sandbox/soql_lexer.h"

struct parser {
    struct soql *soql;
    struct store *store;
    const char *text, *at;
    struct token now;
    int depth;
};

static bool fail(struct parser *p, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct parser *p, const char *code, const char *format, ...)
{
    if (p->soql->error_code)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(p->soql->error, sizeof p->soql->error, format, args);
    va_end(args);
    p->soql->error_code = code;
    return false;
}

static bool unexpected(struct parser *p)
{
    if (p->now.type == TOK_END)
        return fail(p, "MALFORMED_QUERY", "unexpected token: '<EOF>'");
    return fail(p, "MALFORMED_QUERY", "unexpected token: '%.*s'", (int)p->now.text.len,
                p->now.text.data);
}

static void next(struct parser *p)
{
    p->now = soql_token(p->text, &p->at);
}

static bool accept(struct parser *p, const char *word)
{
    if (!token_is(p->now, word))
        return false;
    next(p);
    return true;
}

static bool expect(struct parser *p, const char *word)
{
    return accept(p, word) || unexpected(p);
}

static const struct property *field(struct parser *p)
{
    char name[NAME_BYTES];
    if (p->now.type != TOK_NAME) {
        unexpected(p);
        return NULL;
    }
    snprintf(name, sizeof name, "%.*s", (int)p->now.text.len, p->now.text.data);
    const struct property *property = schema_find(&p->store->schema, p->soql->object, name);
    if (!property)
        fail(p, "INVALID_FIELD", "No such column '%s' on entity '%s'.", name, p->soql->object);
    else
        next(p);
    return property;
}

static bool wrong_type(struct parser *p, const struct property *property)
{
    return fail(p, "INVALID_FIELD",
                "value of filter criterion for field '%s' must be of type %s and should %sbe "
                "enclosed in quotes",
                property->name, sf_type_name(property->type),
                property->type == FT_DATETIME || property->type == FT_DATE ? "not " : "");
}

static bool text_value(struct parser *p, const struct property *property, struct bounds *bounds,
                       enum filter_op op)
{
    struct buf text;
    buf_init(&text, 0);
    buf_puts(&text, "");
    token_string(p->now, &text);
    char id[SF_ID_BYTES];
    struct span value = buf_span(&text);
    if (property->type == FT_ID && sf_id_normalise(text.data, id))
        value = span_of(id);
    filter_text(&p->soql->where, value);
    bool plain = value.len > 0 && value.len < ID_BYTES;
    for (size_t i = 0; i < value.len && plain; i++)
        plain = isalnum((unsigned char)value.data[i]) != 0;
    if (property->place == AT_ID && plain && (op == OP_GT || op == OP_GE))
        snprintf(bounds->low_id, sizeof bounds->low_id, "%.*s", (int)value.len, value.data);
    buf_clear(&text);
    return true;
}

static bool datetime_value(struct parser *p, const struct property *property, struct bounds *bounds,
                           enum filter_op op)
{
    if (p->now.type != TOK_DATETIME)
        return wrong_type(p, property);
    int64_t ms = p->now.datetime_ms;
    if (property->place == AT_JSON) {
        char text[SF_DATETIME_BYTES];
        sf_datetime(ms, text);
        filter_text(&p->soql->where, span_of(text));
        return true;
    }
    filter_int(&p->soql->where, ms);
    if (property->place == AT_MODSTAMP) {
        if (op == OP_EQ || op == OP_GT || op == OP_GE)
            bounds->low_ms = op == OP_GT ? ms + 1 : ms;
        if (op == OP_EQ || op == OP_LT || op == OP_LE)
            bounds->high_ms = op == OP_LT ? ms - 1 : ms;
    }
    return true;
}

static bool number_value(struct parser *p, const struct property *property)
{
    if (p->now.type != TOK_NUMBER)
        return wrong_type(p, property);
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)p->now.text.len, p->now.text.data);
    filter_real(&p->soql->where, strtod(text, NULL));
    return true;
}

/* One literal as "?N". */
static bool literal(struct parser *p, const struct property *property, enum filter_op op,
                    struct bounds *bounds)
{
    bool done = false;
    switch (property->type) {
    case FT_DATETIME:
        done = datetime_value(p, property, bounds, op);
        break;
    case FT_DATE:
        if (p->now.type == TOK_DATE)
            filter_text(&p->soql->where, p->now.text);
        done = p->now.type == TOK_DATE || wrong_type(p, property);
        break;
    case FT_BOOLEAN:
        if (token_is(p->now, "true") || token_is(p->now, "false"))
            filter_int(&p->soql->where, token_is(p->now, "true"));
        else
            return wrong_type(p, property);
        done = true;
        break;
    case FT_INT:
    case FT_DOUBLE:
    case FT_CURRENCY:
        done = number_value(p, property);
        break;
    case FT_ID:
    case FT_STRING:
    case FT_EMAIL:
    case FT_PHONE:
    case FT_TEXTAREA:
    case FT_PICKLIST:
    case FT_REFERENCE:
    case FIELD_TYPE_COUNT:
        done = p->now.type == TOK_STRING ? text_value(p, property, bounds, op)
                                         : wrong_type(p, property);
        break;
    }
    if (done)
        next(p);
    return done;
}

static bool in_list(struct parser *p, const struct property *property, bool negated)
{
    struct bounds ignored = BOUNDS_NONE;
    filter_column(&p->soql->where, property, negated);
    buf_puts(&p->soql->where.sql, negated ? " NOT IN (" : " IN (");
    if (!expect(p, "("))
        return false;
    do {
        if (p->soql->where.sql.data[p->soql->where.sql.len - 1] != '(')
            buf_putc(&p->soql->where.sql, ',');
        if (!literal(p, property, OP_EQ, &ignored))
            return false;
    } while (accept(p, ","));
    buf_putc(&p->soql->where.sql, ')');
    return expect(p, ")");
}

static const char *const OPERATORS[OP_COUNT] = {"=", "!=", "<", "<=", ">", ">=", "LIKE"};
static const char *const SQL_OPERATORS[OP_COUNT] = {
    "=", " IS NOT ", "<", "<=", ">", ">=", " LIKE "};

static bool comparison(struct parser *p, struct bounds *bounds)
{
    const struct property *property = field(p);
    if (!property)
        return false;
    if (accept(p, "IN"))
        return in_list(p, property, false);
    if (token_is(p->now, "NOT")) {
        next(p);
        return expect(p, "IN") && in_list(p, property, true);
    }
    int op = 0;
    if (token_is(p->now, "<>"))
        op = OP_NE;
    else
        while (op < OP_COUNT && !token_is(p->now, OPERATORS[op]))
            op++;
    if (op == OP_COUNT)
        return unexpected(p);
    next(p);
    struct buf *sql = &p->soql->where.sql;
    bool email = property->place == AT_EMAIL;
    filter_column(&p->soql->where, property, op != OP_EQ);
    if (token_is(p->now, "null") && (op == OP_EQ || op == OP_NE)) {
        buf_puts(sql, op == OP_EQ ? " IS NULL" : " IS NOT NULL");
        next(p);
        return true;
    }
    buf_puts(sql, SQL_OPERATORS[op]);
    if (!literal(p, property, (enum filter_op)op, bounds))
        return false;
    if (property->place == AT_JSON && !email)
        buf_puts(sql, " COLLATE NOCASE");
    return true;
}

static bool condition(struct parser *p, struct bounds *bounds);

static bool term(struct parser *p, struct bounds *bounds)
{
    *bounds = BOUNDS_NONE;
    if (++p->depth > SOQL_DEPTH_MAX)
        return fail(p, "MALFORMED_QUERY", "query is too complicated");
    struct buf *sql = &p->soql->where.sql;
    bool ok;
    if (accept(p, "NOT")) {
        buf_puts(sql, "NOT ");
        ok = term(p, bounds);
        *bounds = BOUNDS_NONE;
    } else {
        buf_putc(sql, '(');
        ok = accept(p, "(") ? condition(p, bounds) && expect(p, ")") : comparison(p, bounds);
        buf_putc(sql, ')');
    }
    p->depth--;
    return ok;
}

static bool condition(struct parser *p, struct bounds *bounds)
{
    if (!term(p, bounds))
        return false;
    const char *word = token_is(p->now, "AND") ? "AND" : "OR";
    while (accept(p, word)) {
        struct bounds more;
        buf_printf(&p->soql->where.sql, " %s ", word);
        if (!term(p, &more))
            return false;
        *bounds = *word == 'A' ? bounds_and(*bounds, more) : bounds_or(*bounds, more);
    }
    if (token_is(p->now, "AND") || token_is(p->now, "OR"))
        return unexpected(p); /* mixed without parentheses */
    return true;
}

static bool order_by(struct parser *p)
{
    struct filter order;
    filter_init(&order);
    bool ok = true;
    do {
        const struct property *property = field(p);
        if (!(ok = property != NULL))
            break;
        if (order.sql.len)
            buf_putc(&order.sql, ',');
        filter_column(&order, property, false);
        if (accept(p, "DESC"))
            buf_puts(&order.sql, " DESC");
        else
            accept(p, "ASC");
        if (accept(p, "NULLS")) {
            buf_puts(&order.sql, token_is(p->now, "LAST") ? " NULLS LAST" : " NULLS FIRST");
            if (!accept(p, "LAST"))
                ok = expect(p, "FIRST");
        }
    } while (ok && accept(p, ","));
    buf_puts(&p->soql->order, order.sql.data);
    filter_clear(&order);
    return ok;
}

/* The list is read twice: its names mean nothing before FROM is known. */
static bool select_list(struct parser *p)
{
    if (accept(p, "COUNT")) {
        p->soql->count = true;
        return expect(p, "(") && expect(p, ")");
    }
    do {
        if (p->soql->field_count == SOQL_FIELDS_MAX)
            return fail(p, "MALFORMED_QUERY", "too many fields");
        if (!(p->soql->fields[p->soql->field_count++] = field(p)))
            return false;
    } while (accept(p, ","));
    return true;
}

static bool find_object(struct parser *p)
{
    struct parser ahead = *p;
    while (!token_is(ahead.now, "FROM") && ahead.now.type != TOK_END)
        next(&ahead);
    if (!accept(&ahead, "FROM")) {
        p->now = ahead.now;
        return unexpected(p);
    }
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)ahead.now.text.len, ahead.now.text.data);
    p->soql->object = schema_object(&p->store->schema, name);
    return p->soql->object || fail(p, "INVALID_TYPE", "sObject type '%s' is not supported.", name);
}

static bool statement(struct parser *p)
{
    if (!expect(p, "SELECT") || !find_object(p) || !select_list(p) || !expect(p, "FROM"))
        return false;
    next(p); /* the object, found before */
    if (accept(p, "WHERE") && !condition(p, &p->soql->bounds))
        return false;
    if (accept(p, "ORDER") && (!expect(p, "BY") || !order_by(p)))
        return false;
    if (accept(p, "LIMIT")) {
        if (p->now.type != TOK_NUMBER)
            return unexpected(p);
        p->soql->limit = strtoll(p->now.text.data, NULL, 10);
        next(p);
    }
    return p->now.type == TOK_END || unexpected(p);
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
        return fail(&parser, "MALFORMED_QUERY",
                    "SOQL statements cannot be longer than %d characters.", SOQL_MAX_BYTES);
    next(&parser);
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
