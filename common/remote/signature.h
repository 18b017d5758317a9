/*
 * signature — is this request from whom it says, and is it from now? Verifies a received webhook by a row of the table in
 * model/webhook.h (facts/reliability.md §4: raw bytes, every active secret, constant-time comparison, time window both ways).
 */
#ifndef TANDEM_REMOTE_SIGNATURE_H
#define TANDEM_REMOTE_SIGNATURE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "model/webhook.h"

enum {
    SIGNATURE_BYTES_MAX = 64,    /* of a digest */
    SIGNATURE_HEADER_MAX = 4096, /* longer headers are refused unread */
    SIGNATURE_ITEMS_MAX = 16,    /* signatures of one header: a sender that rotates sends two */
    SIGNATURE_ID_MAX = 256
};

/* The secrets with which messages may be signed now; read-only while requests are verified, by any number of threads. */
struct signature_keys {
    struct signature_key *keys;
    int count;
};

/*
 * texts: the secrets as their files hold them, copied. Returns 0, or -1 with ERR_FATAL EX_CONFIG: what is behind "whsec_" is no
 * base64 (the text itself is in no message).
 */
int signature_keys_init(struct signature_keys *keys, const struct signature_scheme *scheme,
                        const char *const *texts, int count, struct err *err);
void signature_keys_clear(struct signature_keys *keys); /* wipes them */

/* What a request says; borrowed. */
struct signature_request {
    struct span method, url; /* url: as configured, never from the request */
    struct span body;        /* raw */
    /* The value of a header (name in any case, RFC 9110 §5.1) in *ret_value; returns how often it is there. */
    int (*header)(void *self, const char *name, struct span *ret_value);
    void *self;
};

enum signature_verdict {
    SIGNATURE_GOOD,
    SIGNATURE_MISSING, /* a header that the scheme needs is not there, or twice: which one is meant? */
    SIGNATURE_MALFORMED, /* it is there and is no signature, no time */
    SIGNATURE_WRONG,     /* none of our secrets made it from these bytes */
    SIGNATURE_EXPIRED, /* signed, too long ago or in the future: a replay, or a clock that is wrong */
    SIGNATURE_VERDICT_COUNT
};
const char *signature_verdict_name(enum signature_verdict verdict); /* "good", "missing", … */

/*
 * Judge a request. now_ms: wall clock. ret_name (may be NULL), with SIGNATURE_GOOD: SHA-256 of scheme name and signed bytes, hex:
 * what a replay is known by; never made of anything that was not signed.
 * ret_time_ms (may be NULL), likewise: when it was signed, by the sender's clock; −1 where no time is signed.
 */
enum signature_verdict signature_verify(const struct signature_scheme *scheme,
                                        const struct signature_keys *keys,
                                        const struct signature_request *request, int64_t now_ms,
                                        char ret_name[HASH_HEX_BYTES], int64_t *ret_time_ms);

#endif
