/*
 * rest_request — an op and its operation's templates become a URL and a body.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "remote/rest_internal.h"

/* A path that lies directly in the object of the properties names a property, which must be asked for. */
static struct span field_of(const struct record_paths *paths, const char *path)
{
    if (!path)
        return SPAN_NONE;
    size_t len = strlen(paths->values);
    if (len) {
        if (strncmp(path, paths->values, len) != 0 || path[len] != '.')
            return SPAN_NONE;
        path += len + 1;
    }
    return strchr(path, '.') ? SPAN_NONE : span_of(path);
}

static bool has_property(const struct rest_op *op, struct span name)
{
    for (int i = 0; i < op->property_count; i++)
        if (span_is(name, op->properties[i]))
            return true;
    return false;
}

static void put_field(struct buf *out, struct span name, bool json)
{
    if (out->len)
        buf_putc(out, ',');
    if (json)
        buf_put_json_string(out, name);
    else
        buf_put_span(out, name);
}

/* All names to ask for, each once. */
static void put_fields(const struct rest_call *call, struct buf *out, bool json)
{
    const struct rest_op *op = call->op;
    const struct record_paths *paths = &call->operation->record;
    const char *always[] = {paths->id, paths->modified, paths->version, paths->writer};
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        struct span name = field_of(paths, always[i]);
        if (name.len && !has_property(op, name))
            put_field(out, name, json);
    }
    if (op->kind == REST_READ && op->id_property && !has_property(op, span_of(op->id_property)))
        put_field(out, span_of(op->id_property), json);
    if (op->kind == REST_HISTORY && op->own_property &&
        !has_property(op, span_of(op->own_property)))
        put_field(out, span_of(op->own_property), json);
    for (int i = 0; i < op->property_count; i++)
        put_field(out, span_of(op->properties[i]), json);
}

static struct span time_text(const struct rest *rest, int64_t ms, char text[TIMESTAMP_BYTES])
{
    if (rest->connector->time_form == TIME_RFC3339)
        timestamp_format(ms, text);
    else
        (void)snprintf(text, TIMESTAMP_BYTES, "%" PRId64,
                       rest->connector->time_form == TIME_EPOCH_S ? ms / 1000 : ms);
    return span_of(text);
}

/* {"name":"value",…}; what is created or changed by id carries its external id as a property. */
static void put_properties(const struct rest_op *op, const struct rest_item *item, struct buf *out)
{
    bool external = op->kind != REST_UPSERT && op->external_id_property && item->external_id.len;
    buf_putc(out, '{');
    for (int i = 0; i < item->count; i++) {
        if (i)
            buf_putc(out, ',');
        buf_put_json_string(out, item->names[i]);
        buf_putc(out, ':');
        buf_put_json_string(out, item->values[i].data ? item->values[i] : span_of(""));
        external = external && !span_is(item->names[i], op->external_id_property);
    }
    if (external) {
        if (item->count)
            buf_putc(out, ',');
        buf_put_json_string(out, span_of(op->external_id_property));
        buf_putc(out, ':');
        buf_put_json_string(out, item->external_id);
    }
    buf_putc(out, '}');
}

static void put_each(struct rest_call *call, const struct rest *rest,
                     struct template_values *values)
{
    struct rest_op *op = call->op;
    const struct connector_operation *operation = call->operation;
    int count = rest_reads_ids(op->kind) ? op->id_count : op->item_count;
    buf_reset(&call->each);
    for (int i = 0; i < count; i++) {
        char trace[40];
        if (i)
            buf_puts(&call->each, operation->separator);
        if (rest_reads_ids(op->kind)) {
            values->text[PH_ID] = op->ids[i];
        } else {
            const struct rest_item *item = &op->items[i];
            (void)snprintf(trace, sizeof(trace), "%016llx-%d", (unsigned long long)call->nonce, i);
            values->text[PH_ID] = item->id;
            values->text[PH_EXTERNAL_ID] = item->external_id;
            values->text[PH_VERSION] =
                rest->traits.tier == REST_TIER_T1 ? item->version : SPAN_NONE;
            values->text[PH_TRACE] = span_of(trace);
            buf_reset(&call->properties);
            put_properties(op, item, &call->properties);
            values->text[PH_PROPERTIES] = buf_span(&call->properties);
        }
        connector_template_expand(&operation->each, values, &call->each);
    }
    values->text[PH_EACH] = buf_span(&call->each);
}

static void put_url(struct rest_call *call, const struct rest *rest,
                    const struct template_values *values)
{
    const struct connector_operation *operation = call->operation;
    buf_reset(&call->url);
    buf_puts(&call->url, rest->base_url);
    connector_template_expand(&operation->path, values, &call->url);
    char before = '?';
    for (int i = 0; i < operation->query_count; i++) {
        buf_reset(&call->scratch);
        connector_template_expand(&operation->query[i].value, values, &call->scratch);
        if (!call->scratch.len)
            continue;
        buf_putc(&call->url, before);
        buf_puts(&call->url, operation->query[i].name);
        buf_putc(&call->url, '=');
        buf_put_url(&call->url, buf_span(&call->scratch));
        before = '&';
    }
}

static const struct connector_operation *choose(const struct rest_call *call,
                                                const struct rest *rest)
{
    const struct connector_operation *operations = rest->connector->operations;
    enum rest_kind kind = call->op->kind;
    if (kind == REST_CREATE && rest->traits.tier == REST_TIER_T1 &&
        operations[OPERATION_CREATE_IF_ABSENT].present)
        return &operations[OPERATION_CREATE_IF_ABSENT];
    return operations[kind].present ? &operations[kind] : NULL;
}

static int check(const struct rest_call *call, const struct rest *rest, struct err *err)
{
    const struct rest_op *op = call->op;
    const struct rest_traits *traits = &rest->traits;
    int ids_max = op->kind == REST_HISTORY ? traits->history_max
                  : op->id_property        ? traits->lookup_max
                                           : traits->read_max;
    if (rest_reads_ids(op->kind) && (op->id_count < 1 || op->id_count > ids_max))
        return err_set(err, ERR_FATAL, "%s reads 1 to %d ids at once, not %d", rest->settings->name,
                       ids_max, op->id_count);
    bool items = op->kind == REST_UPSERT || op->kind == REST_CREATE || op->kind == REST_UPDATE;
    if (items && (op->item_count < 1 || op->item_count > traits->write_max))
        return err_set(err, ERR_FATAL, "%s writes 1 to %d items at once, not %d",
                       rest->settings->name, traits->write_max, op->item_count);
    if (op->kind == REST_INCREMENTAL && !call->operation->record.modified)
        return err_set(err, ERR_FATAL, "%s has no modified time", rest->settings->name);
    for (int i = 0; items && i < op->item_count; i++) {
        const struct rest_item *item = &op->items[i];
        bool by_external =
            op->kind == REST_UPSERT ||
            call->operation == &rest->connector->operations[OPERATION_CREATE_IF_ABSENT];
        if (op->kind == REST_UPDATE && !item->id.len)
            return err_set(err, ERR_FATAL, "an update without target id");
        if (by_external && (!item->external_id.len || !op->external_id_property))
            return err_set(err, ERR_FATAL, "an upsert without external id");
        if (op->kind == REST_UPDATE && traits->tier == REST_TIER_T1 && !item->version.len)
            return err_set(err, ERR_FATAL, "a conditional update without version");
    }
    return 0;
}

int rest_request_build(struct rest_call *call, struct rest *rest, struct err *err)
{
    struct rest_op *op = call->op;
    call->operation = choose(call, rest);
    if (!call->operation)
        return err_set(err, ERR_FATAL, "the connector %s has no operation %s",
                       rest->connector->name, OPERATION_NAMES[op->kind]);
    if (check(call, rest, err) != 0)
        return -1;
    char from[TIMESTAMP_BYTES], to[TIMESTAMP_BYTES], page[16];
    int records = op->page_records > 0 && op->page_records < rest->traits.page_max
                      ? op->page_records
                      : rest->traits.page_max;
    (void)snprintf(page, sizeof(page), "%d", records);
    call->nonce = rest_random(rest);
    struct template_values values = {.connector = rest->connector, .object = op->object};
    values.text[PH_OBJECT] = span_of(op->object);
    values.text[PH_PAGE] = span_of(page);
    if (op->kind == REST_BACKFILL || op->kind == REST_INCREMENTAL)
        values.text[PH_AFTER_ID] = op->after_id;
    if (op->kind == REST_LIST)
        values.text[PH_CURSOR] = op->cursor;
    if (op->kind == REST_INCREMENTAL) {
        values.text[PH_FROM] = time_text(rest, op->from_ms, from);
        values.text[PH_TO] = time_text(rest, op->to_ms, to);
    }
    values.text[PH_ID_PROPERTY] =
        span_of(op->kind == REST_READ ? op->id_property : op->external_id_property);
    values.text[PH_PROPERTY_NAME] = span_of(op->property_name);
    values.text[PH_PROPERTY_UNIQUE] = span_of(op->property_unique ? "true" : "false");

    const struct connector_operation *operation = call->operation;
    uint32_t used = operation->path.used | operation->body.used;
    for (int i = 0; i < operation->query_count; i++)
        used |= operation->query[i].value.used;
    struct buf *fields = &call->properties;
    buf_reset(fields);
    if (used & (PH_BIT(PH_FIELDS) | PH_BIT(PH_FIELDS_JSON)))
        put_fields(call, fields, (used & PH_BIT(PH_FIELDS_JSON)) != 0);
    values.text[PH_FIELDS] = values.text[PH_FIELDS_JSON] = buf_span(fields);
    if (operation->has_each)
        put_each(call, rest, &values);
    put_url(call, rest, &values);
    buf_reset(&call->body);
    if (operation->has_body)
        connector_template_expand(&operation->body, &values, &call->body);
    if (call->url.failed || call->body.failed || call->each.failed)
        return err_set(err, ERR_FATAL, "the request is too large");
    return 0;
}
