/*
 * test_connector_template — what templates become: values as their place demands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "remote/connector_internal.h"

static const struct {
    enum template_syntax syntax;
    const char *text, *id, *version, *want;
} CASES[] = {
    {TEMPLATE_PATH, "/a/{id}", "x y/z", "", "/a/x%20y%2Fz"},
    {TEMPLATE_PATH, "{api}/{id}", "1", "", "/v1/x/1"}, /* a constant may be a path */
    {TEMPLATE_QUERY, "Id > '{id}'", "a'b\\c", "", "Id > 'a\\'b\\\\c'"},
    {TEMPLATE_QUERY, "{id}", "a'b", "", "a'b"},
    {TEMPLATE_QUERY, "a{?version: AND v = {version}} z", "", "7", "a AND v = 7 z"},
    {TEMPLATE_QUERY, "a{?version: AND v = {version}} z", "", "", "a z"},
    {TEMPLATE_QUERY, "{!version:none}{?version:{version}}", "", "", "none"},
    {TEMPLATE_QUERY, "{!version:none}{?version:{version}}", "", "3", "3"},
    {TEMPLATE_QUERY, "{?id:a{?version:b}{!version:c}d}e", "1", "", "acde"},
    {TEMPLATE_JSON, "{'id': '{id}'}", "q\"\\\n\x01", "", "{\"id\": \"q\\\"\\\\\\n\\u0001\"}"},
    {TEMPLATE_JSON, "{'id': '{id}'}", "\xC3\xBC", "", "{\"id\": \"\xC3\xBC\"}"},
    {TEMPLATE_JSON, "{'v': {version}}", "", "12", "{\"v\": 12}"},
    {TEMPLATE_JSON, "{'v': {version}}", "", "012", "{\"v\": \"012\"}"}, /* no JSON number */
    {TEMPLATE_JSON, "{'v': {version}}", "", "1,\"x\":2", "{\"v\": \"1,\\\"x\\\":2\"}"},
    {TEMPLATE_JSON, "{'v': {version}}", "", "", "{\"v\": \"\"}"},
    {TEMPLATE_JSON, "{{?version:'a': {'v': {version}}, }'b': {}}", "", "5",
     "{\"a\": {\"v\": 5}, \"b\": {}}"},
    {TEMPLATE_JSON, "{{?version:'a': {'v': {version}}, }'b': {}}", "", "", "{\"b\": {}}"},
    {TEMPLATE_JSON, "{Id}{ id }{}", "", "", "{Id}{ id }{}"}, /* braces of no placeholder */
};

static void expansion(void **state)
{
    (void)state;
    struct connector connector;
    memset(&connector, 0, sizeof(connector));
    arena_init(&connector.arena);
    connector.constant_names[0] = "api";
    connector.constants[0] = "/v1/x";
    connector.constant_count = 1;
    config_t config;
    config_init(&config);
    struct conf_report report;
    conf_report_init(&report);
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        print_message("%s\n", CASES[i].text);
        struct connector_template template;
        assert_int_equal(connector_template_read(&connector, config_root_setting(&config),
                                                 CASES[i].text, CASES[i].syntax,
                                                 PH_BIT(PH_ID) | PH_BIT(PH_VERSION), &report,
                                                 &template),
                         0);
        struct template_values values = {.connector = &connector, .object = "Contact"};
        values.text[PH_ID] = span_of(CASES[i].id);
        values.text[PH_VERSION] = span_of(CASES[i].version);
        buf_reset(&out);
        connector_template_expand(&template, &values, &out);
        assert_string_equal(buf_span(&out).data, CASES[i].want);
    }
    buf_clear(&out);
    conf_report_clear(&report);
    config_destroy(&config);
    arena_clear(&connector.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(expansion)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
