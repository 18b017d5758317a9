/*
 * item — see item.h.
 */
#include "producers/webhook/item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_DIGITS = 15 /* of a double: jq has no other numbers */ };

static bool is_exact(struct span number)
{
    for (size_t i = 0; i < number.len; i++)
        if (number.data[i] == '.' || number.data[i] == 'e' || number.data[i] == 'E')
            return false;
    return number.len <= EXACT_DIGITS;
}

/* The value as JSON for jq 1.6, which loses digits: decimals and long integers are texts there. */
static void put_input(struct buf *out, const struct json_tape *tape, uint32_t at)
{
    struct span text = json_text(tape, at);
    bool first = true;
    switch ((enum json_type)tape->tokens[at].type) {
    case JSON_ARRAY_:
        buf_putc(out, '[');
        for (uint32_t i = json_first(tape, at); i < json_end(tape, at); i = tape->tokens[i].next) {
            buf_puts(out, first ? "" : ",");
            put_input(out, tape, i);
            first = false;
        }
        buf_putc(out, ']');
        return;
    case JSON_OBJECT_:
        buf_putc(out, '{');
        for (uint32_t k = json_first(tape, at); k < json_end(tape, at);
             k = tape->tokens[k + 1].next) {
            buf_puts(out, first ? "" : ",");
            buf_put_json_string(out, json_text(tape, k));
            buf_putc(out, ':');
            put_input(out, tape, k + 1);
            first = false;
        }
        buf_putc(out, '}');
        return;
    case JSON_STRING_:
        buf_put_json_string(out, text);
        return;
    case JSON_NUMBER_:
        if (!is_exact(text)) {
            buf_put_json_string(out, text);
            return;
        }
        break;
    case JSON_NONE_:
    case JSON_NULL_:
    case JSON_BOOL_:
        break;
    }
    buf_put_span(out, text);
}

/* The program gives JSON as a text ("(…) | tojson"). The result lives until the next evaluation. */
static int run(const struct item *item, const struct webhook_expression *expression,
               struct found *ret_found, struct err *err)
{
    struct webhook *webhook = item->webhook;
    struct expression_result result = {.text = SPAN_NONE};
    buf_reset(&webhook->input);
    put_input(&webhook->input, &webhook->tape, item->at);
    if (webhook->input.failed)
        return err_set(err, ERR_REJECT, "the event is too large for an expression");
    if (expressions_run(webhook->context->migration->expressions, expression->index,
                        buf_span(&webhook->input), &webhook->arena, &result, err) < 0) {
        if (result.quotes || err->kind == ERR_REJECT) { /* the reason may quote values */
            err_clear(err);
            return err_set(err, ERR_REJECT, "the expression %.100s fails", expression->text);
        }
        return -1;
    }
    if (json_parse(&webhook->result, result.text, err) < 0)
        return -1;
    *ret_found = (struct found){&webhook->result, 0, true};
    return 0;
}

int item_evaluate(const struct item *item, const struct webhook_expression *expression,
                  struct found *ret_found, struct err *err)
{
    *ret_found = (struct found){0};
    if (!expression->text)
        return 0;
    if (!expression->path)
        return run(item, expression, ret_found, err);
    const struct json_tape *tape = &item->webhook->tape;
    uint32_t at = expression->path[0] ? json_path(tape, item->at, expression->path) : item->at;
    *ret_found = (struct found){tape, at, at != 0 || !expression->path[0]};
    return 0;
}

bool found_time(const struct found *found, int64_t *ret_ms)
{
    enum { MS_FROM_DIGITS = 12 };
    if (!found->there)
        return false;
    struct span text = found_text(found);
    if (timestamp_parse(text.data, text.len, ret_ms))
        return true;
    char digits[EXACT_DIGITS + 1];
    if (text.len == 0 || text.len > EXACT_DIGITS)
        return false;
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)text.len, text.data);
    if (strspn(digits, "0123456789") != text.len)
        return false;
    *ret_ms = strtoll(digits, NULL, 10) * (text.len >= MS_FROM_DIGITS ? 1 : 1000);
    return true;
}

static bool add_id(const struct item *item, const struct found *found, struct span *ids, int *count)
{
    enum json_type type = found_type(found);
    if (type == JSON_NULL_) /* a member of a list that is not there in this event */
        return true;
    if ((type != JSON_STRING_ && type != JSON_NUMBER_) || *count == WEBHOOK_IDS_MAX)
        return false;
    struct span id =
        value_id(item->webhook->system->id_form, found_text(found), &item->webhook->arena);
    if (!id.data || id.len == 0)
        return false;
    ids[(*count)++] = arena_copy(&item->webhook->arena, id);
    return true;
}

int item_ids(const struct item *item, const struct found *found, struct span *ids)
{
    int count = 0;
    if (found_type(found) != JSON_ARRAY_)
        return found_type(found) != JSON_NULL_ && add_id(item, found, ids, &count) ? count : -1;
    const struct json_tape *tape = found->tape;
    for (uint32_t i = json_first(tape, found->at); i < json_end(tape, found->at);
         i = tape->tokens[i].next) {
        const struct found one = {tape, i, true};
        if (!add_id(item, &one, ids, &count))
            return -1;
    }
    return count;
}

/* How many bytes of the type the rule names; −1: it is not for this type. */
static int fit(const struct webhook_rule *rule, struct span type)
{
    if (!rule->type)
        return 0;
    size_t len = strlen(rule->type);
    bool begins = len && rule->type[len - 1] == '*';
    if (begins)
        len--;
    if (type.len < len || (!begins && type.len != len) ||
        (len && type.data && memcmp(type.data, rule->type, len) != 0))
        return -1;
    return 1 + (int)len + !begins;
}

const struct webhook_rule *item_rule(const struct webhook_endpoint *endpoint, struct span type)
{
    const struct webhook_rule *best = NULL;
    int best_fit = -1;
    for (int i = 0; i < endpoint->rule_count; i++) {
        int now = fit(&endpoint->rules[i], type);
        if (now > best_fit) {
            best_fit = now;
            best = &endpoint->rules[i];
        }
    }
    return best;
}
