/*
 * test_log — what arrives on stderr is one JSON object a line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* stderr goes to a file while the test runs; what it holds is read back as text. */
struct capture {
    FILE *file;
    int stderr_fd;
};

static struct capture capture_start(void)
{
    struct capture capture = {tmpfile(), dup(STDERR_FILENO)};
    assert_non_null(capture.file);
    assert_true(dup2(fileno(capture.file), STDERR_FILENO) >= 0);
    log_init("test", "7", LOG_INFO_);
    return capture;
}

static void capture_stop(struct capture *capture, char *ret_text, size_t size)
{
    assert_true(dup2(capture->stderr_fd, STDERR_FILENO) >= 0);
    (void)close(capture->stderr_fd);
    rewind(capture->file);
    size_t len = fread(ret_text, 1, size - 1, capture->file);
    ret_text[len] = '\0';
    (void)fclose(capture->file);
}

static void a_line_is_json(void **state)
{
    (void)state;
    char text[4096];
    struct capture capture = capture_start();
    log_info("page \"one\"", log_str("entity", "con\ntact"), log_int("records", -12),
             log_str("none", NULL));
    capture_stop(&capture, text, sizeof(text));
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "process")), "test");
    assert_string_equal(json_string_value(json_object_get(line, "instance")), "7");
    assert_string_equal(json_string_value(json_object_get(line, "msg")), "page \"one\"");
    assert_string_equal(json_string_value(json_object_get(line, "entity")), "con\ntact");
    assert_string_equal(json_string_value(json_object_get(line, "none")), "");
    assert_int_equal(json_integer_value(json_object_get(line, "records")), -12);
    const char *ts = json_string_value(json_object_get(line, "ts"));
    int64_t when;
    assert_true(timestamp_parse(ts, strlen(ts), &when));
    assert_int_equal(json_object_size(line), 8);
    json_decref(line);
}

static void levels_filter(void **state)
{
    (void)state;
    char text[4096];
    struct capture capture = capture_start();
    log_debug("not this");
    log_warn("this");
    log_set_level(LOG_ERROR_);
    log_warn("nor this");
    log_set_level(LOG_DEBUG_);
    log_debug("and this");
    capture_stop(&capture, text, sizeof(text));
    assert_null(strstr(text, "not this"));
    assert_null(strstr(text, "nor this"));
    assert_non_null(strstr(text, "\"msg\":\"this\"}\n"));
    assert_non_null(strstr(text, "\"msg\":\"and this\"}\n"));
}

static void long_values_are_cut(void **state)
{
    (void)state;
    char text[4096], value[1000];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    struct capture capture = capture_start();
    log_info("long", log_str("value", value));
    capture_stop(&capture, text, sizeof(text));
    json_t *line = json_loads(text, 0, NULL);
    assert_int_equal(json_string_length(json_object_get(line, "value")), 255);
    json_decref(line);
}

static void level_names(void **state)
{
    (void)state;
    assert_int_equal(log_level_parse("debug"), LOG_DEBUG_);
    assert_int_equal(log_level_parse("error"), LOG_ERROR_);
    assert_int_equal(log_level_parse("loud"), -1);
    assert_int_equal(log_level_parse(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_json),
        cmocka_unit_test(levels_filter),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(level_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
