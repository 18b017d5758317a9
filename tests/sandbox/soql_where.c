/*
 * soql_where — conditions, straight into SQL, with the bounds they imply.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/sf_format.h"
#include "tests/sandbox/sf_id.h"
#include "tests/sandbox/soql_parser.h"

static bool wrong_type(struct parser *p, const struct property *property)
{
    return soql_fail(p, "INVALID_FIELD",
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
    if ((property->type == FT_ID || property->type == FT_REFERENCE) &&
        sf_id_normalise(text.data, id))
        value = span_of(id);
    filter_text(&p->soql->where, value);
    bool plain = value.len > 0 && value.len < ID_BYTES;
    for (size_t i = 0; i < value.len && plain; i++)
        plain = isalnum((unsigned char)value.data[i]) != 0;
    if (property->place == AT_ID && plain && (op == OP_GT || op == OP_GE))
        (void)snprintf(bounds->low_id, sizeof bounds->low_id, "%.*s", (int)value.len, value.data);
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
    (void)snprintf(text, sizeof text, "%.*s", (int)p->now.text.len, p->now.text.data);
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
    case FT_MULTIPICKLIST:
    case FT_REFERENCE:
    case FIELD_TYPE_COUNT:
        done = p->now.type == TOK_STRING ? text_value(p, property, bounds, op)
                                         : wrong_type(p, property);
        break;
    }
    if (done)
        soql_next(p);
    return done;
}

static bool in_list(struct parser *p, const struct property *property, bool negated)
{
    struct bounds ignored = BOUNDS_NONE;
    filter_column(&p->soql->where, property, negated);
    buf_puts(&p->soql->where.sql, negated ? " NOT IN (" : " IN (");
    if (!soql_expect(p, "("))
        return false;
    do {
        if (p->soql->where.sql.data[p->soql->where.sql.len - 1] != '(')
            buf_putc(&p->soql->where.sql, ',');
        if (!literal(p, property, OP_EQ, &ignored))
            return false;
    } while (soql_accept(p, ","));
    buf_putc(&p->soql->where.sql, ')');
    return soql_expect(p, ")");
}

static const char *const OPERATORS[OP_COUNT] = {"=", "!=", "<", "<=", ">", ">=", "LIKE"};
static const char *const SQL_OPERATORS[OP_COUNT] = {
    "=", " IS NOT ", "<", "<=", ">", ">=", " LIKE "};

static bool comparison(struct parser *p, struct bounds *bounds)
{
    const struct property *property = soql_field(p);
    if (!property)
        return false;
    if (soql_accept(p, "IN"))
        return in_list(p, property, false);
    if (token_is(p->now, "NOT")) {
        soql_next(p);
        return soql_expect(p, "IN") && in_list(p, property, true);
    }
    int op = 0;
    if (token_is(p->now, "<>"))
        op = OP_NE;
    else
        while (op < OP_COUNT && !token_is(p->now, OPERATORS[op]))
            op++;
    if (op == OP_COUNT)
        return soql_unexpected(p);
    soql_next(p);
    struct buf *sql = &p->soql->where.sql;
    bool email = property->place == AT_EMAIL;
    filter_column(&p->soql->where, property, op != OP_EQ);
    if (token_is(p->now, "null") && (op == OP_EQ || op == OP_NE)) {
        buf_puts(sql, op == OP_EQ ? " IS NULL" : " IS NOT NULL");
        soql_next(p);
        return true;
    }
    buf_puts(sql, SQL_OPERATORS[op]);
    if (!literal(p, property, (enum filter_op)op, bounds))
        return false;
    if (property->place == AT_JSON && !email)
        buf_puts(sql, " COLLATE NOCASE");
    return true;
}

static bool term(struct parser *p, struct bounds *bounds)
{
    *bounds = BOUNDS_NONE;
    if (++p->depth > SOQL_DEPTH_MAX)
        return soql_fail(p, "MALFORMED_QUERY", "query is too complicated");
    struct buf *sql = &p->soql->where.sql;
    bool ok;
    if (soql_accept(p, "NOT")) {
        buf_puts(sql, "NOT ");
        ok = term(p, bounds);
        *bounds = BOUNDS_NONE;
    } else {
        buf_putc(sql, '(');
        ok = soql_accept(p, "(") ? soql_condition(p, bounds) && soql_expect(p, ")")
                                 : comparison(p, bounds);
        buf_putc(sql, ')');
    }
    p->depth--;
    return ok;
}

bool soql_condition(struct parser *p, struct bounds *bounds)
{
    if (!term(p, bounds))
        return false;
    const char *word = token_is(p->now, "AND") ? "AND" : "OR";
    while (soql_accept(p, word)) {
        struct bounds more;
        buf_printf(&p->soql->where.sql, " %s ", word);
        if (!term(p, &more))
            return false;
        *bounds = *word == 'A' ? bounds_and(*bounds, more) : bounds_or(*bounds, more);
    }
    if (token_is(p->now, "AND") || token_is(p->now, "OR"))
        return soql_unexpected(p); /* mixed without parentheses */
    return true;
}
