/*
 * tape — reading.
 */
#include "tests/sandbox/tape.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct tape *tape;
    const char *at, *end;
    int depth;
};

void tape_init(struct tape *tape)
{
    memset(tape, 0, sizeof *tape);
    buf_init(&tape->unescaped, 0);
}

void tape_clear(struct tape *tape)
{
    free(tape->items);
    buf_clear(&tape->unescaped);
}

static int add(struct tape *tape, enum tape_type type)
{
    if (tape->count == tape->cap) {
        tape->cap = tape->cap ? tape->cap * 2 : 1024;
        tape->items = realloc(tape->items, (size_t)tape->cap * sizeof *tape->items);
        if (!tape->items)
            abort();
    }
    tape->items[tape->count] = (struct tape_item){.type = type, .next = tape->count + 1};
    return tape->count++;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), 0: none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                               : 0;
    if (!len || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

static bool hex4(const char *p, const char *end, unsigned *ret_code)
{
    char digits[5] = "";
    if (end - p < 4)
        return false;
    memcpy(digits, p, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 4)
        return false;
    *ret_code = (unsigned)strtoul(digits, NULL, 16);
    return true;
}

static void put_code(struct buf *to, unsigned code)
{
    if (code < 0x80)
        buf_putc(to, (char)code);
    else if (code < 0x800)
        buf_printf(to, "%c%c", (int)(0xc0 | code >> 6), (int)(0x80 | (code & 63)));
    else if (code < 0x10000)
        buf_printf(to, "%c%c%c", (int)(0xe0 | code >> 12), (int)(0x80 | (code >> 6 & 63)),
                   (int)(0x80 | (code & 63)));
    else
        buf_printf(to, "%c%c%c%c", (int)(0xf0 | code >> 18), (int)(0x80 | (code >> 12 & 63)),
                   (int)(0x80 | (code >> 6 & 63)), (int)(0x80 | (code & 63)));
}

/* Behind a backslash. */
static bool escape(struct reader *r, struct buf *to)
{
    static const char NAMES[] = "\"\\/bfnrt", VALUES[] = "\"\\/\b\f\n\r\t";
    const char *name = r->at < r->end && *r->at ? strchr(NAMES, *r->at) : NULL;
    unsigned code, low;
    if (name) {
        buf_putc(to, VALUES[name - NAMES]);
        r->at++;
        return true;
    }
    if (r->at == r->end || *r->at != 'u' || !hex4(r->at + 1, r->end, &code))
        return false;
    r->at += 5;
    if (code >= 0xd800 && code < 0xdc00) {
        if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u' ||
            !hex4(r->at + 2, r->end, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        r->at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000)
        return false;
    put_code(to, code);
    return true;
}

/* One run of plain characters; false: a control character or broken UTF-8. */
static bool plain(struct reader *r)
{
    while (r->at < r->end && *r->at != '"' && *r->at != '\\') {
        unsigned char c = (unsigned char)*r->at;
        size_t len = c >= 0x20 && c < 0x80 ? 1
                     : c < 0x20            ? 0
                                : utf8_len((const unsigned char *)r->at, (size_t)(r->end - r->at));
        if (!len)
            return false;
        r->at += len;
    }
    return r->at < r->end;
}

static bool string(struct reader *r)
{
    int item = add(r->tape, TAPE_STRING);
    struct buf *to = &r->tape->unescaped;
    size_t start = to->len;
    const char *from = ++r->at;
    if (!plain(r))
        return false;
    if (*r->at == '"') {
        r->tape->items[item].text = (struct span){from, (size_t)(r->at - from)};
        r->at++;
        return true;
    }
    for (;;) {
        buf_put(to, from, (size_t)(r->at - from));
        if (*r->at++ == '"')
            break;
        if (!escape(r, to))
            return false;
        from = r->at;
        if (!plain(r))
            return false;
    }
    r->tape->items[item].text.len = to->len - start;
    r->tape->items[item].unescaped = start + 1;
    return !to->failed;
}

static bool digits(struct reader *r)
{
    const char *start = r->at;
    while (r->at < r->end && isdigit((unsigned char)*r->at))
        r->at++;
    return r->at > start;
}

static bool number(struct reader *r)
{
    int item = add(r->tape, TAPE_NUMBER);
    const char *start = r->at;
    if (*r->at == '-')
        r->at++;
    const char *first = r->at;
    if (!digits(r) || (*first == '0' && r->at - first > 1))
        return false;
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        if (!digits(r))
            return false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        if (!digits(r))
            return false;
    }
    r->tape->items[item].text = (struct span){start, (size_t)(r->at - start)};
    return true;
}

static bool word(struct reader *r, const char *text, enum tape_type type)
{
    size_t len = strlen(text);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0)
        return false;
    int item = add(r->tape, type); /* may move the items */
    r->tape->items[item].text = (struct span){r->at, len};
    r->at += len;
    return true;
}

static bool value(struct reader *r);

static bool list(struct reader *r, char close, enum tape_type type)
{
    int item = add(r->tape, type);
    const char *start = r->at++;
    skip_space(r);
    bool first = true;
    while (r->at < r->end && *r->at != close) {
        if (!first) {
            if (*r->at++ != ',')
                return false;
            skip_space(r);
        }
        if (type == TAPE_OBJECT) {
            if (r->at == r->end || *r->at != '"' || !string(r))
                return false;
            skip_space(r);
            if (r->at == r->end || *r->at++ != ':')
                return false;
        }
        if (!value(r))
            return false;
        skip_space(r);
        first = false;
    }
    if (r->at == r->end)
        return false;
    r->at++;
    r->tape->items[item].text = (struct span){start, (size_t)(r->at - start)};
    r->tape->items[item].next = r->tape->count;
    return true;
}

static bool value(struct reader *r)
{
    skip_space(r);
    if (r->at == r->end || ++r->depth > TAPE_DEPTH_MAX)
        return false;
    bool ok;
    switch (*r->at) {
    case '{':
        ok = list(r, '}', TAPE_OBJECT);
        break;
    case '[':
        ok = list(r, ']', TAPE_ARRAY);
        break;
    case '"':
        ok = string(r);
        break;
    case 't':
        ok = word(r, "true", TAPE_BOOL);
        break;
    case 'f':
        ok = word(r, "false", TAPE_BOOL);
        break;
    case 'n':
        ok = word(r, "null", TAPE_NULL);
        break;
    default:
        ok = number(r);
    }
    r->depth--;
    return ok;
}

bool tape_parse(struct tape *tape, struct span text)
{
    struct reader reader = {tape, text.data, text.data + text.len, 0};
    tape->count = 0;
    buf_reset(&tape->unescaped);
    buf_puts(&tape->unescaped, "");
    if (!text.len || !value(&reader))
        return false;
    skip_space(&reader);
    for (int i = 0; i < tape->count && tape->unescaped.len; i++)
        if (tape->items[i].unescaped) /* only now does the buffer stay where it is */
            tape->items[i].text.data = tape->unescaped.data + tape->items[i].unescaped - 1;
    return reader.at == reader.end;
}

int tape_get(const struct tape *tape, int at, const char *key)
{
    if (tape->items[at].type != TAPE_OBJECT)
        return 0;
    for (int k = tape_first(at); k < tape_end(tape, at); k = tape->items[k + 1].next)
        if (span_is(tape->items[k].text, key))
            return k + 1;
    return 0;
}

bool tape_text(const struct tape *tape, int at, const char *key, char *ret_text, size_t size)
{
    int i = tape_get(tape, at, key);
    const struct tape_item *item = &tape->items[i];
    if (!i || (item->type != TAPE_STRING && item->type != TAPE_NUMBER) || item->text.len >= size ||
        memchr(item->text.data, '\0', item->text.len))
        return false;
    memcpy(ret_text, item->text.data, item->text.len);
    ret_text[item->text.len] = '\0';
    return true;
}
