/*
 * payload — what a request brings, event by event: a rule each, and by it a hint, a whole record, or a dead letter. See webhook.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "producers/webhook/soap.h"
#include "producers/webhook/webhook.h"
#include "stream/dead_letter.h"

static const char CONNECTOR[] = "webhook";
enum { EXACT_DIGITS = 15 /* of a double: jq has no other numbers */ };

/* A value in one of the tapes. */
struct found {
    const struct json_tape *tape;
    uint32_t at;
    bool there;
};

/* One event of a request. */
struct item {
    struct webhook *webhook;
    struct hook *hook;
    uint32_t at; /* in webhook->tape */
    int64_t signed_ms;
    struct span type;
};

/* ---- expressions ---- */

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

static int evaluate(const struct item *item, const struct webhook_expression *expression,
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

static enum json_type type_of(const struct found *found)
{
    return found->there ? (enum json_type)found->tape->tokens[found->at].type : JSON_NONE_;
}

static struct span text_of(const struct found *found)
{
    return json_text(found->tape, found->at);
}

/* ---- what is put ---- */

static void count(const struct item *item, enum webhook_kind kind)
{
    metric_add(item->hook->events[kind], 1);
}

static int put_dead(struct webhook *webhook, struct span raw, const char *reason_class,
                    const char *reason, struct err *err)
{
    const struct dead_letter letter = {.key = SPAN_NONE,
                                       .value = raw,
                                       .process = CONNECTOR,
                                       .instance = webhook->context->instance,
                                       .stage = "VALUE_CONVERTER",
                                       .reason_class = reason_class,
                                       .reason = reason,
                                       .system = webhook->system->name};
    return dead_letter_put(webhook->context->sink, webhook->context->migration, &letter, NULL, err);
}

static int bury(const struct item *item, const char *reason, struct err *err)
{
    count(item, WEBHOOK_DEAD);
    log_warn("dead letter", log_str("endpoint", item->hook->label), log_str("class", "mapping"),
             log_str("reason", reason));
    return put_dead(item->webhook, json_text(&item->webhook->tape, item->at), "mapping", reason,
                    err);
}

static struct span key_of(const struct item *item, struct span id)
{
    const char *system = item->webhook->system->name;
    size_t len = strlen(system);
    char *key = arena_alloc(&item->webhook->arena, len + 1 + id.len);
    memcpy(key, system, len);
    key[len] = ':';
    memcpy(key + len + 1, id.data, id.len);
    return (struct span){key, len + 1 + id.len};
}

static int put_hint(const struct item *item, const struct entity *entity, struct span id,
                    struct err *err)
{
    struct webhook *webhook = item->webhook;
    char topic[TOPIC_NAME_BYTES];
    const struct hint hint = {.key = key_of(item, id),
                              .system = span_of(webhook->system->name),
                              .id = id,
                              .why = "webhook"};
    struct buf *value = sink_scratch(webhook->context->sink);
    hint_encode(&hint, value);
    topic_name(webhook->context->migration, TOPIC_HINTS, entity, topic);
    const struct sink_message message = {.topic = topic,
                                         .partition = SINK_PARTITION_BY_KEY,
                                         .key = hint.key,
                                         .value = buf_span(value)};
    count(item, WEBHOOK_HINT);
    return sink_put(webhook->context->sink, &message, NULL, err);
}

/* A time as a system writes it: RFC 3339, or seconds or milliseconds since 1970. */
static bool read_time(const struct found *found, int64_t *ret_ms)
{
    enum { MS_FROM_DIGITS = 12 };
    if (!found->there)
        return false;
    struct span text = text_of(found);
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

/* Every mapped property, or this is not the whole record. */
static struct raw_value *read_record(const struct item *item, const struct entity *entity,
                                     const struct found *record)
{
    if (type_of(record) != JSON_OBJECT_)
        return NULL;
    struct raw_value *raw = arena_new(&item->webhook->arena, struct raw_value, entity->field_count);
    for (int i = 0; i < entity->field_count; i++) {
        const char *name = entity->fields[i].old_name;
        uint32_t at = name ? json_path(record->tape, record->at, name) : 0;
        if (name && !at)
            return NULL;
        if (at)
            raw[i] = (struct raw_value){(enum json_type)record->tape->tokens[at].type,
                                        json_text(record->tape, at)};
    }
    return raw;
}

/* 1 = put, 0 = it is not whole, or nothing that its mapping takes: to be read back. -1 = err. */
static int put_record(const struct item *item, const struct webhook_rule *rule, struct span id,
                      struct err *err)
{
    struct webhook *webhook = item->webhook;
    struct found found;
    struct err bad = ERR_INIT;
    int64_t modified_ms = 0;
    if (!rule->record.text || item->signed_ms < 0 ||
        evaluate(item, &rule->modified, &found, &bad) < 0 || !read_time(&found, &modified_ms) ||
        evaluate(item, &rule->record, &found, &bad) < 0)
        return 0;
    const struct raw_value *raw = read_record(item, rule->entity, &found);
    /* The source said so at some time between the modification and the signature: with an end, so that a later reading decides. */
    int64_t age_ms = item->signed_ms > modified_ms ? item->signed_ms - modified_ms : 0;
    struct event event = {
        .key = key_of(item, id),
        .system = span_of(webhook->system->name),
        .id = id,
        .op = 'r', /* a state, as poll reads it */
        .pass = PASS_PUSH,
        .version = version_observed(modified_ms, item->signed_ms, age_ms, rule->entity->generation),
        .ts_ms = clock_wall_ms(webhook->context->clock)};
    if (!raw ||
        mapping_read(rule->entity, SIDE_OLD, raw, &webhook->arena, &event.after, NULL, &bad) < 0)
        return 0;
    if (source_put_event(webhook->context, rule->entity, &event, CONNECTOR, &bad) == 0) {
        count(item, WEBHOOK_RECORD);
        return 1;
    }
    if (bad.kind == ERR_REJECT)
        return 0;
    *err = bad;
    return -1;
}

/* ---- rules ---- */

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

static const struct webhook_rule *find_rule(const struct webhook_endpoint *endpoint,
                                            struct span type)
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

/* Once for each type, while there is room to remember it. */
static void log_unmapped(struct webhook *webhook, const struct hook *hook, struct span type)
{
    char text[WEBHOOK_TYPE_BYTES];
    (void)snprintf(text, sizeof(text), "%.*s",
                   (int)(type.len < sizeof(text) ? type.len : sizeof(text) - 1),
                   type.data ? type.data : "");
    for (int i = 0; i < webhook->logged_count; i++)
        if (strcmp(webhook->logged_types[i], text) == 0)
            return;
    if (webhook->logged_count == WEBHOOK_TYPES_LOGGED_MAX)
        return;
    memcpy(webhook->logged_types[webhook->logged_count++], text, sizeof(text));
    log_warn("no rule for this type of event", log_str("endpoint", hook->label),
             log_str("type", text),
             log_str("kept", hook->endpoint->unmapped_dlq ? "in dlq" : "no"));
}

static int put_unmapped(const struct item *item, struct err *err)
{
    char reason[WEBHOOK_TYPE_BYTES + 64];
    count(item, WEBHOOK_UNMAPPED);
    log_unmapped(item->webhook, item->hook, item->type);
    if (!item->hook->endpoint->unmapped_dlq)
        return 0;
    (void)snprintf(reason, sizeof(reason), "no rule for events of type \"%.*s\"",
                   (int)(item->type.len < WEBHOOK_TYPE_BYTES ? item->type.len : WEBHOOK_TYPE_BYTES),
                   item->type.data ? item->type.data : "");
    return put_dead(item->webhook, json_text(&item->webhook->tape, item->at), "unmapped", reason,
                    err);
}

/* ---- ids ---- */

static bool add_id(const struct item *item, const struct found *found, struct span *ids, int *count)
{
    enum json_type type = type_of(found);
    if (type == JSON_NULL_) /* a member of a list that is not there in this event */
        return true;
    if ((type != JSON_STRING_ && type != JSON_NUMBER_) || *count == WEBHOOK_IDS_MAX)
        return false;
    struct span id =
        value_id(item->webhook->system->id_form, text_of(found), &item->webhook->arena);
    if (!id.data || id.len == 0)
        return false;
    ids[(*count)++] = arena_copy(&item->webhook->arena, id);
    return true;
}

/* How many, 0 for an empty list; −1: none that is one. */
static int read_ids(const struct item *item, const struct found *found, struct span *ids)
{
    int count = 0;
    if (type_of(found) != JSON_ARRAY_)
        return type_of(found) != JSON_NULL_ && add_id(item, found, ids, &count) ? count : -1;
    const struct json_tape *tape = found->tape;
    for (uint32_t i = json_first(tape, found->at); i < json_end(tape, found->at);
         i = tape->tokens[i].next) {
        const struct found one = {tape, i, true};
        if (!add_id(item, &one, ids, &count))
            return -1;
    }
    return count;
}

/* ---- one event, one request ---- */

static int put_item(struct item *item, struct err *err)
{
    const struct webhook_endpoint *endpoint = item->hook->endpoint;
    struct span ids[WEBHOOK_IDS_MAX];
    struct found found;
    struct err bad = ERR_INIT;
    if (evaluate(item, &endpoint->type, &found, &bad) < 0)
        return bury(item, bad.text, err);
    if (type_of(&found) == JSON_STRING_ || type_of(&found) == JSON_NUMBER_)
        item->type = arena_copy(&item->webhook->arena, text_of(&found));
    const struct webhook_rule *rule = find_rule(endpoint, item->type);
    if (!rule)
        return put_unmapped(item, err);
    if (evaluate(item, &rule->id, &found, &bad) < 0)
        return bury(item, bad.text, err);
    int id_count = read_ids(item, &found, ids);
    if (id_count < 0)
        return bury(item, "it holds no id of a record where its rule says", err);
    if (id_count == 0)
        count(item, WEBHOOK_NOTHING);
    int put = id_count == 1 ? put_record(item, rule, ids[0], err) : 0;
    for (int i = 0; put == 0 && i < id_count; i++)
        if (put_hint(item, rule->entity, ids[i], err) < 0)
            return -1;
    return put < 0 ? -1 : 0;
}

/* Signed, and yet nothing that can be read: kept for a person. */
static int put_unreadable(struct webhook *webhook, struct hook *hook, struct span body,
                          const char *reason, struct err *err)
{
    metric_add(hook->events[WEBHOOK_DEAD], 1);
    log_warn("dead letter", log_str("endpoint", hook->label), log_str("class", "undecodable"),
             log_str("reason", reason));
    return put_dead(webhook, body, "undecodable", reason, err);
}

int payload_put(struct webhook *webhook, struct hook *hook, struct span body, int64_t signed_ms,
                struct err *err)
{
    const struct json_tape *tape = &webhook->tape;
    struct err bad = ERR_INIT;
    struct span text = body;
    arena_reset(&webhook->arena);
    if (hook->soap && soap_to_json(body, &webhook->soap, &bad) == 0)
        text = buf_span(&webhook->soap);
    if (bad.kind != ERR_NONE || json_parse(&webhook->tape, text, &bad) < 0)
        return put_unreadable(webhook, hook, body, bad.text, err);
    const char *items = hook->endpoint->items;
    uint32_t root = items[0] ? json_path(tape, 0, items) : 0;
    if (items[0] && !root)
        return put_unreadable(webhook, hook, body, "there are no events where the endpoint says",
                              err);
    struct item item = {.webhook = webhook, .hook = hook, .at = root, .signed_ms = signed_ms};
    if (tape->tokens[root].type != JSON_ARRAY_)
        return put_item(&item, err);
    for (uint32_t i = json_first(tape, root); i < json_end(tape, root); i = tape->tokens[i].next) {
        item = (struct item){.webhook = webhook, .hook = hook, .at = i, .signed_ms = signed_ms};
        if (put_item(&item, err) < 0)
            return -1;
    }
    return 0;
}
