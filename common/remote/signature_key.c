/*
 * signature_key — the secrets that a scheme's signatures are made with; see signature.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/crypto.h>
#include <openssl/params.h>

#include "base/decode.h"
#include "remote/signature_internal.h"

static const char *digest_name(enum signature_algorithm algorithm)
{
    return algorithm == SIGNATURE_HMAC_SHA1     ? "SHA1"
           : algorithm == SIGNATURE_HMAC_SHA512 ? "SHA512"
                                                : "SHA256";
}

static bool is_hmac(enum signature_algorithm algorithm)
{
    return algorithm != SIGNATURE_SHA256 && algorithm != SIGNATURE_NONE;
}

static int keyed(struct signature_key *key, enum signature_algorithm algorithm,
                 const unsigned char *secret, size_t len, struct err *err)
{
    char digest[16];
    (void)snprintf(digest, sizeof(digest), "%s", digest_name(algorithm));
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    key->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    if (!key->mac || EVP_MAC_init(key->mac, secret, len, params) != 1)
        return err_set(err, ERR_FATAL, "OpenSSL does not make an HMAC with %s", digest);
    return 0;
}

static int read_key(struct signature_key *key, const struct signature_scheme *scheme,
                    const char *text, struct err *err)
{
    key->len = strlen(text);
    key->text = strdup(text);
    if (!key->text)
        return err_set(err, ERR_RETRY, "out of memory");
    if (!is_hmac(scheme->algorithm))
        return 0;
    const char *prefix = scheme->secret_prefix;
    if (!prefix || strncmp(text, prefix, strlen(prefix)) != 0)
        return keyed(key, scheme->algorithm, (const unsigned char *)text, key->len, err);
    size_t max = strlen(text);
    unsigned char *secret = malloc(max + 1);
    if (!secret)
        return err_set(err, ERR_RETRY, "out of memory");
    ssize_t len = decode_base64(span_of(text + strlen(prefix)), secret, max);
    int result =
        len > 0 ? keyed(key, scheme->algorithm, secret, (size_t)len, err)
                : err_exit(err, EX_CONFIG, "what follows \"%s\" in a secret is no base64", prefix);
    OPENSSL_cleanse(secret, max + 1);
    free(secret);
    return result;
}

int signature_keys_init(struct signature_keys *keys, const struct signature_scheme *scheme,
                        const char *const *texts, int count, struct err *err)
{
    *keys = (struct signature_keys){.keys = calloc((size_t)count + 1, sizeof(*keys->keys))};
    if (!keys->keys)
        return err_set(err, ERR_RETRY, "out of memory");
    while (keys->count < count) {
        int at = keys->count++;
        if (read_key(&keys->keys[at], scheme, texts[at], err) < 0) {
            signature_keys_clear(keys);
            return -1;
        }
    }
    return 0;
}

void signature_keys_clear(struct signature_keys *keys)
{
    for (int i = 0; i < keys->count; i++) {
        struct signature_key *key = &keys->keys[i];
        if (key->text)
            OPENSSL_cleanse(key->text, key->len);
        free(key->text);
        EVP_MAC_CTX_free(key->mac);
    }
    free(keys->keys);
    *keys = (struct signature_keys){0};
}
