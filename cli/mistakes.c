/*
 * mistakes — lines that name a place, each once.
 */
#include "cli/mistakes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 1000 };

void mistakes_init(struct mistakes *mistakes)
{
    *mistakes = (struct mistakes){NULL, 0, 0};
}

void mistakes_clear(struct mistakes *mistakes)
{
    for (int i = 0; i < mistakes->count; i++)
        free(mistakes->lines[i]);
    free(mistakes->lines);
    mistakes_init(mistakes);
}

/* Length of the file name before ":<digits>: ", 0 if the line names no place. */
static size_t place(const char *line, long *ret_line)
{
    for (const char *colon = strchr(line, ':'); colon; colon = strchr(colon + 1, ':')) {
        char *end;
        if (!isdigit((unsigned char)colon[1]))
            continue;
        long number = strtol(colon + 1, &end, 10);
        if (end[0] == ':' && end[1] == ' ') {
            *ret_line = number;
            return (size_t)(colon - line);
        }
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    long x_line = 0, y_line = 0;
    size_t x_len = place(x, &x_line), y_len = place(y, &y_line);
    int files = strncmp(x, y, x_len < y_len ? x_len : y_len);
    if (files || x_len != y_len)
        return files ? files : (x_len < y_len ? -1 : 1);
    return x_line < y_line ? -1 : x_line > y_line;
}

static void add(struct mistakes *mistakes, const char *line)
{
    for (int i = 0; i < mistakes->count; i++) {
        if (strcmp(mistakes->lines[i], line) == 0)
            return;
    }
    if (mistakes->count == mistakes->cap) {
        int cap = mistakes->cap ? 2 * mistakes->cap : 16;
        if (cap > LINES_MAX)
            return; /* a list this long is read from its beginning */
        char **lines = realloc(mistakes->lines, (size_t)cap * sizeof(*lines));
        if (!lines)
            return;
        mistakes->lines = lines;
        mistakes->cap = cap;
    }
    char *copy = strdup(line);
    if (copy)
        mistakes->lines[mistakes->count++] = copy;
}

/* Returns how many lines named a place. */
static int add_lines(struct mistakes *mistakes, struct span text, bool placeless_too)
{
    int found = 0;
    for (size_t at = 0; at < text.len;) {
        const char *start = text.data + at;
        const char *end = memchr(start, '\n', text.len - at);
        size_t len = end ? (size_t)(end - start) : text.len - at;
        char *line = strndup(start, len);
        long number;
        bool placed = line && place(line, &number);
        if (placed || (line && *line && placeless_too))
            add(mistakes, line);
        found += placed;
        free(line);
        at += len + 1;
    }
    return found;
}

void mistakes_add_report(struct mistakes *mistakes, struct span text)
{
    (void)add_lines(mistakes, text, true);
}

int mistakes_add_text(struct mistakes *mistakes, struct span text)
{
    return add_lines(mistakes, text, false);
}

void mistakes_print(struct mistakes *mistakes, FILE *out)
{
    if (mistakes->count > 1)
        qsort(mistakes->lines, (size_t)mistakes->count, sizeof(*mistakes->lines), compare);
    for (int i = 0; i < mistakes->count; i++)
        (void)fprintf(out, "%s\n", mistakes->lines[i]);
}
