/*
 * test_expression — jq in its child process: what it gives, what it refuses, and
 * that nothing it does harms the process that asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/expression.h"

#define INPUT "{\"a\":\"x\",\"n\":7,\"d\":\"1234567890.12345678901\",\"t\":true,\"b\":null}"

static const struct {
    const char *text;
    enum json_type type;
    const char *want, *refusal;
} RUNS[] = {
    {".a", JSON_STRING_, "x", NULL},
    {".n", JSON_NUMBER_, "7", NULL},
    {".n + 1", JSON_NUMBER_, "8", NULL},
    {".d", JSON_STRING_, "1234567890.12345678901", NULL}, /* a text: no digit is lost */
    {".t", JSON_BOOL_, "true", NULL},
    {".b", JSON_NULL_, "null", NULL},
    {".nothing", JSON_NULL_, "null", NULL},
    {"\"\\(.a) \\(.n)\"", JSON_STRING_, "x 7", NULL},
    {".a | ascii_upcase", JSON_STRING_, "X", NULL},
    {"\"\"", JSON_STRING_, "", NULL},
    {"if .t then \"yes\" else \"no\" end", JSON_STRING_, "yes", NULL},
    {".a | test(\"^(a+)+$\")", JSON_BOOL_, "false", NULL},
    {"empty", JSON_NONE_, NULL, "gives no value"},
    {".a, .n", JSON_NONE_, NULL, "gives more than one value"},
    {"[.a]", JSON_NONE_, NULL, "gives a list or an object"},
    {".", JSON_NONE_, NULL, "gives a list or an object"},
    {".a.x", JSON_NONE_, NULL, "fails: Cannot index string with string \"x\""},
    {".a, .a.x", JSON_NONE_, NULL, "fails: Cannot index string with string \"x\""},
    {"error({no: 1})", JSON_NONE_, NULL, "fails: {\"no\":1}"},
    {"\"a\" * 131073", JSON_NONE_, NULL, "gives more than 131072 bytes"},
    /* Ten thousand million rounds, without a word that is refused. */
    {"[0,0,0,0,0,0,0,0,0,0] as $l | reduce ($l[]|$l[]|$l[]|$l[]|$l[]|$l[]|$l[]|$l[]|$l[]|$l[]) as "
     "$x"
     " (0; . + 1)",
     JSON_NONE_, NULL, "does not end (1000 ms of processor time)"},
    /* An assertion of libjq 1.6. */
    {"1e18 | todate", JSON_NONE_, NULL, "stops the interpreter, or needs more than 256 MB"},
    {"[] | .[500000000] = 1", JSON_NONE_, NULL, "stops the interpreter, or needs more than 256 MB"},
    {".a", JSON_STRING_, "x", NULL}, /* and all is as before */
};
enum { RUN_COUNT = sizeof(RUNS) / sizeof(RUNS[0]) };

static struct arena arena;

static void runs(void **state)
{
    (void)state;
    const char *texts[RUN_COUNT];
    struct err whys[RUN_COUNT], err = ERR_INIT;
    for (int i = 0; i < RUN_COUNT; i++) {
        texts[i] = RUNS[i].text;
        whys[i] = (struct err)ERR_INIT;
    }
    struct expressions *expressions = expressions_open(texts, RUN_COUNT, whys, &err);
    for (int i = 0; i < RUN_COUNT && !expressions; i++)
        if (whys[i].kind != ERR_NONE)
            print_error("%s: %s\n", texts[i], whys[i].text);
    assert_non_null(expressions);
    for (int i = 0; i < RUN_COUNT; i++) {
        struct expression_result result;
        struct err why = ERR_INIT;
        int failed = expressions_run(expressions, i, span_of(INPUT), &arena, &result, &why);
        if (failed != (RUNS[i].refusal ? -1 : 0) ||
            (failed && strcmp(why.text, RUNS[i].refusal) != 0) ||
            (!failed && (result.type != RUNS[i].type || !span_is(result.text, RUNS[i].want))))
            fail_msg("%s: %s", texts[i], failed ? why.text : result.text.data);
        if (failed)
            assert_int_equal(why.kind, ERR_REJECT);
    }
    expressions_close(expressions);
    expressions_close(NULL);
}

static void that_do_not_compile(void **state)
{
    (void)state;
    static const char *const texts[] = {".a", ".a +", "nofunction(.a)", "$undefined", "\"open"};
    static const char open_string[] =
        "syntax error, unexpected $end, expecting QQSTRING_TEXT or QQSTRING_INTERP_START or "
        "QQSTRING_END (Unix shell quoting issues?)";
    static const char *const want[] = {
        NULL, "syntax error, unexpected $end (Unix shell quoting issues?)",
        "nofunction/1 is not defined", "$undefined is not defined", open_string};
    struct err whys[5] = {ERR_INIT, ERR_INIT, ERR_INIT, ERR_INIT, ERR_INIT}, err = ERR_INIT;
    assert_null(expressions_open(texts, 5, whys, &err));
    assert_int_equal(err.kind, ERR_NONE);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(whys[i].kind, want[i] ? ERR_REJECT : ERR_NONE);
        if (want[i])
            assert_string_equal(whys[i].text, want[i]);
    }
}

/* libjq 1.6 would load it into every program. */
static void without_the_home(void **state)
{
    (void)state;
    char dir[] = "/tmp/tandem-home-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/.jq", dir);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("def fromhome: 1;\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("HOME", dir, 1), 0);
    const char *text = "fromhome";
    struct err why = ERR_INIT, err = ERR_INIT;
    assert_null(expressions_open(&text, 1, &why, &err));
    assert_string_equal(why.text, "fromhome/0 is not defined");
    (void)unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

/* The helper holds nothing of ours: the other end of a pipe sees that we closed it. */
static void without_our_files(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const char *text = ".a";
    struct err why = ERR_INIT, err = ERR_INIT;
    struct expressions *expressions = expressions_open(&text, 1, &why, &err);
    assert_non_null(expressions);
    char byte;
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    (void)close(ends[0]);
    expressions_close(expressions);
}

static void words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {".a", NULL},
        {".now + .env + .input", NULL},
        {".\"now\" | .[\"env\"]", NULL},
        {"{now: .a, def: 1}", NULL},
        {"\"now is \\(.a) env\"", NULL},
        {"# now\n.a", NULL},
        {"\"\\\"\" + .a", NULL},
        {"[.a, (.b | ascii_downcase)] | join(\" \")", NULL},
        {". as $now | $now", NULL},
        {"renv", NULL},
        {"now", "uses now, but an expression sees its input alone"},
        {"env.PATH", "uses env, but an expression sees its input alone"},
        {"$ENV.PATH", "uses $ENV, but an expression sees its input alone"},
        {"$__prog_args", "uses $__prog_args, but an expression sees its input alone"},
        {".a | input", "uses input, but an expression sees its input alone"},
        {"{a: now}", "uses now, but an expression sees its input alone"},
        {"{(now): 1}", "uses now, but an expression sees its input alone"},
        {"\"\\(now)\"", "uses now, but an expression sees its input alone"},
        {"\"a\\(.a + \"b\\(env)\")\"", "uses env, but an expression sees its input alone"},
        {"\"\\((.a)) now\" + now", "uses now, but an expression sees its input alone"},
        {"import \"x\" as x; .", "uses import, but an expression sees its input alone"},
        {"include \"x\"; .", "uses include, but an expression sees its input alone"},
        {"debug", "uses debug, but an expression sees its input alone"},
        {"halt_error", "uses halt_error, but an expression sees its input alone"},
        {"\"x\" | localtime", "uses localtime, but an expression sees its input alone"},
        {"def f: f; f", "uses def, which need not end"},
        {"repeat(.a)", "uses repeat, which need not end"},
        {"while(true; .)", "uses while, which need not end"},
        {"until(false; .)", "uses until, which need not end"},
        {".. , recurse", "uses recurse, which need not end"},
        {"[range(9)]", "uses range, which need not end"},
        {"..now", "uses now, but an expression sees its input alone"},
        {"\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"\\(\"",
         "is nested too deep"},
    };
    char buffer[128];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *said = expression_objection(cases[i].text, buffer, sizeof(buffer));
        if ((said == NULL) != (cases[i].want == NULL) || (said && strcmp(said, cases[i].want) != 0))
            fail_msg("%s: %s", cases[i].text, said ? said : "(nothing)");
    }
    char *text = malloc(EXPRESSION_MAX_BYTES + 2);
    assert_non_null(text);
    memset(text, '.', EXPRESSION_MAX_BYTES + 1);
    text[EXPRESSION_MAX_BYTES + 1] = '\0';
    assert_string_equal(expression_objection(text, buffer, sizeof(buffer)),
                        "is longer than 4096 bytes");
    free(text);
}

static int open_all(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs),
        cmocka_unit_test(that_do_not_compile),
        cmocka_unit_test(without_the_home),
        cmocka_unit_test(without_our_files),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
