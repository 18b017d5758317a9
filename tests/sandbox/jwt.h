/*
 * jwt — a client's signed assertion (RFC 7523), checked with OpenSSL as Salesforce does it.
 */
#ifndef TANDEM_SANDBOX_JWT_H
#define TANDEM_SANDBOX_JWT_H

#include <stdint.h>

#include "tests/sandbox/exchange.h"

struct jwt {
    char issuer[WHO_BYTES], subject[WHO_BYTES];
};

/*
 * pem: a certificate or public key. NULL: all is well; else what Salesforce says about it
 * (error_description of invalid_grant, or invalid_client).
 */
const char *jwt_check(const char *assertion, const char *pem, int64_t now_s, const char *host,
                      struct jwt *ret_jwt);

#endif
