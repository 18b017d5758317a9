/*
 * test_form_post — names and values out of what browsers and scripts post, and what is no post.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "producers/form/post.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART  "multipart/form-data; boundary=x1"
#define PART(name) "--x1\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"

/* want: "name=value|name=value"; NULL: refused. */
static const struct {
    const char *type, *body, *want;
} CASES[] = {
    {URLENCODED, "a=1&b=2", "a=1|b=2"},
    {URLENCODED, "a=x+y%20z&b=%C3%A4%26%3D", "a=x y z|b=ä&="},
    {URLENCODED "; charset=UTF-8", "first_name=Ann&last_name=", "first_name=Ann"},
    {"APPLICATION/X-WWW-FORM-URLENCODED", "&&a=1&=2&b", "a=1"},
    {URLENCODED, "a=%zz%4&b=%2", "a=%zz%4|b=%2"},
    {URLENCODED, "box=1&box=2&box=3", "box=1;2;3"},
    {URLENCODED, "a=%ff", NULL},
    {URLENCODED, "", ""},
    {"text/plain", "a=1", NULL},
    {URLENCODED "x", "a=1", NULL},
    {MULTIPART, PART("a") "1\r\n" PART("b") "x\r\ny\r\n--x1--\r\n", "a=1|b=x\r\ny"},
    {"multipart/form-data; boundary=\"x1\"", PART("a") "1\r\n--x1--", "a=1"},
    {MULTIPART,
     "--x1\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=\"f\"; "
     "filename=\"a.txt\"\r\n\r\nfile\r\n" PART("a") "1\r\n--x1--",
     "a=1"},
    {MULTIPART, PART("a") "1", NULL},
    {MULTIPART, PART("a") "1\r\n--x1", NULL},
    {MULTIPART, "--x1\r\nContent-Type: text/plain\r\n\r\n1\r\n--x1--", NULL},
    {MULTIPART, "no boundary", NULL},
    {"multipart/form-data", PART("a") "1\r\n--x1--", NULL},
    {"application/json", "{\"email\":\"a@b.c\",\"n\":5,\"t\":true,\"z\":null,\"o\":{\"p\":[1,2]}}",
     "email=a@b.c|n=5|t=true|o.p=1;2"},
    {"application/json; charset=utf-8",
     "{\"fields\":[{\"objectTypeId\":\"0-1\",\"name\":\"email\",\"value\":\"a@b.c\"},{\"name\":"
     "\"city\",\"value\":\"\"}],\"legalConsentOptions\":{\"consent\":{\"consentToProcess\":true,"
     "\"communications\":[{\"value\":true,\"text\":\"yes\"}]}}}",
     "email=a@b.c|legalConsentOptions.consent.consentToProcess=true|"
     "legalConsentOptions.consent.communications.0.value=true|"
     "legalConsentOptions.consent.communications.0.text=yes"},
    {"application/json", "[1]", NULL},
    {"application/json", "{\"a\":", NULL},
};

static void what_is_posted_is_read(void **state)
{
    (void)state;
    struct arena arena;
    struct json_tape tape;
    arena_init(&arena);
    json_tape_init(&tape);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct post post;
        struct err err = ERR_INIT;
        struct buf got;
        int result =
            post_parse(span_of(CASES[i].type), span_of(CASES[i].body), &arena, &tape, &post, &err);
        print_message("%s %s\n", CASES[i].type, CASES[i].body);
        assert_int_equal(result, CASES[i].want ? 0 : -1);
        if (result < 0) {
            assert_int_equal(err.kind, ERR_REJECT);
            continue;
        }
        buf_init(&got, 0);
        buf_puts(&got, "");
        for (int k = 0; k < post.count; k++) {
            buf_puts(&got, k ? "|" : "");
            buf_put_span(&got, post.inputs[k].name);
            buf_putc(&got, '=');
            buf_put_span(&got, post.inputs[k].value);
        }
        assert_string_equal(got.data, CASES[i].want);
        buf_clear(&got);
    }
    json_tape_clear(&tape);
    arena_clear(&arena);
}

/* What a stranger makes large costs a bounded amount of memory. */
static void too_much_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *begin, *again, *end;
        int times;
    } FLOODS[] = {
        {URLENCODED, "", "a=1&", "", 100000},
        {URLENCODED, "a=", "xxxxxxxxxxxxxxxx&a=", "", 3000},
        {"application/json", "{\"a\":[", "{},", "1]}", 100000},
        {"application/json", "{\"a\":[", "null,", "1]}", 100000},
    };
    struct arena arena;
    struct json_tape tape;
    json_tape_init(&tape);
    for (size_t i = 0; i < sizeof(FLOODS) / sizeof(FLOODS[0]); i++) {
        struct buf body;
        struct post post;
        struct err err = ERR_INIT;
        buf_init(&body, 0);
        arena_init(&arena);
        buf_puts(&body, FLOODS[i].begin);
        for (int k = 0; k < FLOODS[i].times; k++)
            buf_puts(&body, FLOODS[i].again);
        buf_puts(&body, FLOODS[i].end);
        assert_int_equal(
            post_parse(span_of(FLOODS[i].type), buf_span(&body), &arena, &tape, &post, &err), -1);
        assert_true(arena.used_bytes < 8U * 1024 * 1024);
        arena_clear(&arena);
        buf_clear(&body);
    }
    json_tape_clear(&tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_posted_is_read),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
