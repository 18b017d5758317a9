/*
 * test_json_yajl — our reader beside yajl: what one takes the other takes, with the same values in the same order. Texts are the
 * cases below and 60,000 mutations of them from a fixed seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/json.h"
#include "base/utf8.h"

static const char *const SEEDS[] = {
    "{\"v\":1,\"after\":{\"email\":\"a@b.example\",\"n\":-12.50e+3,\"x\":null,\"t\":true}}",
    "[1,2,[3,[4,{}]],[],{\"a\":[{\"b\":{\"c\":\"d\"}}]}]",
    "{ \"k\" : [ \"\\u00e9\\ud83d\\ude00\\n\" , \"plain text of more than eight bytes\" ] }",
    "\t[ false , 0, -0, 0.10, 1E5, 1e-7, 123456789012345678901234567890 ]\r\n",
    "{\"results\":[{\"id\":\"1\",\"p\":{\"a\":\"\\\"q\\\" \\\\ \\/\",\"b\":\"\"}},{\"id\":\"2\"}]}",
    "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 and ascii\"",
    "\"\\b\\f\\n\\r\\t\\u0041\"",
    "null",
    "-1.5E+10",
    "\"12345678\"",
    "\"1234567\\\"\"",
    "[\"1234567\x7F\",\"\",\"\\u0000\"]",
};
enum { SEED_COUNT = sizeof(SEEDS) / sizeof(SEEDS[0]), MUTATIONS = 5000, TEXT_MAX = 400 };

/* What yajl reports, as one line per event. */
static int put_event(void *self, char kind, const void *data, size_t len)
{
    struct buf *out = self;
    buf_putc(out, kind);
    buf_put(out, data, len);
    buf_putc(out, '\n');
    return 1;
}
static int on_null(void *self)
{
    return put_event(self, 'w', "null", 4);
}
static int on_bool(void *self, int value)
{
    return put_event(self, 'w', value ? "true" : "false", value ? 4 : 5);
}
static int on_number(void *self, const char *data, size_t len)
{
    return put_event(self, 'n', data, len);
}
static int on_string(void *self, const unsigned char *data, size_t len)
{
    return put_event(self, 's', data, len);
}
static int on_open_object(void *self)
{
    return put_event(self, '{', "", 0);
}
static int on_open_array(void *self)
{
    return put_event(self, '[', "", 0);
}
static int on_close(void *self)
{
    return put_event(self, '}', "", 0);
}
static const yajl_callbacks CALLBACKS = {.yajl_null = on_null,
                                         .yajl_boolean = on_bool,
                                         .yajl_number = on_number,
                                         .yajl_string = on_string,
                                         .yajl_start_map = on_open_object,
                                         .yajl_map_key = on_string,
                                         .yajl_end_map = on_close,
                                         .yajl_start_array = on_open_array,
                                         .yajl_end_array = on_close};

static bool by_yajl(struct span text, struct buf *out)
{
    if (utf8_valid_bytes(text) < text.len) /* it lets overlong forms and surrogates pass */
        return false;
    yajl_handle yajl = yajl_alloc(&CALLBACKS, NULL, out);
    assert_non_null(yajl);
    bool taken = yajl_parse(yajl, (const unsigned char *)text.data, text.len) == yajl_status_ok &&
                 yajl_complete_parse(yajl) == yajl_status_ok;
    yajl_free(yajl);
    return taken;
}

/* Asked where yajl takes what we refuse: it overlooks a string that begins behind the value and does not end. */
static bool by_jansson(struct span text)
{
    json_t *json = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool taken = json != NULL;
    json_decref(json);
    return taken;
}

static void put_tape(const struct json_tape *tape, uint32_t at, struct buf *out)
{
    static const char KINDS[] = {
        [JSON_NULL_] = 'w',   [JSON_BOOL_] = 'w',  [JSON_NUMBER_] = 'n',
        [JSON_STRING_] = 's', [JSON_ARRAY_] = '[', [JSON_OBJECT_] = '{',
    };
    const struct json_token *token = &tape->tokens[at];
    if (token->type != JSON_ARRAY_ && token->type != JSON_OBJECT_) {
        put_event(out, KINDS[token->type], token->text.data, token->text.len);
        return;
    }
    put_event(out, KINDS[token->type], "", 0);
    bool object = token->type == JSON_OBJECT_;
    char first = token->text.data[0], last = token->text.data[token->text.len - 1];
    assert_true(object ? first == '{' && last == '}' : first == '[' && last == ']');
    for (uint32_t i = json_first(tape, at); i < json_end(tape, at); i = tape->tokens[i].next)
        put_tape(tape, i, out); /* a name is a string */
    put_event(out, '}', "", 0);
}

static void compare(struct json_tape *tape, struct span text)
{
    struct buf ours, theirs;
    buf_init(&ours, 0);
    buf_init(&theirs, 0);
    char *copy = malloc(text.len ? text.len : 1); /* the sanitizer sees each byte read behind it */
    assert_non_null(copy);
    memcpy(copy, text.data, text.len);
    struct span exact = {copy, text.len};
    struct err err = ERR_INIT;
    bool taken = json_parse(tape, exact, &err) == 0, wanted = by_yajl(exact, &theirs);
    if (wanted && !taken)
        wanted = by_jansson(exact);
    if (taken != wanted)
        fail_msg("%s by us: %.*s (%s)", taken ? "taken" : "refused", (int)text.len, text.data,
                 err.text);
    /* Half a surrogate pair is "?" to yajl, U+FFFD to us. */
    bool surrogate =
        memmem(text.data, text.len, "\\ud", 3) || memmem(text.data, text.len, "\\uD", 3);
    if (taken && !surrogate) {
        put_tape(tape, 0, &ours);
        if (!span_equal(buf_span(&ours), buf_span(&theirs)))
            fail_msg("%.*s\nours: %s\nyajl: %s", (int)text.len, text.data, ours.data, theirs.data);
    }
    free(copy);
    buf_clear(&ours);
    buf_clear(&theirs);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* One to three changes: a byte replaced, removed, put in, or the rest cut off. */
static size_t mutate(char *text, size_t len, uint32_t *seed)
{
    static const char BYTES[] = "{}[]:,\"\\ue0123.-+Ent/ \n\t\x01\x1f\x7f\xc3\xa9\x80\xed\xf4";
    for (uint32_t change = 1 + next_random(seed) % 3; change > 0 && len > 0; change--) {
        size_t at = next_random(seed) % len;
        char byte = BYTES[next_random(seed) % (sizeof(BYTES) - 1)];
        switch (next_random(seed) % 8) {
        case 0:
            len = at;
            break;
        case 1:
        case 2:
            memmove(text + at, text + at + 1, --len - at);
            break;
        case 3:
        case 4:
            if (len < TEXT_MAX) {
                memmove(text + at + 1, text + at, len++ - at);
                text[at] = byte;
            }
            break;
        default:
            text[at] = byte;
        }
    }
    return len;
}

static void as_yajl(void **state)
{
    (void)state;
    struct json_tape tape;
    json_tape_init(&tape);
    uint32_t seed = 20261122;
    for (size_t i = 0; i < SEED_COUNT; i++) {
        compare(&tape, span_of(SEEDS[i]));
        for (int m = 0; m < MUTATIONS; m++) {
            char text[TEXT_MAX + 1];
            size_t len = strlen(SEEDS[i]);
            memcpy(text, SEEDS[i], len);
            len = mutate(text, len, &seed);
            compare(&tape, (struct span){text, len});
        }
    }
    json_tape_clear(&tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_yajl)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
