/*
 * recorded — the file: sections that begin with "---", in each of them lines.
 */
#include "cli/recorded.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 8 * 1024 * 1024 };

enum section { SECTION_ASK, SECTION_REQUEST, SECTION_ANSWER, SECTION_EXPECT };

struct reader {
    struct recorded *self;
    char *at; /* the rest of the text; NULL: over */
    int line;
    enum section section;
    bool headers_over;
    struct err *err;
};

static int wrong(const struct reader *reader, const char *words, const char *text)
{
    return err_set(reader->err, ERR_FATAL, "%s:%d: %s%s%s", reader->self->path, reader->line, words,
                   text ? ": " : "", text ? text : "");
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

/* The next line, cut off; NULL at the end. */
static char *take_line(struct reader *reader)
{
    char *line = reader->at;
    if (!line || !*line)
        return NULL;
    reader->line++;
    reader->at = strchr(line, '\n');
    if (reader->at)
        *reader->at++ = '\0';
    return line;
}

/* "a, b, c" in place. Returns their number, or -1 when there are more than max. */
static int split(char *text, int max, char **ret_words)
{
    int count = 0;
    for (char *save = NULL, *word = strtok_r(text, ",", &save); word;
         word = strtok_r(NULL, ",", &save)) {
        if (count == max)
            return -1;
        ret_words[count++] = trim(word);
    }
    return count;
}

static int take_time(const struct reader *reader, const char *text, int64_t *ret_ms)
{
    return timestamp_parse(text, strlen(text), ret_ms)
               ? 0
               : wrong(reader, "a time looks like 2026-01-02T03:04:05Z", text);
}

static int take_words(const struct reader *reader, char *value, bool ids)
{
    char *words[RECORDED_FIELDS_MAX];
    struct recorded *self = reader->self;
    int count = split(value, ids ? RECORDED_IDS_MAX : RECORDED_FIELDS_MAX, words);
    if (count < 0)
        return wrong(reader, "too many of them", NULL);
    for (int i = 0; i < count; i++) {
        if (ids)
            self->ids[i] = span_of(words[i]);
        else
            self->properties[i] = words[i];
    }
    if (ids)
        self->op.id_count = count;
    else
        self->op.property_count = count;
    return 0;
}

static int take_ask(const struct reader *reader, char *line)
{
    struct rest_op *op = &reader->self->op;
    char *value = line + strcspn(line, " \t");
    if (*value)
        *value++ = '\0';
    value = trim(value);
    if (strcmp(line, "ask") == 0) {
        char *object = value + strcspn(value, " ");
        if (*object)
            *object++ = '\0';
        int kind = rest_kind_parse(value);
        if (kind < 0)
            return wrong(reader, "there is no such operation", value);
        op->kind = (enum rest_kind)kind;
        op->object = trim(object);
        return *op->object ? 0 : wrong(reader, "write \"ask OPERATION OBJECT\"", NULL);
    }
    if (strcmp(line, "fields") == 0)
        return take_words(reader, value, false);
    if (strcmp(line, "ids") == 0)
        return take_words(reader, value, true);
    if (strcmp(line, "from") == 0)
        return take_time(reader, value, &op->from_ms);
    if (strcmp(line, "to") == 0)
        return take_time(reader, value, &op->to_ms);
    if (strcmp(line, "after") == 0)
        op->after_id = span_of(value);
    else if (strcmp(line, "cursor") == 0)
        op->cursor = span_of(value);
    else if (strcmp(line, "by") == 0)
        op->id_property = value;
    else if (strcmp(line, "page") == 0)
        op->page_records = (int)strtol(value, NULL, 10);
    else
        return wrong(reader, "known here are ask, fields, ids, from, to, after, cursor, by, page",
                     line);
    return 0;
}

/* The body reaches to the next section: it is left uncut. */
static void take_body(struct reader *reader, char *line)
{
    struct recorded *self = reader->self;
    if (reader->at)
        reader->at[-1] = '\n';
    char *end = strstr(line, "\n---");
    self->answer.body = (struct span){line, end ? (size_t)(end - line) : strlen(line)};
    for (const char *at = line; at < line + self->answer.body.len; at++)
        reader->line += *at == '\n';
    reader->at = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    reader->headers_over = true;
}

static int take_answer(struct reader *reader, char *line)
{
    struct recorded *self = reader->self;
    char *text = trim(line);
    if (!*text) {
        reader->headers_over = true;
        return 0;
    }
    if (reader->headers_over || *text == '{' || *text == '[' || *text == '<') {
        take_body(reader, line);
        return 0;
    }
    if (!strchr(text, ':') || self->answer.header_count == HTTP_HEADERS_MAX)
        return wrong(reader, "here stand headers, an empty line, and the body", text);
    self->headers[self->answer.header_count++] = text;
    return 0;
}

static int begin_section(struct reader *reader, const char *name)
{
    struct recorded *self = reader->self;
    reader->headers_over = false;
    if (strcmp(name, "request") == 0) {
        reader->section = SECTION_REQUEST;
    } else if (strncmp(name, "answer", 6) == 0) {
        reader->section = SECTION_ANSWER;
        self->answer.status = name[6] ? (int)strtol(name + 6, NULL, 10) : 200;
        if (self->answer.status < 100 || self->answer.status > 599)
            return wrong(reader, "write \"--- answer 200\"", NULL);
    } else if (strcmp(name, "expect") == 0) {
        reader->section = SECTION_EXPECT;
        self->judged = true;
    } else {
        return wrong(reader, "the sections are request, answer, expect", name);
    }
    return 0;
}

static int take(struct reader *reader, char *line)
{
    struct recorded *self = reader->self;
    if (strncmp(line, "---", 3) == 0)
        return begin_section(reader, trim(line + 3));
    if (reader->section == SECTION_ANSWER)
        return take_answer(reader, line);
    char *text = trim(line);
    if (!*text || *text == '#')
        return 0;
    if (reader->section == SECTION_ASK)
        return take_ask(reader, text);
    struct recorded_line found = {text, reader->line};
    if (reader->section == SECTION_REQUEST) {
        int at = self->request[0].text != NULL;
        if (at && self->request[1].text)
            return wrong(reader, "the request is two lines: METHOD PATH, and the body", NULL);
        self->request[at] = found;
        return 0;
    }
    if (self->expected_count == RECORDED_LINES_MAX)
        return wrong(reader, "more lines than a recorded page may have", NULL);
    self->expected[self->expected_count++] = found;
    return 0;
}

static char *read_text(const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    char *text = malloc(FILE_MAX + 1);
    size_t len = file && text ? fread(text, 1, FILE_MAX + 1, file) : 0;
    bool ok = file && text && !ferror(file) && len <= FILE_MAX;
    if (!ok)
        err_set(err, ERR_FATAL, "%s: %s", path,
                len > FILE_MAX ? "larger than 8 MiB" : strerror(errno));
    if (file)
        (void)fclose(file);
    if (!ok) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    char *fitting = realloc(text, len + 1);
    return fitting ? fitting : text;
}

int recorded_read(struct recorded *self, const char *path, struct err *err)
{
    memset(self, 0, sizeof(*self));
    rest_op_init(&self->op);
    self->path = strdup(path);
    self->text = read_text(path, err);
    self->expected = calloc(RECORDED_LINES_MAX, sizeof(*self->expected));
    if (!self->text)
        return -1;
    if (!self->path || !self->expected)
        return err_set(err, ERR_FATAL, "out of memory");
    self->op.properties = self->properties;
    self->op.ids = self->ids;
    self->answer.headers = self->headers;
    struct reader reader = {.self = self, .at = self->text, .err = err};
    for (char *line = take_line(&reader); line; line = take_line(&reader))
        if (take(&reader, line) != 0)
            return -1;
    if (!self->op.object)
        return wrong(&reader, "nothing is asked: write \"ask OPERATION OBJECT\" at the beginning",
                     NULL);
    return self->answer.status ? 0 : wrong(&reader, "there is no section \"--- answer 200\"", NULL);
}

void recorded_clear(struct recorded *self)
{
    rest_op_clear(&self->op);
    free(self->path);
    free(self->text);
    free(self->expected);
}
