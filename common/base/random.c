/*
 * random — see random.h.
 */
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/rand.h>

void random_hex(char ret_text[RANDOM_HEX_BYTES])
{
    unsigned char bytes[(RANDOM_HEX_BYTES - 1) / 2];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        abort();
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(ret_text + 2 * i, 3, "%02x", bytes[i]);
}
