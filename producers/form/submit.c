/*
 * submit — an entry becomes an event: a partial record of the moment in which it was accepted. See form.h.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "producers/form/form.h"
#include "stream/dead_letter.h"

static const char CONNECTOR[] = "form";

static void put_member(struct buf *out, const char *name, struct span text)
{
    if (out->len > 1)
        buf_putc(out, ',');
    buf_put_json_string(out, span_of(name));
    buf_putc(out, ':');
    buf_put_json_string(out, text);
}

/* ---- entries ---- */

struct span submission_entry(const struct submission *submission, struct arena *arena)
{
    struct buf out;
    buf_init(&out, SPOOL_ENTRY_MAX_BYTES);
    buf_putc(&out, '{');
    put_member(&out, "form", submission->form);
    put_member(&out, "id", submission->id);
    put_member(&out, "type", submission->type);
    put_member(&out, "visitor", submission->visitor);
    buf_printf(&out, ",\"ms\":%lld}\n", (long long)submission->ms);
    buf_put_span(&out, submission->body);
    struct span entry = out.failed ? SPAN_NONE : arena_copy(arena, buf_span(&out));
    buf_clear(&out);
    return entry;
}

int submission_read(struct span entry, struct json_tape *tape, struct submission *ret_submission,
                    struct err *err)
{
    const char *end = entry.len ? memchr(entry.data, '\n', entry.len) : NULL;
    struct submission read = {0};
    if (!end)
        return err_set(err, ERR_REJECT, "an entry without a head");
    size_t head = (size_t)(end - entry.data);
    read.body = (struct span){end + 1, entry.len - head - 1};
    if (json_parse(tape, (struct span){entry.data, head}, err) < 0)
        return -1;
    if (!json_string_at(tape, 0, "form", &read.form) || !json_string_at(tape, 0, "id", &read.id) ||
        !json_string_at(tape, 0, "type", &read.type) ||
        !json_string_at(tape, 0, "visitor", &read.visitor) || !json_int_at(tape, 0, "ms", &read.ms))
        return err_set(err, ERR_REJECT, "an entry without its head's members");
    *ret_submission = read;
    return 0;
}

/* ---- events ---- */

static int put_dead(struct form_source *source, const struct submission *read, const char *class_,
                    const char *reason, struct err *err)
{
    char form[80];
    (void)snprintf(form, sizeof(form), "%.*s", (int)(read->form.len < 79 ? read->form.len : 79),
                   read->form.data ? read->form.data : "");
    const struct dead_letter letter = {.key = SPAN_NONE, /* nobody can be asked for it again */
                                       .value = read->body,
                                       .process = CONNECTOR,
                                       .instance = source->context->instance,
                                       .stage = "VALUE_CONVERTER",
                                       .reason_class = class_,
                                       .reason = reason,
                                       .system = form};
    metric_add(source->dead, 1);
    log_warn("dead letter", log_str("form", form), log_str("class", class_),
             log_str("reason", reason));
    return dead_letter_put(source->context->sink, source->context->migration, &letter, NULL, err);
}

/* What an event says beside its record: {"visitor":"…","consent":[{"name":"optIn","value":"1"}]}. */
static struct span circumstances(const struct form *form, const struct submission *read,
                                 const struct post *post, struct arena *arena)
{
    struct buf out;
    int consents = 0;
    buf_init(&out, 0);
    buf_putc(&out, '{');
    if (read->visitor.len)
        put_member(&out, "visitor", read->visitor);
    for (int i = 0; i < form->consent.count; i++) {
        const struct post_input *input = post_find(post, form->consent.texts[i]);
        if (!input)
            continue;
        buf_puts(&out, consents++    ? ",{\"name\":"
                       : out.len > 1 ? ",\"consent\":[{\"name\":"
                                     : "\"consent\":[{\"name\":");
        buf_put_json_string(&out, input->name);
        put_member(&out, "value", input->value);
        buf_putc(&out, '}');
    }
    buf_puts(&out, consents ? "]}" : "}");
    struct span text = out.len > 2 && !out.failed ? arena_copy(arena, buf_span(&out)) : SPAN_NONE;
    buf_clear(&out);
    return text;
}

/* What the inputs say of the entity's fields. -1: ERR_REJECT. */
static int read_record(const struct form *form, const struct post *post, struct arena *arena,
                       struct record *ret_record, struct err *err)
{
    struct raw_value *raw = arena_new(arena, struct raw_value, form->entity->field_count);
    int said = 0;
    for (int i = 0; i < form->input_count; i++) {
        const struct post_input *input = post_find(post, form->inputs[i].name);
        if (!input)
            continue;
        raw[form->inputs[i].field] = (struct raw_value){input->type, input->value};
        said++;
    }
    if (said == 0)
        return err_set(err, ERR_REJECT, "none of its inputs says a field");
    return mapping_read(form->entity, SIDE_OLD, raw, arena, ret_record, NULL, err);
}

int submission_put(struct form_source *source, struct span entry, struct err *err)
{
    struct arena *arena = &source->arena;
    struct submission read = {.body = entry};
    struct err bad = ERR_INIT;
    struct post post;
    if (submission_read(entry, &source->head, &read, &bad) < 0)
        return put_dead(source, &read, "undecodable", bad.text, err);
    const struct desk *desk = form_desk(source, read.form);
    if (!desk)
        return put_dead(source, &read, "unmapped", "this form is not configured any more", err);
    const struct form *form = desk->form;
    struct event event = {.key = ARENA_JOIN(arena, read.form, span_of(":"), read.id),
                          .system = read.form,
                          .id = read.id,
                          .op = 'c',
                          .pass = PASS_PUSH,
                          .partial = true,
                          .ts_ms = read.ms,
                          .version =
                              version_observed(read.ms, read.ms, 0, form->entity->generation)};
    if (post_parse(read.type, read.body, arena, &source->tape, &post, &bad) < 0 ||
        read_record(form, &post, arena, &event.after, &bad) < 0)
        return put_dead(source, &read, "mapping", bad.text, err);
    event.form = circumstances(form, &read, &post, arena);
    if (source_put_event(source->context, form->entity, &event, CONNECTOR, &bad) == 0) {
        metric_add(source->events, 1);
        return 0;
    }
    if (bad.kind == ERR_REJECT)
        return put_dead(source, &read, "too-large", bad.text, err);
    *err = bad;
    return -1;
}
