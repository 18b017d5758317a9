/*
 * describe — which properties the old system's objects have, asked again and again: one that a person took away, or hid from us, is not asked for
 * any more, is an alarm, and its field is unknown from then on, which blanks nothing; a new one is named, since no field
 * is mapped to it. A system that does not describe its objects is left alone.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

enum { NAMES_MAX_BYTES = 4 << 20, AGAIN_MS = 60 * 1000 };

/* ---- what is asked for ---- */

/* Paths to other records ("Account.Name") are not among an object's own properties. */
static bool is_own(const char *name)
{
    return strchr(name, '.') == NULL;
}

/* properties, columns and straight: of what is wanted, less what is gone. Nothing may be under way with the former ones. */
static void select_columns(struct poll_entity *self)
{
    int place[ENTITY_FIELDS_MAX];
    self->property_count = 0;
    for (int i = 0; i < self->wanted_count; i++) {
        place[i] = self->describe.gone[i] ? -1 : self->property_count;
        if (!self->describe.gone[i])
            self->properties[self->property_count++] = self->wanted[i];
    }
    self->straight = true;
    for (int i = 0; i < self->entity->field_count; i++) {
        self->columns[i] = self->wanted_of[i] >= 0 ? place[self->wanted_of[i]] : -1;
        self->straight &= self->columns[i] == i;
    }
}

/* The old names, each once and in field order. */
static void read_wanted(struct poll_entity *self)
{
    const struct entity *entity = self->entity;
    for (int i = 0; i < entity->field_count; i++) {
        const char *name = entity->fields[i].old_name;
        int at = 0;
        self->wanted_of[i] = -1;
        if (!name)
            continue;
        for (; at < self->wanted_count; at++) {
            const char *known = self->wanted[at];
            if (known && strcmp(known, name) == 0)
                break;
        }
        self->wanted_of[i] = at;
        if (at == self->wanted_count)
            self->wanted[self->wanted_count++] = name;
    }
}

int describe_open(struct poll_entity *self, struct err *err)
{
    struct describe *describe = &self->describe;
    size_t n = (size_t)self->entity->field_count;
    rest_op_init(&describe->op);
    buf_init(&describe->known, NAMES_MAX_BYTES);
    self->wanted = calloc(n, sizeof(const char *));
    self->wanted_of = calloc(n, sizeof(*self->wanted_of));
    self->properties = calloc(n, sizeof(const char *));
    self->columns = calloc(n, sizeof(*self->columns));
    describe->gone = calloc(n, sizeof(*describe->gone));
    if (!self->wanted || !self->wanted_of || !self->properties || !self->columns || !describe->gone)
        return err_set(err, ERR_FATAL, "out of memory");
    read_wanted(self);
    select_columns(self);
    describe->possible =
        rest_max(self->poll->rest, REST_PROPERTIES, self->entity->old_object, NULL) > 0;
    describe->failures = metric_counter(
        "tandem_poll_describe_failures_total",
        "Times that the old system did not say which properties there are.", self->labels);
    return 0;
}

void describe_clear(struct poll_entity *self)
{
    rest_op_clear(&self->describe.op);
    buf_clear(&self->describe.known);
    free(self->describe.gone);
    free(self->wanted);
    free(self->wanted_of);
    free(self->properties);
    free(self->columns);
}

/* ---- one answer ---- */

static bool is_named(const struct rest_op *op, const char *name)
{
    size_t len = strlen(name);
    for (int i = 0; i < op->record_count; i++)
        if (op->records[i].id.len == len && strncasecmp(op->records[i].id.data, name, len) == 0)
            return true;
    return false;
}

static void show(const struct poll_entity *self, const char *name, const char *help,
                 struct span property, bool on)
{
    char labels[256];
    for (size_t i = 0; i < property.len; i++) /* what a label may hold as it is */
        if (property.data[i] == '"' || property.data[i] == '\\' ||
            (unsigned char)property.data[i] < ' ')
            return;
    (void)snprintf(labels, sizeof(labels), "%s,property=\"%.*s\"", self->labels, (int)property.len,
                   property.data);
    metric_set(metric_gauge(name, help, labels), on ? 1 : 0);
}

/* An alarm at once, or its end. Returns true if it differs from the last answer. */
static bool note_property(struct poll_entity *self, int at, bool gone)
{
    const char *name = self->wanted[at];
    if (self->describe.gone[at] == gone)
        return false;
    self->describe.gone[at] = gone;
    show(self, "tandem_poll_vanished_property",
         "1: the old system does not have it (or does not show it to us) any more.", span_of(name),
         gone);
    if (gone)
        log_error("a property is not there any more: its field stays as it is in the new system",
                  log_str("entity", self->entity->name), log_str("property", name));
    else
        log_info("a property is there again", log_str("entity", self->entity->name),
                 log_str("property", name));
    return true;
}

static bool is_wanted(const struct poll_entity *self, struct span name)
{
    for (int i = 0; i < self->wanted_count; i++)
        if (strlen(self->wanted[i]) == name.len &&
            strncasecmp(self->wanted[i], name.data, name.len) == 0)
            return true;
    return false;
}

/* Names that the last answer did not have. known: "\nName\nOther\n"; empty before the first answer. */
static void note_new(struct poll_entity *self)
{
    struct describe *describe = &self->describe;
    const struct rest_op *op = &describe->op;
    struct buf names;
    buf_init(&names, NAMES_MAX_BYTES);
    buf_putc(&names, '\n');
    for (int i = 0; i < op->record_count; i++) {
        struct span name = op->records[i].id;
        size_t from = names.len - 1;
        buf_put_span(&names, name);
        buf_putc(&names, '\n');
        if (names.failed || describe->known.len == 0 || is_wanted(self, name) ||
            memmem(describe->known.data, describe->known.len, names.data + from, name.len + 2))
            continue;
        char text[128];
        (void)snprintf(text, sizeof(text), "%.*s", (int)name.len, name.data);
        log_warn("a new property, and no field is mapped to it",
                 log_str("entity", self->entity->name), log_str("property", text));
        show(self, "tandem_poll_new_property",
             "1: it appeared since the process began, and no field is mapped to it.", name, true);
    }
    buf_clear(&describe->known);
    describe->known = names;
}

/* 1 = other properties are asked for from now on, 0 = the same. */
static int take(struct poll_entity *self)
{
    const struct rest_op *op = &self->describe.op;
    bool changed = false;
    int there = 0;
    for (int i = 0; i < self->wanted_count; i++)
        there += !is_own(self->wanted[i]) || is_named(op, self->wanted[i]);
    if (there == 0) { /* an answer about something else */
        log_error("the old system describes none of the properties: not believed",
                  log_str("entity", self->entity->name), log_int("properties", op->record_count));
        metric_add(self->describe.failures, 1);
        return 0;
    }
    for (int i = 0; i < self->wanted_count; i++)
        changed |=
            note_property(self, i, is_own(self->wanted[i]) && !is_named(op, self->wanted[i]));
    note_new(self);
    if (!changed)
        return 0;
    /* Their answers would be read by other columns. */
    pass_drop(&self->backfill.pass);
    pass_drop(&self->incremental.pass);
    pass_drop(&self->refresh.pass);
    select_columns(self);
    return 1;
}

int describe_again(struct poll_entity *self)
{
    struct describe *describe = &self->describe;
    struct poll *poll = self->poll;
    struct rest_op *op = &describe->op;
    struct err err = ERR_INIT;
    int64_t retry_after_ms = 0;
    if (!describe->possible)
        return 0;
    rest_op_reset(op);
    op->kind = REST_PROPERTIES;
    op->object = self->entity->old_object;
    describe->next_mono_ms = poll_mono_ms(poll) + poll->describe_interval_ms;
    if (rest_start(poll->rest, op, &err) == 0 &&
        rest_finish(poll->rest, op, &retry_after_ms, &err) == REST_DONE) {
        int changed = take(self);
        rest_op_reset(op);
        return changed;
    }
    metric_add(describe->failures, 1);
    log_warn("the old system does not say which properties there are",
             log_str("entity", self->entity->name), log_str("why", err.text));
    if (retry_after_ms < AGAIN_MS)
        retry_after_ms = AGAIN_MS;
    if (retry_after_ms < poll->describe_interval_ms)
        describe->next_mono_ms = poll_mono_ms(poll) + retry_after_ms;
    return 0;
}

void describe_step(struct poll_entity *self)
{
    if (self->poll->describe_interval_ms > 0 &&
        poll_mono_ms(self->poll) >= self->describe.next_mono_ms)
        (void)describe_again(self);
}
