/*
 * recorded_judge — what a connector made of a recorded page, held line by line against what it has to be.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/recorded.h"

static const char *const OUTCOMES[] = {"done",  "refused", "too_large",
                                       "later", "denied",  "uncertain"};
_Static_assert(sizeof(OUTCOMES) / sizeof(OUTCOMES[0]) == REST_UNCERTAIN + 1, "");

/* Without milliseconds where there are none. */
static void put_time(struct buf *out, int64_t ms)
{
    char text[TIMESTAMP_BYTES];
    timestamp_format(ms, text);
    if (ms % 1000 == 0)
        (void)snprintf(text + 19, sizeof(text) - 19, "Z");
    buf_puts(out, text);
}

/* A line is a line, whatever stands in a value. */
static void put_value(struct buf *out, const struct raw_value *value)
{
    if (value->type == JSON_NONE_) {
        buf_puts(out, "(absent)");
        return;
    }
    if (value->type == JSON_NULL_) {
        buf_puts(out, "(null)");
        return;
    }
    for (size_t i = 0; i < value->text.len; i++) {
        char c = value->text.data[i];
        if (c == '\n')
            buf_puts(out, "\\n");
        else if ((unsigned char)c < ' ')
            buf_putc(out, ' ');
        else
            buf_putc(out, c);
    }
}

static void put_field(struct buf *out, const char *name, const struct raw_value *value)
{
    buf_printf(out, "%s = ", name);
    put_value(out, value);
    while (out->len && out->data[out->len - 1] == ' ') /* as lines of the file are read */
        out->data[--out->len] = '\0';
    buf_putc(out, '\n');
}

static void put_record(struct buf *out, const struct rest_op *op, const struct rest_record *record)
{
    buf_puts(out, "record ");
    buf_put_span(out, record->id);
    if (record->modified_ms >= 0) {
        buf_putc(out, ' ');
        put_time(out, record->modified_ms);
    }
    if (record->into.len) {
        buf_puts(out, " into ");
        buf_put_span(out, record->into);
    }
    buf_putc(out, '\n');
    if (op->kind == REST_PROPERTIES) {
        put_field(out, "unique", &record->values[0]);
        put_field(out, "read_only", &record->values[1]);
        return;
    }
    for (int i = 0; record->values && i < op->property_count; i++)
        put_field(out, op->properties[i], &record->values[i]);
}

static bool is_paged(enum rest_kind kind)
{
    return kind == REST_BACKFILL || kind == REST_INCREMENTAL || kind == REST_LIST;
}

void recorded_put_found(struct buf *out, const struct rest_op *op, enum rest_outcome outcome,
                        int64_t retry_after_ms)
{
    if (outcome != REST_DONE) {
        buf_printf(out, "outcome %s", OUTCOMES[outcome]);
        if (outcome == REST_LATER)
            buf_printf(out, " %" PRId64, (retry_after_ms + 999) / 1000 * 1000); /* whole seconds */
        buf_putc(out, '\n');
        return;
    }
    if (op->kind == REST_COUNT)
        buf_printf(out, "total %" PRId64 "\n", op->total);
    for (int i = 0; i < op->record_count; i++)
        put_record(out, op, &op->records[i]);
    if (!is_paged(op->kind))
        return;
    buf_printf(out, "more %s\n", op->more ? "yes" : "no");
    if (op->next_cursor.len) {
        buf_puts(out, "next ");
        buf_put_span(out, op->next_cursor);
        buf_putc(out, '\n');
    }
}

static int check_request(struct recorded *self, struct rest *rest)
{
    struct buf shown;
    struct err err = ERR_INIT;
    int wrong = 0;
    buf_init(&shown, 0);
    if (rest_show(rest, &self->op, &shown, &err) != 0) {
        printf("%s:%d: %s\n", self->path, self->request[0].text ? self->request[0].line : 1,
               err.text);
        buf_clear(&shown);
        return 1;
    }
    char *body = strchr(shown.data, '\n');
    *body++ = '\0';
    const char *found[] = {shown.data, body};
    for (int i = 0; i < 2 && self->request[0].text; i++) {
        const char *want = self->request[i].text ? self->request[i].text : "";
        if (strcmp(want, found[i]) == 0)
            continue;
        printf("%s:%d: the request is \"%s\"\n        and should be \"%s\"\n", self->path,
               self->request[i].text ? self->request[i].line : self->request[0].line, found[i],
               want);
        wrong++;
    }
    buf_clear(&shown);
    return wrong;
}

/* Line by line; the first that differs is said, since what follows it has shifted. */
static int compare(const struct recorded *self, char *found)
{
    char *save = NULL, *line = strtok_r(found, "\n", &save);
    int i = 0;
    for (; i < self->expected_count && line; i++, line = strtok_r(NULL, "\n", &save)) {
        if (strcmp(self->expected[i].text, line) == 0)
            continue;
        printf("%s:%d: expected \"%s\", found \"%s\"\n", self->path, self->expected[i].line,
               self->expected[i].text, line);
        return 1;
    }
    int last = self->expected_count ? self->expected[self->expected_count - 1].line : 1;
    if (i < self->expected_count)
        printf("%s:%d: expected \"%s\", found nothing more\n", self->path, self->expected[i].line,
               self->expected[i].text);
    else if (line)
        printf("%s:%d: nothing more was expected, found \"%s\"\n", self->path, last, line);
    return i < self->expected_count || line;
}

static void summarise(const struct recorded *self, enum rest_outcome outcome, struct buf *out)
{
    const struct rest_op *op = &self->op;
    buf_printf(out, "%s %s: ", rest_kind_name(op->kind), op->object);
    if (outcome != REST_DONE)
        buf_puts(out, OUTCOMES[outcome]);
    else if (op->kind == REST_COUNT)
        buf_printf(out, "%" PRId64 " records there", op->total);
    else
        buf_printf(out, "%d record%s", op->record_count, op->record_count == 1 ? "" : "s");
    if (outcome == REST_DONE && op->property_count)
        buf_printf(out, " with %d field%s", op->property_count, op->property_count == 1 ? "" : "s");
    if (outcome == REST_DONE && is_paged(op->kind))
        buf_puts(out, op->more ? ", more follow" : ", the last page");
    if (outcome == REST_DONE && op->next_cursor.len)
        buf_printf(out, " (next %.*s)", (int)(op->next_cursor.len < 40 ? op->next_cursor.len : 40),
                   op->next_cursor.data);
}

int recorded_judge(struct recorded *self, struct rest *rest, struct buf *ret_summary)
{
    struct err err = ERR_INIT;
    struct buf found;
    int64_t retry_after_ms = 0;
    int wrong = check_request(self, rest);
    enum rest_outcome outcome = rest_play(rest, &self->op, &self->answer, &retry_after_ms, &err);
    buf_init(&found, 0);
    recorded_put_found(&found, &self->op, outcome, retry_after_ms);
    summarise(self, outcome, ret_summary);
    if (!self->judged)
        printf("%s: there is no section expect. If this is right, write it there:\n--- "
               "expect\n%s",
               self->path, found.data ? found.data : "");
    else if (compare(self, found.data ? found.data : (char[]){""}) != 0) {
        wrong++;
        if (outcome != REST_DONE)
            printf("        because %s\n", err.text);
    }
    buf_clear(&found);
    return wrong + !self->judged;
}
