/*
 * post — see post.h.
 */
#include "producers/form/post.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

enum {
    BOUNDARY_MAX_BYTES = 70, /* RFC 2046 §5.1.1 */
    PATH_MAX_BYTES = 200,
    JOINED_MAX_BYTES = 4096,
    SEEN_MAX = 4 * POST_INPUTS_MAX
};

struct reader {
    struct arena *arena;
    struct post post;
    int seen; /* values, and steps into JSON: a stranger decides how many there are */
    struct err *err;
};

/* ---- inputs ---- */

static int look(struct reader *reader)
{
    if (++reader->seen <= SEEN_MAX)
        return 0;
    return err_set(reader->err, ERR_REJECT, "more than %d values", SEEN_MAX);
}

static int add(struct reader *reader, struct span name, struct span value, enum json_type type)
{
    struct post *post = &reader->post;
    if (look(reader) < 0)
        return -1;
    if (name.len == 0 || value.len == 0)
        return 0;
    if (utf8_valid_bytes(name) != name.len || utf8_valid_bytes(value) != value.len)
        return err_set(reader->err, ERR_REJECT, "it is not UTF-8");
    for (int i = 0; i < post->count; i++)
        if (span_equal(post->inputs[i].name, name)) {
            if (post->inputs[i].value.len + value.len > JOINED_MAX_BYTES)
                return err_set(reader->err, ERR_REJECT, "an input with too many values");
            post->inputs[i].value =
                ARENA_JOIN(reader->arena, post->inputs[i].value, span_of(";"), value);
            return 0;
        }
    if (post->count == POST_INPUTS_MAX)
        return err_set(reader->err, ERR_REJECT, "more than %d inputs", POST_INPUTS_MAX);
    post->inputs[post->count++] = (struct post_input){name, value, type};
    return 0;
}

/* ---- application/x-www-form-urlencoded (URL Standard §5) ---- */

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static struct span unescape(struct arena *arena, struct span text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        int high = c == '%' && i + 2 < text.len ? hex_of(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_of(text.data[i + 2]) : -1;
        if (low >= 0)
            i += 2;
        out[len++] = low >= 0 ? (char)(high * 16 + low) : c == '+' ? ' ' : c;
    }
    return (struct span){out, len};
}

static struct span cut(struct span *rest, char end)
{
    const char *at = rest->len ? memchr(rest->data, end, rest->len) : NULL;
    struct span part = {rest->data, at ? (size_t)(at - rest->data) : rest->len};
    size_t step = part.len + (at != NULL);
    *rest = (struct span){rest->data + step, rest->len - step};
    return part;
}

static int parse_urlencoded(struct reader *reader, struct span body)
{
    while (body.len > 0) {
        struct span value = cut(&body, '&');
        struct span name = cut(&value, '=');
        if (add(reader, unescape(reader->arena, name), unescape(reader->arena, value),
                JSON_STRING_) < 0)
            return -1;
    }
    return 0;
}

/* ---- multipart/form-data (RFC 7578) ---- */

/* The value of a parameter: `; name="…"` or `; name=…`; data NULL: none. */
static struct span parameter(struct span header, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i + len + 1 < header.len; i++) {
        bool begins = i > 0 && (header.data[i - 1] == ';' || header.data[i - 1] == ' ');
        if (!begins || strncasecmp(header.data + i, name, len) != 0 || header.data[i + len] != '=')
            continue;
        struct span value = {header.data + i + len + 1, header.len - i - len - 1};
        if (value.len && value.data[0] == '"') {
            struct span inner = {value.data + 1, value.len - 1};
            return cut(&inner, '"');
        }
        return cut(&value, ';');
    }
    return SPAN_NONE;
}

static const char *find(struct span text, struct span wanted)
{
    return text.len ? memmem(text.data, text.len, wanted.data, wanted.len) : NULL;
}

static int add_part(struct reader *reader, struct span part)
{
    const char *end = find(part, span_of("\r\n\r\n"));
    if (!end)
        return err_set(reader->err, ERR_REJECT, "a part without headers");
    struct span headers = {part.data, (size_t)(end - part.data)};
    struct span value = {end + 4, part.len - headers.len - 4};
    while (headers.len > 0) {
        struct span line = cut(&headers, '\n');
        static const char DISPOSITION[] = "content-disposition:";
        if (line.len <= sizeof(DISPOSITION) - 1 ||
            strncasecmp(line.data, DISPOSITION, sizeof(DISPOSITION) - 1) != 0)
            continue;
        if (parameter(line, "filename").data)
            return 0;
        while (line.len && line.data[line.len - 1] == '\r')
            line.len--;
        return add(reader, parameter(line, "name"), value, JSON_STRING_);
    }
    return err_set(reader->err, ERR_REJECT, "a part without a name");
}

static int parse_multipart(struct reader *reader, struct span type, struct span body)
{
    struct span boundary = parameter(type, "boundary");
    if (boundary.len == 0 || boundary.len > BOUNDARY_MAX_BYTES)
        return err_set(reader->err, ERR_REJECT, "no boundary");
    struct span line = ARENA_JOIN(reader->arena, span_of("\r\n--"), boundary);
    struct span first = {line.data + 2, line.len - 2};
    const char *at = find(body, first), *end = body.data + body.len;
    if (!at)
        return err_set(reader->err, ERR_REJECT, "its boundary is not in it");
    at += first.len;
    for (;;) {
        if (end - at >= 2 && memcmp(at, "--", 2) == 0)
            return 0;
        if (end - at < 2 || memcmp(at, "\r\n", 2) != 0)
            return err_set(reader->err, ERR_REJECT, "it is cut off");
        at += 2;
        struct span rest = {at, (size_t)(end - at)};
        const char *next = find(rest, line);
        if (!next)
            return err_set(reader->err, ERR_REJECT, "it is cut off");
        if (add_part(reader, (struct span){at, (size_t)(next - at)}) < 0)
            return -1;
        at = next + line.len;
    }
}

/* ---- application/json ---- */

static int flatten(struct reader *reader, const struct json_tape *tape, uint32_t at,
                   struct span path)
{
    enum json_type type = (enum json_type)tape->tokens[at].type;
    bool object = type == JSON_OBJECT_;
    int index = 0;
    if (type == JSON_NULL_)
        return 0;
    if (!object && type != JSON_ARRAY_)
        return add(reader, path, json_text(tape, at), type);
    for (uint32_t i = json_first(tape, at); i < json_end(tape, at);
         i = tape->tokens[object ? i + 1 : i].next) {
        uint32_t value = object ? i + 1 : i;
        enum json_type inner = (enum json_type)tape->tokens[value].type;
        struct span number = span_of(arena_printf(reader->arena, "%d", index++));
        struct span step = object ? json_text(tape, i) : number, next = path;
        struct span field_name = SPAN_NONE;
        if (look(reader) < 0)
            return -1;
        uint32_t field_value = json_get(tape, value, "value");
        if (path.len + step.len > PATH_MAX_BYTES)
            return err_set(reader->err, ERR_REJECT, "a name longer than %d bytes", PATH_MAX_BYTES);
        if (span_is(path, "fields") && !object && field_value &&
            json_string_at(tape, value, "name", &field_name)) {
            value = field_value; /* HubSpot's shape */
            next = field_name;
        } else if (object || inner == JSON_OBJECT_ || inner == JSON_ARRAY_) {
            next = path.len ? ARENA_JOIN(reader->arena, path, span_of("."), step) : step;
        }
        if (flatten(reader, tape, value, next) < 0)
            return -1;
    }
    return 0;
}

static int parse_json(struct reader *reader, struct span body, struct json_tape *tape)
{
    if (json_parse(tape, body, reader->err) < 0)
        return -1;
    if (tape->tokens[0].type != JSON_OBJECT_)
        return err_set(reader->err, ERR_REJECT, "it is no JSON object");
    return flatten(reader, tape, 0, SPAN_NONE);
}

/* ---- the whole ---- */

static bool is_type(struct span type, const char *name)
{
    size_t len = strlen(name);
    return type.len >= len && strncasecmp(type.data, name, len) == 0 &&
           (type.len == len || type.data[len] == ';' || type.data[len] == ' ');
}

int post_parse(struct span type, struct span body, struct arena *arena, struct json_tape *tape,
               struct post *ret_post, struct err *err)
{
    struct reader reader = {.arena = arena, .err = err};
    int result;
    reader.post.inputs = arena_new(arena, struct post_input, POST_INPUTS_MAX);
    reader.post.json = is_type(type, "application/json");
    if (reader.post.json)
        result = parse_json(&reader, body, tape);
    else if (is_type(type, "application/x-www-form-urlencoded"))
        result = parse_urlencoded(&reader, body);
    else if (is_type(type, "multipart/form-data"))
        result = parse_multipart(&reader, type, body);
    else
        result = err_set(err, ERR_REJECT, "its Content-Type is that of no form");
    if (result == 0)
        *ret_post = reader.post;
    return result;
}

const struct post_input *post_find(const struct post *post, const char *name)
{
    for (int i = 0; i < post->count; i++)
        if (span_is(post->inputs[i].name, name))
            return &post->inputs[i];
    return NULL;
}
