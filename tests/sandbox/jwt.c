/*
 * jwt — see jwt.h. "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration",
 * help.salesforce.com; the words of the refusals [M].
 */
#include "tests/sandbox/jwt.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

enum { PART_MAX = 4096, AHEAD_MAX_S = 180 };

/* base64url without padding → bytes; their number, or -1. */
static int decode(const char *text, size_t len, unsigned char *ret_bytes)
{
    char padded[PART_MAX + 4];
    if (len == 0 || len > PART_MAX || len % 4 == 1)
        return -1;
    for (size_t i = 0; i < len; i++)
        padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    size_t padding = (4 - len % 4) % 4;
    memset(padded + len, '=', padding);
    int got = EVP_DecodeBlock(ret_bytes, (const unsigned char *)padded, (int)(len + padding));
    return got < 0 ? -1 : got - (int)padding;
}

static json_t *json_part(const char *text, size_t len)
{
    unsigned char bytes[PART_MAX + 4];
    int got = decode(text, len, bytes);
    return got < 0 ? NULL : json_loadb((const char *)bytes, (size_t)got, 0, NULL);
}

static EVP_PKEY *public_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    BIO_free(bio);
    if (key)
        return key;
    bio = BIO_new_mem_buf(pem, -1);
    key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return key;
}

/* Do the bytes up to the second dot carry this key's RS256? */
static bool signed_by(const char *assertion, size_t signed_len, const char *signature_text,
                      const char *pem)
{
    unsigned char signature[PART_MAX + 4];
    int len = decode(signature_text, strlen(signature_text), signature);
    EVP_PKEY *key = public_key(pem);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = len > 0 && key && context &&
              EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(context, signature, (size_t)len, (const unsigned char *)assertion,
                               signed_len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok;
}

static const char *check_claims(const json_t *claims, int64_t now_s, const char *host,
                                struct jwt *ret_jwt)
{
    const char *issuer = "", *subject = "", *audience = "";
    json_int_t expires_s = 0;
    if (json_unpack((json_t *)claims, "{s:s,s:s,s:s,s:I}", "iss", &issuer, "sub", &subject, "aud",
                    &audience, "exp", &expires_s) != 0 ||
        !issuer[0] || !subject[0])
        return "invalid assertion";
    char own[160];
    (void)snprintf(own, sizeof own, "http://%s", host);
    if (strcmp(audience, "https://login.salesforce.com") != 0 && strcmp(audience, own) != 0)
        return "audience is invalid";
    if (expires_s <= now_s || expires_s > now_s + AHEAD_MAX_S)
        return "expired authorization code";
    if (strstr(subject, "nobody"))
        return "user hasn't approved this consumer";
    (void)snprintf(ret_jwt->issuer, sizeof ret_jwt->issuer, "%s", issuer);
    (void)snprintf(ret_jwt->subject, sizeof ret_jwt->subject, "%s", subject);
    return NULL;
}

const char *jwt_check(const char *assertion, const char *pem, int64_t now_s, const char *host,
                      struct jwt *ret_jwt)
{
    const char *first = strchr(assertion, '.');
    const char *second = first ? strchr(first + 1, '.') : NULL;
    if (!pem || !second)
        return "invalid assertion";
    json_t *header = json_part(assertion, (size_t)(first - assertion));
    json_t *claims = json_part(first + 1, (size_t)(second - first - 1));
    const char *algorithm = header ? json_string_value(json_object_get(header, "alg")) : NULL;
    const char *refusal = "invalid assertion";
    if (claims && algorithm && strcmp(algorithm, "RS256") == 0 &&
        signed_by(assertion, (size_t)(second - assertion), second + 1, pem))
        refusal = check_claims(claims, now_s, host, ret_jwt);
    json_decref(header);
    json_decref(claims);
    return refusal;
}
