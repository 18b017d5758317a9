/*
 * fuzz_post — bodies of forms as a stranger writes them: a first line that is the Content-Type, then the body.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "producers/form/post.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = size ? memchr(text, '\n', size) : NULL;
    if (!end)
        return 0;
    size_t head = (size_t)(end - text);
    struct span type = {text, head}, body = {end + 1, size - head - 1};
    struct arena arena;
    struct json_tape tape;
    struct post post;
    struct err err = ERR_INIT;
    arena_init(&arena);
    json_tape_init(&tape);
    if (post_parse(type, body, &arena, &tape, &post, &err) == 0) {
        if (post.count > POST_INPUTS_MAX)
            abort();
        for (int i = 0; i < post.count; i++) {
            struct span value = post.inputs[i].value;
            if (value.len == 0 || utf8_valid_bytes(value) != value.len ||
                post.inputs[i].name.len == 0)
                abort();
        }
    } else if (err.kind != ERR_REJECT) {
        abort();
    }
    json_tape_clear(&tape);
    arena_clear(&arena);
    return 0;
}
