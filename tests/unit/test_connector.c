/*
 * test_connector — connector files: the two that are shipped are right, and each mistake is found
 * where it is, with a suggestion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/connector_internal.h"

/* A whole connector; a case replaces one line of it. */
static const char *const LINES[] = {
    /* 1 */ "system = { connector = { name = \"x\";",
    /* 2 */ "auth = { types = [\"bearer\"]; };",
    /* 3 */ "constants = { api = \"v1\"; };",
    /* 4 */ "record = { id = \"id\"; modified = \"at\"; };",
    /* 5 */ "error = { codes = [\"code\"]; messages = [\"message\"]; };",
    /* 6 */ "errors = ( { status = 429; outcome = \"later\"; } );",
    /* 7 */ "limits = { page = 100; };",
    /* 8 */ "operations = {",
    /* 9 */ "  list = { path = \"/{api}/list\"; query = { after = \"{cursor}\"; };",
    /* 10 */ "    records = \"rows\"; next = \"next\"; };",
    /* 11 */ "  read = { method = \"POST\"; path = \"/read\"; body = \"{'ids': [{each}]}\";",
    /* 12 */ "    each = \"'{id}'\"; records = \"rows\"; };",
    /* 13 */ "}; };",
    /* 14 */ "};",
};
enum { LINE_COUNT = sizeof(LINES) / sizeof(LINES[0]) };

static struct connector *open_text(const char *text, config_t *config, struct conf_report *report)
{
    config_init(config);
    conf_report_init(report);
    if (config_read_string(config, text) != CONFIG_TRUE)
        fail_msg("line %d: %s", config_error_line(config), config_error_text(config));
    return connector_open(config_lookup(config, "system.connector"), report);
}

static struct connector *open_with(int line, const char *text, config_t *config,
                                   struct conf_report *report)
{
    struct buf whole;
    buf_init(&whole, 0);
    for (int i = 0; i < LINE_COUNT; i++) {
        buf_puts(&whole, i + 1 == line ? text : LINES[i]);
        buf_putc(&whole, '\n');
    }
    struct connector *connector = open_text(buf_span(&whole).data, config, report);
    buf_clear(&whole);
    return connector;
}

static const struct {
    int line; /* replaced, and where the mistake is */
    const char *text, *mistake, *suggestion;
} MISTAKES[] = {
    {2, "auth = { types = [\"baerer\"]; };", "no way to sign in: \"baerer\"",
     "did you mean \"bearer\"?"},
    {2, "auth = { types = [\"oauth2_refresh_token\"]; };",
     "oauth2_refresh_token needs \"token_path\"", ""},
    {2, "auth = { types = [1]; };", "\"types\" must be a list of texts",
     "write [\"one\", \"two\"]"},
    {3, "constants = { page = \"1\"; api = \"v\"; };", "{page} is a placeholder already", ""},
    {3, "constants = { api = \"v\"; zip = 1; };", "constant zip must be a text", ""},
    {3, "constants = { api = \"v\"; }; objects = { a = { apo = \"v2\"; }; };",
     "unknown key \"apo\"", "did you mean \"api\"?"},
    {4, "record = { modified = \"at\"; };", "\"id\" is missing", "path to the id"},
    {5, "error = { messages = [\"message\"]; };", "\"codes\" is missing", ""},
    {6, "errors = ( { status = 429; outcome = \"latter\"; } );", "\"outcome\" cannot be \"latter\"",
     "did you mean \"later\"?"},
    {6, "errors = ( { outcome = \"later\"; } );", "this row would fit every error",
     "give a status, a code or both"},
    {6, "errors = ( { status = 4290; outcome = \"later\"; } );",
     "\"status\" must be between 0 and 599", ""},
    {7, "limits = { page = 0; };", "\"page\" must be between 1 and 100000, not 0", ""},
    {7, "limits = { pages = 10; };", "unknown key \"pages\"", "did you mean \"page\"?"},
    {9, "  list = { path = \"/{apo}/list\"; query = { after = \"{cursor}\"; };",
     "\"path\": {apo} has no meaning here", "did you mean {api}?"},
    {9, "  list = { path = \"/{after_id}\"; query = { after = \"{cursor}\"; };",
     "\"path\": {after_id} has no meaning here", ""},
    {9, "  list = { path = \"list\"; query = { after = \"{cursor}\"; };",
     "\"path\" must begin with /", ""},
    {9, "  list = { path = \"/list\"; query = { after = \"x\"; };",
     "operation list must use {cursor}", ""},
    {9, "  list = { path = \"/list\"; query = { after = \"{?cursor:{cursor}\"; };",
     "\"after\": a condition is not closed", "write {?name:text}"},
    {9, "  list = { path = \"/list\"; query = { after = \"'{cursor}\"; };",
     "\"after\": a quote is not closed", ""},
    {9, "  list = { path = \"/list\"; body = \"{cursor}\"; query = { after = \"{cursor}\"; };",
     "a GET has no body", "write method = \"POST\""},
    {9, "  list = { path = \"/{cursor}\"; each = \"x\";", "operation list has no items", ""},
    {9, "  list = { path = \"/{cursor}\"; headers = [\"Accept\"];", "\"Accept\" is not a header",
     "write \"Name: value\""},
    {9, "  lost = { path = \"/list\"; query = { after = \"{cursor}\"; };", "unknown key \"lost\"",
     "did you mean \"list\"?"},
    {13,
     "  history = { method = \"POST\"; path = \"/{each}\"; each = \"{id}\"; records = \"r\";"
     " histories = \"h\"; entry = { value = \"v\"; at = \"t\"; source = \"s\"; }; }; }; };",
     "\"own_sources\" is missing", ""},
    {3, "constants = { operations = \"v\"; api = \"v\"; };",
     "{operations} is a placeholder already", ""},
    {3,
     "constants = { api = \"v\"; }; objects = { a = { operations = { raed = { path = \"/\"; }; }; "
     "}; "
     "};",
     "unknown key \"raed\"", "did you mean \"read\"?"},
    {3,
     "constants = { api = \"v\"; }; objects = { a = { operations = { read = { path = \"/{each}\"; "
     "each = \"{id}\"; max = 10001; records = \"r\"; }; }; }; };",
     "\"max\" must be between 0 and 10000, not 10001", ""},
    {13, "  link = { path = \"/{each}\"; each = \"{to_id}\"; results = \"r\"; }; }; };",
     "operation link needs \"link\"", ""},
    {13,
     "  link = { path = \"/{each}\"; each = \"{to_id}\"; results = \"r\"; link = { to = \"t\"; }; "
     "}; }; };",
     "\"from\" is missing", "see deploy/connectors/README.md"},
    {13,
     "  links = { path = \"/{each}\"; each = \"{to_id}\"; records = \"r\"; link = { list = \"l\"; "
     "to "
     "= \"t\"; type = \"i\"; }; }; }; };",
     "\"each\": {to_id} has no meaning here", ""},
    {13, "  pipelines = { path = \"/\"; records = \"r\"; label = \"l\"; }; }; };",
     "operation pipelines needs \"stages\"", ""},
    {13,
     "  history = { method = \"POST\"; path = \"/{each}\"; each = \"{id}\"; records = \"r\";"
     " entry = { value = \"v\"; at = \"t\"; source = \"s\"; own_sources = [\"I\"]; }; }; }; };",
     "operation history needs \"histories\"", ""},
    {13,
     "  history = { method = \"POST\"; path = \"/{each}\"; each = \"{id}\"; records = \"r\";"
     " histories = \"h\"; entry = { value = \"v\"; at = \"t\"; source = \"s\";"
     " own_sources = []; }; }; }; };",
     "\"own_sources\" names no kind of writer", ""},
    {9, "  list = { method = \"PSOT\"; path = \"/{cursor}\";", "\"method\" cannot be \"PSOT\"",
     "did you mean \"POST\"?"},
};

static void mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(MISTAKES) / sizeof(MISTAKES[0]); i++) {
        config_t config;
        struct conf_report report;
        struct connector *connector =
            open_with(MISTAKES[i].line, MISTAKES[i].text, &config, &report);
        print_message("%s\n", MISTAKES[i].text);
        assert_null(connector);
        assert_int_equal(report.count, 1);
        assert_int_equal(report.mistakes[0].line, MISTAKES[i].line);
        assert_ptr_equal(strstr(report.mistakes[0].text, MISTAKES[i].mistake),
                         report.mistakes[0].text);
        if (MISTAKES[i].suggestion[0])
            assert_string_equal(report.mistakes[0].suggestion, MISTAKES[i].suggestion);
        conf_report_clear(&report);
        config_destroy(&config);
    }
}

/* What is left out is named at its group. */
static void missing_parts(void **state)
{
    (void)state;
    static const struct {
        int line;
        const char *text, *mistake;
    } CASES[] = {
        {10, "    next = \"next\"; };", "operation list needs \"records\""},
        {10, "    records = \"rows\"; };", "operation list needs \"next\""},
        {12, "    records = \"rows\"; };", "operation read needs \"each\""},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        config_t config;
        struct conf_report report;
        assert_null(open_with(CASES[i].line, CASES[i].text, &config, &report));
        assert_true(report.count >= 1);
        assert_string_equal(report.mistakes[0].text, CASES[i].mistake);
        assert_int_equal(report.mistakes[0].line, CASES[i].line - 1);
        conf_report_clear(&report);
        config_destroy(&config);
    }
}

static void system_overrides_limits(void **state)
{
    (void)state;
    config_t config;
    struct conf_report report;
    struct connector *connector =
        open_with(14, "limits = { page = 7; settle_ms = 12; }; };", &config, &report);
    assert_non_null(connector);
    assert_int_equal(connector->limits.page, 7);
    assert_int_equal(connector->limits.settle_ms, 12);
    assert_int_equal(connector->limits.timeout_ms, 30000);
    connector_close(connector);
    conf_report_clear(&report);
    config_destroy(&config);

    assert_null(open_with(14, "limits = { page = 101; }; };", &config, &report));
    assert_int_equal(report.count, 1);
    assert_string_equal(report.mistakes[0].text, "\"page\" must be between 1 and 100, not 101");
    assert_int_equal(report.mistakes[0].line, 14);
    conf_report_clear(&report);
    config_destroy(&config);
}

/* A way to sign in that the connector does not know. */
static void sign_in(void **state)
{
    (void)state;
    static const struct {
        const char *line, *mistake;
    } CASES[] = {
        {"url = \"https://x\"; token_file = \"t\"; };", NULL},
        {"url = \"https://x\"; };", "nothing to sign in with"},
        {"url = \"https://x\"; client_id = \"i\"; };", "nothing to sign in with"},
        {"url = \"https://x\"; token_file = \"t\"; refresh_token_file = \"r\"; };",
         "nothing to sign in with"},
        {"url = \"https://x\"; password_file = \"p\"; };", "nothing to sign in with"},
        {"url = \"https://x\"; username = \"u\"; password_file = \"p\"; };",
         "the connector x knows no basic"},
        {"url = \"https://x\"; client_id = \"i\"; private_key_file = \"k\"; };",
         "nothing to sign in with"},
        {"url = \"https://x\"; client_id = \"i\"; username = \"u\"; private_key_file = \"k\"; };",
         "the connector x knows no oauth2_jwt_bearer"},
        {"url = \"https://x\"; client_id = \"i\"; client_secret_file = \"s\"; };",
         "the connector x knows no oauth2_client_credentials"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        config_t config;
        struct conf_report report;
        struct connector *connector = open_with(14, CASES[i].line, &config, &report);
        assert_int_equal(connector != NULL, CASES[i].mistake == NULL);
        assert_int_equal(report.count, CASES[i].mistake != NULL);
        if (CASES[i].mistake)
            assert_string_equal(report.mistakes[0].text, CASES[i].mistake);
        connector_close(connector);
        conf_report_clear(&report);
        config_destroy(&config);
    }
}

static void shipped_files(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"salesforce", "hubspot", "generic-rest", "zendesk",
                                        "stripe"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        char path[512];
        const char *source = getenv("SOURCE_DIR");
        (void)snprintf(path, sizeof(path), "%s/deploy/connectors/%s.cfg", source ? source : ".",
                       NAMES[i]);
        config_t config;
        struct conf_report report;
        config_init(&config);
        conf_report_init(&report);
        assert_int_equal(conf_read_file(&config, path, &report), 0);
        struct connector *connector = connector_open(config_lookup(&config, "connector"), &report);
        if (!connector)
            print_error("%s:%d: %s\n", path, report.mistakes[0].line, report.mistakes[0].text);
        assert_non_null(connector);
        assert_int_equal(connector->conditional_writes, i == 1);
        connector_close(connector);
        conf_report_clear(&report);
        config_destroy(&config);
    }
}

static void named(const char *text, const char *before, const char *const *names, const char *after)
{
    for (int i = 0; names[i]; i++) {
        char words[64];
        (void)snprintf(words, sizeof(words), "%s%s%s", before, names[i], after);
        if (!strstr(text, words))
            fail_msg("generic-rest.cfg does not show %s", words);
    }
}

/* Whoever writes a connector from the template has seen everything that there is. */
static void template_shows_all(void **state)
{
    (void)state;
    static const char *const KEYS[] = {"name",
                                       "about",
                                       "constants",
                                       "objects",
                                       "auth",
                                       "types",
                                       "token_path",
                                       "audience",
                                       "id_form",
                                       "time",
                                       "conditional_writes",
                                       "record",
                                       "id",
                                       "modified",
                                       "version",
                                       "writer",
                                       "merged",
                                       "into",
                                       "deleted",
                                       "earliest",
                                       "covered",
                                       "deleted_log_ms",
                                       "gone",
                                       "dated",
                                       "values",
                                       "result",
                                       "trace",
                                       "created",
                                       "failure",
                                       "ids",
                                       "error",
                                       "codes",
                                       "messages",
                                       "errors",
                                       "status",
                                       "code",
                                       "words",
                                       "outcome",
                                       "retry_after_ms",
                                       "existing_id",
                                       "quota",
                                       "header",
                                       "usage_after",
                                       "remaining_header",
                                       "max_header",
                                       "limits",
                                       "page",
                                       "read",
                                       "lookup",
                                       "write",
                                       "history",
                                       "link",
                                       "links",
                                       "in_flight",
                                       "timeout_ms",
                                       "index_lag_ms",
                                       "settle_ms",
                                       "overlap_ms",
                                       "request_lifetime_ms",
                                       "operations",
                                       "method",
                                       "path",
                                       "query",
                                       "body",
                                       "each",
                                       "separator",
                                       "headers",
                                       "records",
                                       "next",
                                       "after",
                                       "last",
                                       "unordered",
                                       "keyset",
                                       "total",
                                       "results",
                                       "unique",
                                       "read_only",
                                       "histories",
                                       "entry",
                                       "value",
                                       "at",
                                       "source",
                                       "source_id",
                                       "own_sources",
                                       "from",
                                       "to",
                                       "failure_from",
                                       "failure_to",
                                       "list",
                                       "type",
                                       "category",
                                       "more",
                                       "label",
                                       "stages",
                                       "by",
                                       "max",
                                       "rate",
                                       "interval_header",
                                       "requests",
                                       "window_ms",
                                       "reserve_percent",
                                       "token_lifetime_s",
                                       NULL};
    char path[512];
    const char *source = getenv("SOURCE_DIR");
    (void)snprintf(path, sizeof(path), "%s/deploy/connectors/generic-rest.cfg",
                   source ? source : ".");
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    static char text[64 * 1024];
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    assert_int_equal(fclose(file), 0);
    text[len] = '\0';
    named(text, " ", KEYS, " = ");
    named(text, " ", OPERATION_NAMES, " = {");
    named(text, "{", PLACEHOLDER_NAMES, "}");
    named(text, "outcome = \"", OUTCOME_NAMES, "\"");
    named(text, "\"", AUTH_TYPE_NAMES, "\"");
}

/* --- errors --- */

static const struct {
    const char *name;
    int status;
    const char *body;
    int outcome; /* -1: no row */
    int64_t retry_after_ms;
    const char *message, *existing;
} ERRORS[] = {
    {"hubspot rolling limit", 429,
     "{\"status\":\"error\",\"message\":\"slow\",\"errorType\":\"RATE_LIMIT\",\"policyName\":"
     "\"TEN_SECONDLY_ROLLING\"}",
     OUTCOME_LATER, 10000, "slow", ""},
    {"by its policy", 429, "{\"policyName\":\"SECONDLY\"}", OUTCOME_LATER, 1000, "", ""},
    {"the day's", 429, "{\"policyName\":\"DAILY\"}", OUTCOME_QUOTA, 900000, "", ""},
    {"no JSON", 429, NULL, OUTCOME_LATER, 10000, "", ""},
    {"a code with another status", 400, "{\"policyName\":\"DAILY\"}", -1, 0, "", ""},
    {"an item exists", 0,
     "{\"category\":\"CONFLICT\",\"message\":\"Contact already exists. Existing ID: 51\"}",
     OUTCOME_EXISTS, 0, "Contact already exists. Existing ID: 51", "51"},
    {"an item exists, not said which", 0, "{\"category\":\"CONFLICT\",\"message\":\"exists\"}",
     OUTCOME_EXISTS, 0, "exists", ""},
    {"another unique property", 0,
     "{\"category\":\"VALIDATION_ERROR\",\"message\":\"were not valid: "
     "[{\\\"isValid\\\":false,\\\"message\\\":\\\"77 already has that value.\\\",\\\"error\\\":"
     "\\\"CONFLICTING_UNIQUE_VALUE\\\"}]\"}",
     OUTCOME_EXISTS, 0, NULL, "77"},
    {"another validation error", 0,
     "{\"category\":\"VALIDATION_ERROR\",\"message\":\"no such property\"}", -1, 0,
     "no such property", ""},
    {"rows without code are not for items", 0, "{\"category\":\"X\"}", -1, 0, "", ""},
    {"gone", 0, "{\"category\":\"OBJECT_NOT_FOUND\"}", OUTCOME_GONE, 0, "", ""},
};

static void errors(void **state)
{
    (void)state;
    config_t config;
    struct conf_report report;
    char path[512];
    const char *source = getenv("SOURCE_DIR");
    (void)snprintf(path, sizeof(path), "%s/deploy/connectors/hubspot.cfg", source ? source : ".");
    config_init(&config);
    conf_report_init(&report);
    assert_int_equal(conf_read_file(&config, path, &report), 0);
    struct connector *connector = connector_open(config_lookup(&config, "connector"), &report);
    assert_non_null(connector);
    struct json_tape tape;
    json_tape_init(&tape);
    for (size_t i = 0; i < sizeof(ERRORS) / sizeof(ERRORS[0]); i++) {
        print_message("%s\n", ERRORS[i].name);
        if (ERRORS[i].body)
            assert_int_equal(json_parse(&tape, span_of(ERRORS[i].body), NULL), 0);
        struct connector_verdict verdict =
            connector_classify(connector, ERRORS[i].status, ERRORS[i].body ? &tape : NULL, 0);
        assert_int_equal(verdict.found, ERRORS[i].outcome >= 0);
        if (verdict.found)
            assert_int_equal(verdict.outcome, ERRORS[i].outcome);
        assert_int_equal(verdict.retry_after_ms, ERRORS[i].retry_after_ms);
        if (ERRORS[i].message) {
            assert_int_equal(verdict.message.len, strlen(ERRORS[i].message));
            assert_memory_equal(verdict.message.data ? verdict.message.data : "", ERRORS[i].message,
                                verdict.message.len);
        }
        assert_int_equal(verdict.existing_id.len, strlen(ERRORS[i].existing));
        if (verdict.existing_id.len)
            assert_memory_equal(verdict.existing_id.data, ERRORS[i].existing,
                                verdict.existing_id.len);
    }
    json_tape_clear(&tape);
    connector_close(connector);
    conf_report_clear(&report);
    config_destroy(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes),
        cmocka_unit_test(missing_parts),
        cmocka_unit_test(system_overrides_limits),
        cmocka_unit_test(shipped_files),
        cmocka_unit_test(template_shows_all),
        cmocka_unit_test(errors),
        cmocka_unit_test(sign_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
