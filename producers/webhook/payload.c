/*
 * payload — what a request brings, event by event: a rule each, and by it a hint, a whole record, or a dead letter. See webhook.h.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "producers/webhook/item.h"
#include "producers/webhook/soap.h"
#include "stream/dead_letter.h"

static const char CONNECTOR[] = "webhook";

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

/* Every mapped property, or this is not the whole record. */
static struct raw_value *read_record(const struct item *item, const struct entity *entity,
                                     const struct found *record)
{
    if (found_type(record) != JSON_OBJECT_)
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
        item_evaluate(item, &rule->modified, &found, &bad) < 0 ||
        !found_time(&found, &modified_ms) || item_evaluate(item, &rule->record, &found, &bad) < 0)
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

/* ---- one event, one request ---- */

static int put_item(struct item *item, struct err *err)
{
    const struct webhook_endpoint *endpoint = item->hook->endpoint;
    struct span ids[WEBHOOK_IDS_MAX];
    struct found found;
    struct err bad = ERR_INIT;
    if (item_evaluate(item, &endpoint->type, &found, &bad) < 0)
        return bury(item, bad.text, err);
    if (found_type(&found) == JSON_STRING_ || found_type(&found) == JSON_NUMBER_)
        item->type = arena_copy(&item->webhook->arena, found_text(&found));
    const struct webhook_rule *rule = item_rule(endpoint, item->type);
    if (!rule)
        return put_unmapped(item, err);
    if (item_evaluate(item, &rule->id, &found, &bad) < 0)
        return bury(item, bad.text, err);
    int id_count = item_ids(item, &found, ids);
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
