/*
 * fuzz_signature — headers of signatures as a stranger writes them. Nobody is let in: the fuzzer does not know the secret, and what it makes
 * of a valid request is valid only as long as what was signed is unchanged.
 *
 * Input: one byte that names the scheme, then "name: value" lines as far as an empty one, then the body.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "remote/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS_MAX = 16, SCHEMES = 8 };
#define NOW_MS INT64_C(1700000000000)

struct input {
    struct span names[HEADERS_MAX], values[HEADERS_MAX];
    int count;
    struct span body;
};

static int look(void *self, const char *name, struct span *ret_value)
{
    const struct input *input = self;
    int found = 0;
    for (int i = 0; i < input->count; i++)
        if (input->names[i].len == strlen(name) &&
            strncasecmp(input->names[i].data, name, input->names[i].len) == 0 && ++found == 1)
            *ret_value = input->values[i];
    return found;
}

static void read_input(struct input *input, const char *text, size_t size)
{
    while (size && input->count < HEADERS_MAX) {
        const char *end = memchr(text, '\n', size);
        size_t len = end ? (size_t)(end - text) : size, used = len + (end != NULL);
        const char *colon = memchr(text, ':', len);
        if (len && colon) {
            size_t name = (size_t)(colon - text), skip = name + 1 < len && colon[1] == ' ';
            input->names[input->count] = (struct span){text, name};
            input->values[input->count++] = (struct span){colon + 1 + skip, len - name - 1 - skip};
        }
        text += used;
        size -= used;
        if (len == 0)
            break;
    }
    input->body = (struct span){size ? text : "", size};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct signature_keys keys[SCHEMES];
    static const char *const SECRETS[] = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "another"};
    struct input input = {.count = 0};
    char name[HASH_HEX_BYTES];
    if (size == 0)
        return 0;
    size_t at = data[0] % SCHEMES;
    const struct signature_scheme *scheme = &SIGNATURE_SCHEMES[at];
    if (!keys[at].keys && signature_keys_init(&keys[at], scheme, SECRETS, 2, NULL) < 0)
        abort();
    read_input(&input, (const char *)data + 1, size - 1);
    const struct signature_request request = {.method = span_of("POST"),
                                              .url = span_of("https://hooks.example.com/a"),
                                              .body = input.body,
                                              .header = look,
                                              .self = &input};
    if (signature_verify(scheme, &keys[at], &request, NOW_MS, name, NULL) == SIGNATURE_GOOD)
        abort(); /* nobody told it the secret */
    return 0;
}
