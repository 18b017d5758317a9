/*
 * signature_bytes — what is signed, and what a secret makes of it. The bytes are hashed piece by piece, never put together: a body is large.
 */
#include <string.h>

#include "remote/signature_internal.h"

size_t signature_bytes(enum signature_algorithm algorithm)
{
    return algorithm == SIGNATURE_HMAC_SHA1 ? 20 : algorithm == SIGNATURE_HMAC_SHA512 ? 64 : 32;
}

typedef void put_bytes(void *self, const void *data, size_t len);

static struct span part_named(const struct signature_parts *parts, const struct signature_key *key,
                              const char *name)
{
    static const struct {
        const char *name;
        size_t len;
    } NAMES[] = {{"id}", 3}, {"time}", 5}, {"method}", 7}, {"url}", 4}, {"body}", 5}};
    const struct span values[] = {parts->id, parts->time, parts->request->method,
                                  parts->request->url, parts->request->body};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (strncmp(name, NAMES[i].name, NAMES[i].len) == 0)
            return values[i];
    return key ? (struct span){key->text, key->len} : SPAN_NONE; /* {secret} */
}

static void put_signed(const struct signature_scheme *scheme, const struct signature_parts *parts,
                       const struct signature_key *key, put_bytes *put, void *self)
{
    for (const char *at = scheme->template; *at;) {
        size_t plain = strcspn(at, "{");
        if (plain)
            put(self, at, plain);
        at += plain;
        if (!*at)
            break;
        struct span value = part_named(parts, key, at + 1);
        if (value.len)
            put(self, value.data, value.len);
        at += strcspn(at, "}") + 1;
    }
}

static void put_mac(void *self, const void *data, size_t len)
{
    (void)EVP_MAC_update(self, data, len);
}

static void put_digest(void *self, const void *data, size_t len)
{
    (void)EVP_DigestUpdate(self, data, len);
}

bool signature_compute(const struct signature_scheme *scheme, const struct signature_parts *parts,
                       const struct signature_key *key, unsigned char out[SIGNATURE_BYTES_MAX])
{
    size_t len = 0;
    bool good = false;
    if (key->mac) {
        EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(key->mac);
        if (!mac)
            return false;
        put_signed(scheme, parts, key, put_mac, mac);
        good = EVP_MAC_final(mac, out, &len, SIGNATURE_BYTES_MAX) == 1;
        EVP_MAC_CTX_free(mac);
    } else {
        unsigned bytes = 0;
        EVP_MD_CTX *digest = EVP_MD_CTX_new();
        if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
            EVP_MD_CTX_free(digest);
            return false;
        }
        put_signed(scheme, parts, key, put_digest, digest);
        good = EVP_DigestFinal_ex(digest, out, &bytes) == 1;
        EVP_MD_CTX_free(digest);
        len = bytes;
    }
    return good && len == signature_bytes(scheme->algorithm);
}

static void put_name(void *self, const void *data, size_t len)
{
    (void)self;
    hash_put(data, len);
}

void signature_name(const struct signature_scheme *scheme, const struct signature_parts *parts,
                    char ret_name[HASH_HEX_BYTES])
{
    hash_start();
    hash_put_sized(span_of(scheme->name));
    put_signed(scheme, parts, NULL, put_name, NULL);
    hash_hex(ret_name);
}
