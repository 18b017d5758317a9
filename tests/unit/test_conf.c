/*
 * test_conf — configuration mistakes as a table: text in, exact report out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/conf.h"

struct sample {
    const char *name, *mode, *secret, *file;
    int64_t port, big;
    bool on;
    double share;
    config_setting_t *nested;
};

static const char *const MODES[] = {"newest", "oldest", "review", NULL};
static const struct conf_option OPTIONS[] = {
    {.name = "name",
     .type = CONF_STRING,
     .offset = offsetof(struct sample, name),
     .required = true,
     .help = "what it is called"},
    {.name = "mode",
     .type = CONF_STRING,
     .offset = offsetof(struct sample, mode),
     .default_text = "review",
     .choices = MODES},
    {.name = "port",
     .type = CONF_INT,
     .offset = offsetof(struct sample, port),
     .default_int = 80,
     .min = 1,
     .max = 65535},
    {.name = "big", .type = CONF_INT, .offset = offsetof(struct sample, big)},
    {.name = "on", .type = CONF_BOOL, .offset = offsetof(struct sample, on), .default_int = 1},
    {.name = "share",
     .type = CONF_FLOAT,
     .offset = offsetof(struct sample, share),
     .max = 1,
     .default_float = 0.25},
    {.name = "secret", .type = CONF_SECRET, .offset = offsetof(struct sample, secret)},
    {.name = "file", .type = CONF_FILE, .offset = offsetof(struct sample, file)},
    {.name = "nested", .type = CONF_GROUP, .offset = offsetof(struct sample, nested)},
    {0},
};
static const char *const ALSO_KNOWN[] = {"include_here", NULL};

static char dir[64], main_path[128];

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/tandem-conf-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(main_path, sizeof(main_path), "%s/main.cfg", dir);
    write_file("open.key", "s3cret\n", 0644);
    write_file("good.key", "s3cret\n", 0600);
    write_file("part.cfg", "share = 0.5;\nbig = 3000000000;\n", 0644);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const names[] = {"open.key", "good.key", "part.cfg", "main.cfg", "odd.key"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    return rmdir(dir);
}

/* The report with the directory's name taken out. Freed by the caller. */
static char *report_text(struct conf_report *report)
{
    struct buf out, shown;
    buf_init(&out, 0);
    buf_init(&shown, 0);
    conf_report_print(report, &out);
    const char *text = buf_span(&out).data;
    for (const char *hit; (hit = strstr(text, dir)); text = hit + strlen(dir) + 1)
        buf_put(&shown, text, (size_t)(hit - text));
    buf_puts(&shown, text);
    buf_clear(&out);
    return buf_take(&shown);
}

static const struct {
    const char *name, *text, *want;
} CASES[] = {
    {"all is well", "name = \"a\";\nport = 443;\ninclude_here = 1;\n", ""},
    {"syntax error alone", "name = ;\nprot = 1;\n", "main.cfg:1: syntax error\n"},
    {"missing key", "port = 1;\n", "main.cfg: \"name\" is missing; what it is called\n"},
    {"unknown key, near", "name = \"a\";\nprot = 1;\n",
     "main.cfg:2: unknown key \"prot\"; did you mean \"port\"?\n"},
    {"unknown key, far", "name = \"a\";\nsomething = 1;\n",
     "main.cfg:2: unknown key \"something\"\n"},
    {"text for number", "name = \"a\";\nport = \"443\";\n",
     "main.cfg:2: \"port\" must be an integer; write 443 without quotes\n"},
    {"number for text", "name = 7;\n",
     "main.cfg:1: \"name\" must be a text in quotes; write \"7\"\n"},
    {"text for boolean", "name = \"a\";\non = \"yes\";\n",
     "main.cfg:2: \"on\" must be true or false\n"},
    {"float for integer", "name = \"a\";\nport = 1.5;\n",
     "main.cfg:2: \"port\" must be an integer\n"},
    {"integer for boolean", "name = \"a\";\non = 1;\n",
     "main.cfg:2: \"on\" must be true or false\n"},
    {"too low", "name = \"a\";\nport = 0;\n",
     "main.cfg:2: \"port\" must be between 1 and 65535, not 0\n"},
    {"too high", "name = \"a\";\nport = 65536;\n",
     "main.cfg:2: \"port\" must be between 1 and 65535, not 65536\n"},
    {"float too high", "name = \"a\";\nshare = 1.5;\n",
     "main.cfg:2: \"share\" must be between 0 and 1, not 1.5\n"},
    {"no such choice, near", "name = \"a\";\nmode = \"newst\";\n",
     "main.cfg:2: \"mode\" cannot be \"newst\"; did you mean \"newest\"?\n"},
    {"no such choice, far", "name = \"a\";\nmode = \"whatever\";\n",
     "main.cfg:2: \"mode\" cannot be \"whatever\"; one of newest, oldest, review\n"},
    {"scalar for group", "name = \"a\";\nnested = 1;\n",
     "main.cfg:2: \"nested\" must be a group, list or array\n"},
    {"beyond 32 bits", "name = \"a\";\nbig = 3000000000;\n",
     "main.cfg:2: the number 3000000000 does not fit 32 bits; append L, or put it in quotes if it "
     "is an id\n"},
    {"negative, beyond 32 bits", "name = \"a\";\nbig = -2147483649;\n",
     "main.cfg:2: the number -2147483649 does not fit 32 bits; append L, or put it in quotes if "
     "it is an id\n"},
    {"beyond 64 bits", "name = \"a\";\nbig = 9223372036854775808L;\n",
     "main.cfg:2: the number 9223372036854775808L does not fit 64 bits; ids are strings: put it "
     "in quotes\n"},
    {"numbers elsewhere are not numbers",
     "name = \"3000000000\"; # 3000000000\n// 3000000000\n/* 3000000000\n*/ big = 3000000000L;\n"
     "share = 0.000000000001; include_here = 2147483647; a3000000000 = -2147483648;\n",
     "main.cfg:5: unknown key \"a3000000000\"\n"},
    {"hex beyond 32 bits", "name = \"a\";\nbig = 0x100000000;\n",
     "main.cfg:2: the number 0x100000000 does not fit 32 bits; append L, or put it in quotes if "
     "it is an id\n"},
    {"mistake in an included file", "name = \"a\";\n@include \"part.cfg\"\nprot = 1;\n",
     "main.cfg:3: unknown key \"prot\"; did you mean \"port\"?\n"
     "part.cfg:2: the number 3000000000 does not fit 32 bits; append L, or put it in quotes if it "
     "is an id\n"},
    {"secret others can read", "name = \"a\";\nsecret = \"open.key\";\n",
     "main.cfg:2: the secret file \"secret\" can be read by others than its owner: chmod 600; "
     "it must be a file with mode 600: open.key\n"},
    {"file that is not there", "name = \"a\";\nfile = \"no.pem\";\n",
     "main.cfg:2: \"file\" cannot be read: no.pem: No such file or directory\n"},
    {"secret that is not there", "name = \"a\";\nsecret = \"no.key\";\n",
     "main.cfg:2: the secret file \"secret\" does not exist; it must be a file with mode 600: "
     "no.key\n"},
    {"all at once, in order", "zzzzzzzz = 1;\nport = 0;\non = 0;\n",
     "main.cfg: \"name\" is missing; what it is called\nmain.cfg:1: unknown key \"zzzzzzzz\"\n"
     "main.cfg:2: \"port\" must be between 1 and 65535, not 0\n"
     "main.cfg:3: \"on\" must be true or false\n"},
};

static void mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        write_file("main.cfg", CASES[i].text, 0644);
        config_t config;
        config_init(&config);
        struct conf_report report;
        conf_report_init(&report);
        struct sample sample;
        int failed = conf_read_file(&config, main_path, &report);
        if (!failed)
            (void)conf_read_group(config_root_setting(&config), OPTIONS, ALSO_KNOWN, &sample,
                                  &report);
        char *got = report_text(&report);
        if (strcmp(got, CASES[i].want) != 0)
            fail_msg("%s:\n%snot\n%s", CASES[i].name, got, CASES[i].want);
        free(got);
        conf_report_clear(&report);
        config_destroy(&config);
    }
}

static void values_and_defaults(void **state)
{
    (void)state;
    struct conf_report report;
    conf_report_init(&report);
    struct sample sample;
    assert_int_equal(conf_read_group(NULL, OPTIONS + 1, NULL, &sample, &report), 0);
    assert_string_equal(sample.mode, "review");
    assert_int_equal(sample.port, 80);
    assert_true(sample.on);
    assert_true(sample.share == 0.25);
    assert_null(sample.secret);
    assert_null(sample.nested);
    write_file(
        "main.cfg",
        "name = \"n\"; mode = \"oldest\"; port = 443; big = 9223372036854775807L; on = "
        "false; share = 1; secret = \"good.key\"; file = \"open.key\"; nested = { a = 1; };\n",
        0644);
    config_t config;
    config_init(&config);
    assert_int_equal(conf_read_file(&config, main_path, &report), 0);
    for (int again = 0; again < 2; again++) {
        const config_setting_t *root = config_root_setting(&config);
        assert_int_equal(conf_read_group(root, OPTIONS, NULL, &sample, &report), 0);
        assert_string_equal(sample.name, "n");
        assert_string_equal(sample.mode, "oldest");
        assert_int_equal(sample.port, 443);
        assert_int_equal(sample.big, INT64_MAX);
        assert_false(sample.on);
        assert_true(sample.share == 1);
        assert_int_equal(sample.secret[0], '/');
        assert_int_equal(sample.file[0], '/');
        assert_int_equal(config_setting_length(sample.nested), 1);
        char *secret = NULL;
        struct err err = ERR_INIT;
        assert_int_equal(secret_read(sample.secret, &secret, &err), 0);
        assert_string_equal(secret, "s3cret");
        free(secret);
    }
    config_destroy(&config);
    conf_report_clear(&report);
}

static void unreadable_file(void **state)
{
    (void)state;
    config_t config;
    config_init(&config);
    struct conf_report report;
    conf_report_init(&report);
    assert_int_equal(conf_read_file(&config, "/nonexistent/x.cfg", &report), -1);
    char *text = report_text(&report);
    assert_string_equal(text, "/nonexistent/x.cfg: cannot be read: No such file or directory\n");
    free(text);
    conf_report_clear(&report);
    config_destroy(&config);
}

static void too_many_mistakes_are_counted(void **state)
{
    (void)state;
    struct conf_report report;
    conf_report_init(&report);
    for (int i = 0; i < CONF_MISTAKES_MAX + 5; i++)
        conf_mistake(&report, NULL, NULL, "mistake\n%d", i);
    assert_int_equal(report.count, CONF_MISTAKES_MAX);
    assert_int_equal(report.dropped, 5);
    char *text = report_text(&report);
    assert_memory_equal(text, "mistake 0\nmistake 1\n", 20);
    assert_non_null(strstr(text, "and 5 more\n"));
    free(text);
    conf_report_clear(&report);
    conf_report_clear(NULL);
}

static void secrets(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mode_t mode;
        int exit_code;
        const char *want;
    } cases[] = {
        {"token\n", 0600, 0, "token"},         {"token", 0400, 0, "token"},
        {"to ken \n\n", 0600, 0, "to ken \n"}, {"token\n", 0640, EX_NOPERM, NULL},
        {"token\n", 0604, EX_NOPERM, NULL},    {"", 0600, EX_CONFIG, NULL},
        {"\n", 0600, EX_CONFIG, NULL},
    };
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/odd.key", dir);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)unlink(path);
        write_file("odd.key", cases[i].text, cases[i].mode);
        struct err err = ERR_INIT;
        char *text = NULL;
        int failed = secret_read(path, &text, &err);
        assert_int_equal(failed, cases[i].want ? 0 : -1);
        assert_int_equal(err.exit_code, cases[i].exit_code);
        if (cases[i].want)
            assert_string_equal(text, cases[i].want);
        else
            assert_null(text);
        free(text);
    }
    struct err err = ERR_INIT;
    char *text = NULL;
    assert_int_equal(secret_read("/nonexistent/key", &text, &err), -1);
    assert_int_equal(err.exit_code, EX_CONFIG);
    err_clear(&err);
    assert_int_equal(secret_read(dir, &text, &err), -1);
}

static void nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"email", "phone", "id", "last_modified", NULL};
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"emial", "email"},
        {"e-mail", "email"},
        {"phnoe", "phone"},
        {"xy", NULL},
        {"last_modfied_at", "last_modified"},
        {"zebra", NULL},
        {"", NULL},
        {"email", "email"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = conf_nearest(cases[i].word, names);
        if (!cases[i].want)
            assert_null(got);
        else
            assert_string_equal(got, cases[i].want);
    }
    assert_null(conf_nearest("email", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes),        cmocka_unit_test(values_and_defaults),
        cmocka_unit_test(unreadable_file), cmocka_unit_test(too_many_mistakes_are_counted),
        cmocka_unit_test(secrets),         cmocka_unit_test(nearest),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
