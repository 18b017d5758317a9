/*
 * fuzz_soap — Salesforce outbound messages: whatever is taken as one becomes good JSON with the organization in it, and nothing else is.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "producers/webhook/soap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_tape tape;
    struct buf out;
    buf_init(&out, 0);
    struct span body = {size ? (const char *)data : "", size};
    if (soap_to_json(body, &out, NULL) == 0) {
        struct span organization;
        if (json_parse(&tape, buf_span(&out), NULL) < 0 ||
            !json_string_at(&tape, 0, "0.organization", &organization))
            abort();
    }
    (void)soap_check(body, "00D5g0000012345");
    buf_clear(&out);
    return 0;
}
