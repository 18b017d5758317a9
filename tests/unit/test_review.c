/*
 * test_review — a row's open questions as the message people read: its bytes, its way back, and null when nothing is open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sysexits.h>

#include "model/review.h"
#include "model/truth.h"

static const struct field FIELDS[] = {
    {.name = "phone", .rules = {.type = VALUE_PHONE}},
    {.name = "count", .rules = {.type = VALUE_INTEGER}},
    {.name = "notes", .rules = {.type = VALUE_STRING}},
};
static const int SORTED[] = {1, 2, 0};
static const struct truth_rule RULES[] = {
    {TRUTH_EVERY_FIELD, TRUTH_REVIEW, false, TRUTH_ALWAYS},
    {0, TRUTH_OLD, false, TRUTH_ALWAYS},
    {0, TRUTH_NEWEST, false, 1000},
};
static const struct entity CONTACT = {.name = "contact",
                                      .fields = FIELDS,
                                      .field_count = 3,
                                      .sorted = SORTED,
                                      .truth = RULES,
                                      .truth_count = 3};

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *const ROW =
    "{\"v\":1,\"key\":\"sf:003A\",\"status\":\"held\",\"epoch\":4,\"version\":{\"modified_ms\":"
    "5000,\"observed_from_ms\":1,\"generation\":1},\"deleted\":true,\"twin\":\"501\",\"base\":{"
    "\"phone\":{\"old\":\"110\",\"new\":\"+110\",\"unconfirmed\":true},\"notes\":{\"old\":{"
    "\"sha256\":\"" A64 "\",\"bytes\":2000}}},\"held\":[{\"class\":\"conflict\",\"field\":"
    "\"phone\",\"old\":\"111\",\"new\":\"112\",\"since_ms\":9000,\"who\":\"u:7\"},{\"class\":"
    "\"first-meeting\",\"field\":\"count\",\"old\":7,\"new\":null},{\"class\":\"unconfirmed\","
    "\"field\":\"notes\",\"new\":\"x\",\"since_ms\":8000},{\"class\":\"identity\",\"detail\":"
    "\"sf:003C\"}]}";
static const char *const MESSAGE =
    "{\"v\":1,\"entity\":\"contact\",\"key\":\"sf:003A\",\"held\":[{\"class\":\"conflict\","
    "\"field\":\"phone\",\"base\":{\"old\":\"110\",\"new\":\"+110\",\"unconfirmed\":true},\"old\":"
    "\"111\",\"new\":\"112\",\"rule\":\"newest\",\"since_ms\":9000,\"who\":\"u:7\"},{\"class\":"
    "\"first-meeting\",\"field\":\"count\",\"old\":7,\"new\":null,\"rule\":\"review\"},{\"class\":"
    "\"unconfirmed\",\"field\":\"notes\",\"base\":{\"old\":{\"sha256\":\"" A64
    "\",\"bytes\":2000}},\"new\":\"x\",\"since_ms\":8000},{\"class\":\"identity\",\"detail\":"
    "\"sf:003C\"}],\"twin\":\"501\",\"modified_ms\":5000,\"deleted\":true,\"ts_ms\":8000}";

struct fixture {
    struct arena arena;
    struct json_tape tape;
    struct buf out;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena);
    json_tape_init(&fixture.tape);
    buf_init(&fixture.out, 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    buf_clear(&fixture->out);
    json_tape_clear(&fixture->tape);
    arena_clear(&fixture->arena);
    return 0;
}

static struct row row_of(struct fixture *fixture, const char *text)
{
    struct row row;
    struct err err = ERR_INIT;
    if (row_decode(&CONTACT, span_of(text), &fixture->tape, &fixture->arena, &row, &err) < 0)
        fail_msg("%s", err.text);
    return row;
}

static void a_row_says_what_is_open(void **state)
{
    struct fixture *fixture = *state;
    struct row row = row_of(fixture, ROW);
    assert_true(review_encode(&CONTACT, &row, &fixture->out));
    assert_string_equal(fixture->out.data, MESSAGE);
}

/* null, and the buffer as it was. */
static void nothing_open_is_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct row row = row_of(fixture, "{\"v\":1,\"key\":\"sf:1\",\"status\":\"waiting\",\"epoch\":1,"
                                     "\"due_ms\":5,\"why\":\"the target is away\"}");
    assert_false(review_encode(&CONTACT, &row, &fixture->out));
    assert_int_equal(fixture->out.len, 0);
}

/* Before a first version nobody knows which rule holds, nor when. */
static void without_a_version(void **state)
{
    struct fixture *fixture = *state;
    struct row row =
        row_of(fixture, "{\"v\":1,\"key\":\"sf:1\",\"status\":\"held\",\"epoch\":1,\"held\":[{"
                        "\"class\":\"first-meeting\",\"field\":\"phone\",\"old\":\"1\"}]}");
    assert_true(review_encode(&CONTACT, &row, &fixture->out));
    assert_string_equal(fixture->out.data,
                        "{\"v\":1,\"entity\":\"contact\",\"key\":\"sf:1\",\"held\":[{\"class\":"
                        "\"first-meeting\",\"field\":\"phone\",\"old\":\"1\"}],\"ts_ms\":0}");
}

static void there_and_back(void **state)
{
    struct fixture *fixture = *state;
    struct review review;
    struct err err = ERR_INIT;
    assert_int_equal(
        review_decode(span_of(MESSAGE), &fixture->tape, &fixture->arena, &review, &err), 0);
    assert_true(span_is(review.entity, "contact") && span_is(review.key, "sf:003A") &&
                span_is(review.twin, "501"));
    assert_true(review.deleted && review.ts_ms == 8000 && review.modified_ms == 5000);
    assert_int_equal(review.question_count, 4);
    const struct review_question *phone = &review.questions[0], *count = &review.questions[1];
    assert_int_equal(phone->class_, HELD_CONFLICT);
    assert_true(phone->has_base && phone->unconfirmed && span_is(phone->base_old.text, "110") &&
                span_is(phone->base_new.text, "+110"));
    assert_true(span_is(phone->old_now.text, "111") && span_is(phone->new_now.text, "112"));
    assert_true(span_is(phone->rule, "newest") && span_is(phone->who, "u:7") &&
                phone->since_ms == 9000);
    assert_true(!count->has_base && span_is(count->old_now.text, "7") &&
                count->new_now.kind == VALUE_BLANK);
    assert_true(review.questions[2].base_new.bytes == 2000 &&
                review.questions[2].old_now.kind == VALUE_MISSING);
    assert_true(review.questions[3].field.len == 0 &&
                span_is(review.questions[3].detail, "sf:003C"));
}

static void what_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        enum err_kind kind;
    } cases[] = {
        {"{", ERR_REJECT},
        {"{\"entity\":\"contact\",\"key\":\"a:1\",\"held\":[]}", ERR_REJECT},
        {"{\"v\":1,\"key\":\"a:1\",\"held\":[]}", ERR_REJECT},
        {"{\"v\":1,\"entity\":\"contact\",\"key\":\"a:1\"}", ERR_REJECT},
        {"{\"v\":1,\"entity\":\"contact\",\"key\":\"a:1\",\"held\":[{\"class\":\"odd\"}]}",
         ERR_REJECT},
        {"{\"v\":1,\"entity\":\"contact\",\"key\":\"a:1\",\"held\":[{\"class\":\"conflict\","
         "\"base\":{"
         "\"new\":\"x\"}}]}",
         ERR_REJECT},
        {"{\"v\":1,\"entity\":\"contact\",\"key\":\"a:1\",\"held\":[{\"class\":\"conflict\","
         "\"old\":{"
         "\"bytes\":5}}]}",
         ERR_REJECT},
        {"{\"v\":2,\"entity\":\"contact\",\"key\":\"a:1\",\"held\":[]}", ERR_FATAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct review review;
        struct err err = ERR_INIT;
        if (review_decode(span_of(cases[i].text), &fixture->tape, &fixture->arena, &review, &err) ==
                0 ||
            err.kind != cases[i].kind)
            fail_msg("%s: %s", cases[i].text, err.text);
    }
}

static void keys(void **state)
{
    (void)state;
    char key[REVIEW_KEY_BYTES], long_id[REVIEW_KEY_BYTES];
    struct err err = ERR_INIT;
    struct span entity, record;
    assert_int_equal(review_key(&CONTACT, span_of("sf:a/b"), key, &err), 0);
    assert_string_equal(key, "contact/sf:a/b");
    assert_true(review_key_parse(span_of(key), &entity, &record));
    assert_true(span_is(entity, "contact") && span_is(record, "sf:a/b"));
    static const char *const bad[] = {"", "contact", "/sf:1", "contact/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(review_key_parse(span_of(bad[i]), &entity, &record));
    memset(long_id, 'x', sizeof(long_id));
    assert_int_equal(review_key(&CONTACT, (struct span){long_id, sizeof(long_id)}, key, &err), -1);
    assert_int_equal(err.kind, ERR_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_says_what_is_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_open_is_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused, set_up, tear_down),
        cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
