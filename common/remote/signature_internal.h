/*
 * signature_internal — what the files of signature share: secrets, and the bytes that are signed.
 */
#ifndef TANDEM_REMOTE_SIGNATURE_INTERNAL_H
#define TANDEM_REMOTE_SIGNATURE_INTERNAL_H

#include <openssl/evp.h>

#include "remote/signature.h"

struct signature_key {
    char *text; /* of {secret} */
    size_t len;
    EVP_MAC_CTX *mac; /* keyed; copied for each message. NULL: no HMAC */
};

/* What a template's names stand for in one request. */
struct signature_parts {
    const struct signature_request *request;
    struct span id, time;
};

size_t signature_bytes(enum signature_algorithm algorithm); /* of one signature */
/* What this secret makes of the signed bytes; false: OpenSSL has no memory, which is as good as a wrong signature. */
bool signature_compute(const struct signature_scheme *scheme, const struct signature_parts *parts,
                       const struct signature_key *key, unsigned char out[SIGNATURE_BYTES_MAX]);
/* A name of the signed bytes: a replay has the same one. */
void signature_name(const struct signature_scheme *scheme, const struct signature_parts *parts,
                    char ret_name[HASH_HEX_BYTES]);

#endif
