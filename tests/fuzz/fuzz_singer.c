/*
 * fuzz_singer — a line of a tap: nobody's output is to be trusted, a library that prints on stdout least.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "producers/singer/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct json_tape *tape, const struct singer_line *line, struct arena *arena)
{
    static const char *const KEYS[] = {"id", "a"};
    int64_t ms;
    for (int count = 1; count <= 2; count++) {
        struct span id = singer_record_id(tape, line->at, KEYS, count, arena);
        if (id.data && (id.len == 0 || id.len > MESSAGE_ID_BYTES))
            abort();
    }
    uint32_t at = json_get(tape, line->at, "at");
    (void)singer_time(tape, at, &ms);
    (void)singer_truth(tape, at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_tape tape;
    struct arena arena;
    struct singer_line line;
    struct err err = ERR_INIT;
    json_tape_init(&tape);
    arena_init(&arena);
    if (singer_line_parse((struct span){(const char *)data, size}, &tape, &line, &err) == 0) {
        if (line.key_count > MESSAGE_KEYS_MAX || line.version < MESSAGE_NO_VERSION)
            abort();
        if (line.type != MESSAGE_STATE && line.stream.len == 0)
            abort();
        if (line.type == MESSAGE_RECORD)
            use(&tape, &line, &arena);
    } else if (err.kind != ERR_REJECT) {
        abort();
    }
    json_tape_clear(&tape);
    arena_clear(&arena);
    return 0;
}
