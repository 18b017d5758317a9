/*
 * fuzz_connector — a connector file that somebody is still writing, and behind a line "---" what its system
 * answers: neither may do more than be refused in words.
 */
#include <libconfig.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "remote/connector.h"
#include "remote/rest_recorded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const NAMES[] = {"a", "b"};

static void play(struct rest *rest, enum rest_kind kind, struct span body)
{
    static const char *const HEADERS[] = {"Date: Fri, 02 Jan 2026 04:00:02 GMT", "Retry-After: 1"};
    const struct recorded_answer answers[] = {{200, HEADERS, 1, body}, {429, HEADERS, 2, body}};
    struct span ids[] = {{"1", 1}, {"x", 1}};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct rest_op op;
        struct err err = ERR_INIT;
        int64_t retry_after_ms = 0;
        rest_op_init(&op);
        op.kind = kind;
        op.object = "things";
        op.properties = NAMES;
        op.property_count = 2;
        op.ids = ids;
        op.id_count = rest_max(rest, kind, "things", NULL) == 1 ? 1 : 2;
        op.after_id = op.cursor = span_of("7");
        op.to_ms = INT64_C(1767326400000);
        enum rest_outcome outcome = rest_play(rest, &op, &answers[i], &retry_after_ms, &err);
        if (outcome == REST_UNCERTAIN || (outcome != REST_DONE) != (err.text[0] != '\0'))
            abort(); /* these are reads, and what fails says why */
        for (int r = 0; outcome == REST_DONE && r < op.record_count; r++)
            if (op.records[r].id.len == 0)
                abort();
        rest_op_clear(&op);
    }
}

static void use(config_setting_t *group, struct span body)
{
    static const enum rest_kind KINDS[] = {REST_BACKFILL, REST_INCREMENTAL, REST_READ, REST_LIST,
                                           REST_COUNT,    REST_PROPERTIES,  REST_ENDED};
    struct system_settings settings = {.name = "fuzz", .connector = group};
    struct err err = ERR_INIT;
    struct rest *rest = rest_open_recorded(&settings, &CLOCK_SYSTEM, &err);
    if (!rest && !err.text[0])
        abort();
    for (size_t i = 0; rest && i < sizeof(KINDS) / sizeof(KINDS[0]); i++)
        if (rest_knows(rest, KINDS[i], "things"))
            play(rest, KINDS[i], body);
    rest_close(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    log_init("fuzz", "", LOG_ERROR_);
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *answer = strstr(text, "\n---\n");
    struct span body = answer ? span_of(answer + 5) : SPAN_NONE;
    if (answer)
        *answer = '\0';
    config_t config;
    config_init(&config);
    /* Files of this machine are not what is looked for. */
    if (!strstr(text, "@include") && config_read_string(&config, text) == CONFIG_TRUE) {
        config_setting_t *group = config_lookup(&config, "connector");
        if (group)
            use(group, body);
    }
    config_destroy(&config);
    free(text);
    return 0;
}
