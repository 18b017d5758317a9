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
    const char *always[] = {paths->id, paths->modified, paths->version, paths->writer,
                            paths->merged};
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
    int count = rest_op_count(op);
    buf_reset(&call->each);
    for (int i = 0; i < count; i++) {
        char trace[40];
        if (i)
            buf_puts(&call->each, operation->separator);
        if (rest_reads_ids(op->kind)) {
            values->text[PH_ID] = op->ids[i];
        } else if (rest_writes_links(op->kind)) {
            values->text[PH_ID] = op->links[i].from;
            values->text[PH_TO_ID] = op->links[i].to;
            rest_link_type(op->links[i].type, &values->text[PH_CATEGORY], &values->text[PH_TYPE]);
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
    enum rest_kind kind = call->op->kind;
    const struct connector_operation *absent =
        connector_operation(rest->connector, OPERATION_CREATE_IF_ABSENT, call->op->object);
    if (kind == REST_CREATE && rest->traits.tier == REST_TIER_T1 && absent)
        return absent;
    const struct connector_operation *search =
        connector_operation(rest->connector, OPERATION_SEARCH, call->op->object);
    if (kind == REST_READ && call->op->search && search)
        return search;
    return connector_operation(rest->connector, (enum connector_operation_kind)kind,
                               call->op->object);
}

int rest_max(const struct rest *rest, enum rest_kind kind, const char *object,
             const char *id_property)
{
    const struct rest_traits *traits = &rest->traits;
    const struct connector_limits *limits = &rest->connector->limits;
    const struct connector_operation *operation =
        connector_operation(rest->connector, (enum connector_operation_kind)kind, object);
    if (!operation)
        return 0;
    int most = kind == REST_HISTORY      ? (int)limits->history
               : kind == REST_LINKS      ? (int)limits->links
               : rest_writes_links(kind) ? (int)limits->link
               : rest_writes_items(kind) ? traits->write_max
               : id_property             ? traits->lookup_max
                                         : traits->read_max;
    return operation->max && operation->max < most ? operation->max : most;
}

static int check_items(const struct rest_call *call, const struct rest *rest, struct err *err)
{
    const struct rest_op *op = call->op;
    for (int i = 0; i < op->item_count; i++) {
        const struct rest_item *item = &op->items[i];
        bool by_external =
            op->kind == REST_UPSERT ||
            call->operation == &rest->connector->operations[OPERATION_CREATE_IF_ABSENT];
        if ((op->kind == REST_UPDATE || rest_ends(op->kind)) && !item->id.len)
            return err_set(err, ERR_FATAL, "an update without target id");
        if (by_external && (!item->external_id.len || !op->external_id_property))
            return err_set(err, ERR_FATAL, "an upsert without external id");
        if (op->kind == REST_UPDATE && rest->traits.tier == REST_TIER_T1 && !item->version.len)
            return err_set(err, ERR_FATAL, "a conditional update without version");
    }
    return 0;
}

static int check(const struct rest_call *call, const struct rest *rest, struct err *err)
{
    struct rest_op *op = call->op;
    const char *by = call->operation->by;
    bool counted =
        rest_reads_ids(op->kind) || rest_writes_items(op->kind) || rest_writes_links(op->kind);
    int count = rest_op_count(op), most = rest_max(rest, op->kind, op->object, op->id_property);
    if (counted && (count < 1 || count > most))
        return err_set(err, ERR_FATAL, "%s takes 1 to %d in one %s of %s, not %d",
                       rest->settings->name, most, OPERATION_NAMES[op->kind], op->object, count);
    if (op->kind == REST_READ && by && !(op->id_property && strcmp(op->id_property, by) == 0))
        return err_set(err, ERR_FATAL, "%s are looked up by %s only", op->object, by);
    if (op->kind == REST_INCREMENTAL && !call->operation->record.modified)
        return err_set(err, ERR_FATAL, "%s has no modified time", rest->settings->name);
    for (int i = 0; rest_writes_links(op->kind) && i < op->link_count; i++)
        if (!op->links[i].from.len || !op->links[i].to.len)
            return err_set(err, ERR_FATAL, "an association without both ends");
    if (rest_writes_links(op->kind) && !rest_links_distinct(op))
        return err_set(err, ERR_FATAL, "two associations of one pair of records in one request");
    return rest_writes_items(op->kind) ? check_items(call, rest, err) : 0;
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
    if (rest_by_cursor(op->kind))
        values.text[PH_CURSOR] = op->cursor;
    if (op->kind == REST_INCREMENTAL || op->kind == REST_DELETED) {
        values.text[PH_FROM] = time_text(rest, op->from_ms, from);
        values.text[PH_TO] = time_text(rest, op->to_ms, to);
    }
    values.text[PH_ID_PROPERTY] =
        span_of(op->kind == REST_READ ? op->id_property : op->external_id_property);
    values.text[PH_TO_OBJECT] = span_of(op->to_object);
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
