/*
 * verify — one question to the program beside us.
 */
#include "cli/verify.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/capture.h"
#include "cli/command.h"

enum { ARGUMENTS_MAX = 8, ANSWER_MAX_BYTES = 32 * 1024 * 1024 };

json_t *verify_ask(const char *config, const char *const *arguments, struct err *err)
{
    char path[PATH_MAX];
    if (command_sibling("tandem-verify", path, sizeof(path), err) != 0)
        return NULL;
    const char *argv[4 + ARGUMENTS_MAX] = {path, "--config", config};
    for (int i = 0; i < ARGUMENTS_MAX && arguments[i]; i++)
        argv[3 + i] = arguments[i];
    struct buf out;
    buf_init(&out, ANSWER_MAX_BYTES);
    int status = 0;
    json_t *answer = NULL;
    if (capture(argv, CAPTURE_OUT, &out, &status, err) == 0) {
        answer = status == 0 && out.data ? json_loadb(out.data, out.len, 0, NULL) : NULL;
        if (!answer)
            err_exit(err, status ? status : EX_SOFTWARE,
                     "tandem-verify ended with code %d; its words stand above", status);
    }
    buf_clear(&out);
    return answer;
}

json_t *verify_entity(const json_t *answer, const char *entity)
{
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(answer, "entities"), i, item)
    {
        const char *name = json_string_value(json_object_get(item, "entity"));
        if (name && strcmp(name, entity) == 0)
            return item;
    }
    return NULL;
}

json_int_t verify_sum(json_t *counts)
{
    json_int_t sum = 0;
    const char *name;
    json_t *value;
    json_object_foreach(counts, name, value) sum += json_integer_value(value);
    return sum;
}

void verify_put_counts(json_t *counts, char *ret_text, size_t size)
{
    const char *name;
    json_t *value;
    size_t used = 0;
    ret_text[0] = '\0';
    json_object_foreach(counts, name, value)
    {
        if (json_integer_value(value) == 0 || used >= size)
            continue;
        int put = snprintf(ret_text + used, size - used, "%s%s %lld", used ? ", " : "", name,
                           (long long)json_integer_value(value));
        used += put > 0 ? (size_t)put : 0;
    }
}
