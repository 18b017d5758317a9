/*
 * test_record — what the content hash sees and what it does not, and records
 * there and back through JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "model/record.h"

static const struct field FIELDS[] = {
    {.name = "email", .rules = {.type = VALUE_EMAIL}},
    {.name = "active", .rules = {.type = VALUE_BOOLEAN}},
    {.name = "count", .rules = {.type = VALUE_INTEGER}},
    {.name = "seen", .rules = {.type = VALUE_STRING}, .is_volatile = true},
    {.name = "name", .rules = {.type = VALUE_STRING}},
};
static const int SORTED[] = {1, 2, 0, 4, 3};
static const struct entity CONTACT = {
    .name = "contact", .fields = FIELDS, .field_count = 5, .sorted = SORTED};

static struct arena arena;
static struct json_tape tape;

/* "-" is missing, "" is blank. */
static struct record make(const struct entity *entity, const char *const *texts)
{
    struct record record = record_new(entity, &arena);
    for (int i = 0; i < entity->field_count; i++)
        if (strcmp(texts[i], "-") != 0)
            record.values[i] = (struct value){texts[i][0] ? VALUE_SET : VALUE_BLANK,
                                              texts[i][0] ? span_of(texts[i]) : SPAN_NONE};
    return record;
}

static void all_missing_at_first(void **state)
{
    (void)state;
    struct record record = record_new(&CONTACT, &arena);
    for (int i = 0; i < CONTACT.field_count; i++)
        assert_int_equal(record.values[i].kind, VALUE_MISSING);
}

/* Worked out once with Python's hashlib over the bytes that record.h describes. */
static void hash_is_the_documented_one(void **state)
{
    (void)state;
    static const char *const texts[] = {"ann@x.org", "true", "", "now", "-"};
    struct record record = make(&CONTACT, texts);
    char hex[HASH_HEX_BYTES];
    record_hash(&record, hex);
    assert_string_equal(hex, "e977b561d386572e105a14675f40b2b059ef8e489fa5038c28000d4cd53706ab");
    static const char *const nothing[] = {"-", "-", "-", "-", "-"};
    record = make(&CONTACT, nothing);
    record_hash(&record, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hash_differs_where_content_does(void **state)
{
    (void)state;
    static const struct {
        const char *a[5], *b[5];
        bool same;
    } cases[] = {
        {{"a@b", "true", "1", "x", "n"}, {"a@b", "true", "1", "x", "n"}, true},
        {{"a@b", "true", "1", "x", "n"}, {"a@b", "true", "1", "y", "n"}, true}, /* volatile */
        {{"a@b", "true", "1", "x", "n"}, {"a@b", "true", "1", "-", "n"}, true},
        {{"a@b", "true", "1", "x", "n"}, {"a@c", "true", "1", "x", "n"}, false},
        {{"a@b", "true", "1", "x", "n"}, {"a@b", "true", "1", "x", ""}, false},
        {{"a@b", "true", "1", "x", ""}, {"a@b", "true", "1", "x", "-"}, false}, /* blank, missing */
        {{"n", "-", "-", "-", "-"}, {"-", "-", "-", "-", "n"}, false},
        {{"-", "-", "1", "-", "-"}, {"-", "1", "-", "-", "-"}, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct record a = make(&CONTACT, cases[i].a), b = make(&CONTACT, cases[i].b);
        char hex_a[HASH_HEX_BYTES], hex_b[HASH_HEX_BYTES];
        record_hash(&a, hex_a);
        record_hash(&b, hex_b);
        assert_int_equal(strlen(hex_a), 64);
        if ((strcmp(hex_a, hex_b) == 0) != cases[i].same)
            fail_msg("case %zu", i);
    }
}

/* The order of the configuration is not content; the type is. */
static void hash_of_another_order(void **state)
{
    (void)state;
    static const struct field other_fields[] = {
        {.name = "name", .rules = {.type = VALUE_STRING}},
        {.name = "email", .rules = {.type = VALUE_EMAIL}},
    };
    static const struct field typed_fields[] = {
        {.name = "name", .rules = {.type = VALUE_STRING}},
        {.name = "email", .rules = {.type = VALUE_STRING}},
    };
    static const int sorted[] = {1, 0};
    const struct entity other = {.fields = other_fields, .field_count = 2, .sorted = sorted};
    const struct entity typed = {.fields = typed_fields, .field_count = 2, .sorted = sorted};
    struct record one = make(&CONTACT, (const char *const[]){"a@b", "-", "-", "-", "n"});
    struct record two = make(&other, (const char *const[]){"n", "a@b"});
    struct record three = make(&typed, (const char *const[]){"n", "a@b"});
    char hex[3][HASH_HEX_BYTES];
    record_hash(&one, hex[0]);
    record_hash(&two, hex[1]);
    record_hash(&three, hex[2]);
    assert_string_equal(hex[0], hex[1]);
    assert_string_not_equal(hex[1], hex[2]);
}

/* Whatever the size, gathered or not: the same bytes. */
static void hash_of_long_values(void **state)
{
    (void)state;
    static const size_t sizes[] = {2000, 2030, 2048, 2049, 5000};
    char *text = calloc(1, 5001);
    assert_non_null(text);
    char seen[5][HASH_HEX_BYTES];
    for (size_t i = 0; i < 5; i++) {
        memset(text, 'a', sizes[i]);
        struct record record = make(&CONTACT, (const char *const[]){"a@b", "-", "-", "-", text});
        record_hash(&record, seen[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(seen[i], seen[k]);
    }
    assert_string_equal(seen[4],
                        "3c7e298bb9ae314608bce61ea9ab209ec398c81fbdeb259aab308022d38d8e89");
    free(text);
}

static void to_json(void **state)
{
    (void)state;
    static const struct {
        const char *texts[5], *want;
    } cases[] = {
        {{"a@b", "true", "12", "", "x\"y"},
         "{\"email\":\"a@b\",\"active\":true,\"count\":12,\"seen\":null,\"name\":\"x\\\"y\"}"},
        {{"-", "-", "-", "-", ""}, "{\"name\":null}"},
        {{"-", "-", "-", "-", "-"}, "{}"},
    };
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct record record = make(&CONTACT, cases[i].texts), again;
        buf_reset(&out);
        record_put_json(&out, &record);
        assert_string_equal(buf_span(&out).data, cases[i].want);
        struct err err = ERR_INIT;
        assert_int_equal(json_parse(&tape, buf_span(&out), &err), 0);
        assert_int_equal(record_from_json(&CONTACT, &tape, 0, &arena, &again, &err), 0);
        assert_ptr_equal(again.entity, &CONTACT);
        for (int f = 0; f < CONTACT.field_count; f++)
            assert_true(value_equal(record.values[f], again.values[f]));
    }
    buf_clear(&out);
}

static void from_json(void **state)
{
    (void)state;
    static const struct {
        const char *text, *refusal, *name;
    } cases[] = {
        {"{\"name\":\"n\",\"email\":\"a@b\"}", NULL, "n"}, /* another order */
        {"{\"email\":\"a@b\",\"name\":\"n\",\"count\":null}", NULL, "n"},
        {"{\"nam\":\"n\"}", "field nam is not in the mapping", NULL},
        {"{\"name\":\"n\",\"\":1}", "field  is not in the mapping", NULL},
        {"{\"name\":[1]}", "field name: \"[1]\" is a list or an object, where one value belongs",
         NULL},
        {"{\"email\":\"ab\"}", "field email: \"ab\" is not an e-mail address", NULL},
        {"[]", "a record must be an object", NULL},
        {"12", "a record must be an object", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        struct record record = {0};
        assert_int_equal(json_parse(&tape, span_of(cases[i].text), &err), 0);
        int failed = record_from_json(&CONTACT, &tape, 0, &arena, &record, &err);
        if (cases[i].refusal) {
            assert_int_equal(failed, -1);
            assert_int_equal(err.kind, ERR_REJECT);
            assert_string_equal(err.text, cases[i].refusal);
            assert_null(record.values);
        } else {
            assert_int_equal(failed, 0);
            assert_true(span_is(record.values[4].text, cases[i].name));
            assert_true(span_is(record.values[0].text, "a@b"));
        }
    }
}

static int open_all(void **state)
{
    (void)state;
    arena_init(&arena);
    json_tape_init(&tape);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    arena_clear(&arena);
    json_tape_clear(&tape);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_missing_at_first),
        cmocka_unit_test(hash_is_the_documented_one),
        cmocka_unit_test(hash_differs_where_content_does),
        cmocka_unit_test(hash_of_another_order),
        cmocka_unit_test(hash_of_long_values),
        cmocka_unit_test(to_json),
        cmocka_unit_test(from_json),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
