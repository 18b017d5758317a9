/*
 * signature — see signature.h. The signed bytes are hashed piece by piece, never put together: a body is large.
 */
#include "remote/signature.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/clock.h"
#include "base/decode.h"

enum { KEY_BYTES_MAX = 64 * 1024 };

struct signature_key {
    char *text; /* of {secret} */
    size_t len;
    EVP_MAC_CTX *mac; /* keyed; copied for each message. NULL: no HMAC */
};

/* What a template's names stand for in one request. */
struct parts {
    const struct signature_request *request;
    struct span id, time;
};

static const char *const VERDICT_NAMES[] = {"good", "missing", "malformed", "wrong", "expired"};
_Static_assert(sizeof(VERDICT_NAMES) / sizeof(VERDICT_NAMES[0]) == SIGNATURE_VERDICT_COUNT,
               "a name per verdict");

const char *signature_verdict_name(enum signature_verdict verdict)
{
    return verdict < SIGNATURE_VERDICT_COUNT ? VERDICT_NAMES[verdict] : "unknown";
}

static bool decode(const struct signature_scheme *scheme, struct span text, unsigned char *out,
                   size_t want)
{
    return scheme->encoding == SIGNATURE_HEX ? decode_hex(text, out, want)
                                             : decode_base64(text, out, want) == (ssize_t)want;
}

/* ---- secrets ---- */

static const char *digest_name(enum signature_algorithm algorithm)
{
    return algorithm == SIGNATURE_HMAC_SHA1     ? "SHA1"
           : algorithm == SIGNATURE_HMAC_SHA512 ? "SHA512"
                                                : "SHA256";
}

static size_t digest_bytes(enum signature_algorithm algorithm)
{
    return algorithm == SIGNATURE_HMAC_SHA1 ? 20 : algorithm == SIGNATURE_HMAC_SHA512 ? 64 : 32;
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

/* ---- the signed bytes ---- */

typedef void put_bytes(void *self, const void *data, size_t len);

static struct span part_named(const struct parts *parts, const struct signature_key *key,
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

static void put_signed(const struct signature_scheme *scheme, const struct parts *parts,
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

/* What this secret makes of the signed bytes; false: OpenSSL has no memory, which is as good as a wrong signature. */
static bool compute(const struct signature_scheme *scheme, const struct parts *parts,
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
    return good && len == digest_bytes(scheme->algorithm);
}

static void put_name(void *self, const void *data, size_t len)
{
    (void)self;
    hash_put(data, len);
}

static void name_signed(const struct signature_scheme *scheme, const struct parts *parts,
                        char ret_name[HASH_HEX_BYTES])
{
    hash_start();
    hash_put_sized(span_of(scheme->name));
    put_signed(scheme, parts, NULL, put_name, NULL);
    hash_hex(ret_name);
}

/* ---- what the headers say ---- */

static bool one_header(const struct signature_request *request, const char *name,
                       struct span *ret_value)
{
    return request->header(request->self, name, ret_value) == 1 && ret_value->len > 0;
}

static bool begins(struct span text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

/* The next item of the header, which moves behind it. */
static struct span next_item(struct span *header, char separator)
{
    struct span item = *header;
    const char *end = separator ? memchr(item.data, separator, item.len) : NULL;
    if (end)
        item.len = (size_t)(end - item.data);
    size_t used = item.len + (end != NULL);
    *header = (struct span){header->data + used, header->len - used};
    return item;
}

static bool parse_digits(struct span text, int64_t *ret_value)
{
    int64_t value = 0;
    if (text.len == 0 || text.len > 15)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *ret_value = value;
    return true;
}

static bool parse_time(enum signature_time form, struct span text, int64_t *ret_ms)
{
    int64_t value = 0;
    switch (form) {
    case SIGNATURE_TIME_SECONDS:
        if (!parse_digits(text, &value))
            return false;
        *ret_ms = value * 1000;
        return true;
    case SIGNATURE_TIME_MILLISECONDS:
        return parse_digits(text, ret_ms);
    case SIGNATURE_TIME_RFC3339:
        return timestamp_parse(text.data, text.len, ret_ms);
    case SIGNATURE_TIME_NONE:
    case SIGNATURE_TIME_COUNT:
        break;
    }
    return false;
}

/* The time item of a signature header: there once, or it is not clear which one is meant. */
static bool find_time_item(const struct signature_scheme *scheme, struct span header,
                           struct span *ret_time)
{
    int found = 0;
    while (header.len) {
        struct span item = next_item(&header, scheme->separator);
        if (!begins(item, scheme->time_item))
            continue;
        size_t skip = strlen(scheme->time_item);
        *ret_time = (struct span){item.data + skip, item.len - skip};
        found++;
    }
    return found == 1;
}

static enum signature_verdict read_headers(const struct signature_scheme *scheme,
                                           const struct signature_request *request,
                                           struct span *ret_header, struct parts *parts,
                                           int64_t *ret_time_ms)
{
    if (!one_header(request, scheme->header, ret_header) ||
        (scheme->id_header && !one_header(request, scheme->id_header, &parts->id)) ||
        (scheme->time_header && !one_header(request, scheme->time_header, &parts->time)))
        return SIGNATURE_MISSING;
    if (ret_header->len > SIGNATURE_HEADER_MAX || parts->id.len > SIGNATURE_ID_MAX ||
        (scheme->time_item && !find_time_item(scheme, *ret_header, &parts->time)) ||
        (scheme->time != SIGNATURE_TIME_NONE &&
         !parse_time(scheme->time, parts->time, ret_time_ms)))
        return SIGNATURE_MALFORMED;
    return SIGNATURE_GOOD;
}

/* Does any signature of the header equal this one? All are compared, each in constant time. */
static bool is_among(const struct signature_scheme *scheme, struct span header,
                     const unsigned char *ours, bool *ret_any)
{
    size_t bytes = digest_bytes(scheme->algorithm), skip = strlen(scheme->prefix);
    bool equal = false;
    for (int i = 0; header.len && i < SIGNATURE_ITEMS_MAX; i++) {
        unsigned char theirs[SIGNATURE_BYTES_MAX];
        struct span item = next_item(&header, scheme->separator);
        if (!begins(item, scheme->prefix) ||
            !decode(scheme, (struct span){item.data + skip, item.len - skip}, theirs, bytes))
            continue;
        *ret_any = true;
        equal |= CRYPTO_memcmp(theirs, ours, bytes) == 0;
    }
    return equal;
}

static enum signature_verdict compare(const struct signature_scheme *scheme,
                                      const struct signature_keys *keys, struct span header,
                                      const struct parts *parts)
{
    bool good = false, any = false;
    for (int i = 0; i < keys->count; i++) {
        unsigned char ours[SIGNATURE_BYTES_MAX] = {0};
        if (compute(scheme, parts, &keys->keys[i], ours))
            good |= is_among(scheme, header, ours, &any);
    }
    return good ? SIGNATURE_GOOD : any ? SIGNATURE_WRONG : SIGNATURE_MALFORMED;
}

enum signature_verdict signature_verify(const struct signature_scheme *scheme,
                                        const struct signature_keys *keys,
                                        const struct signature_request *request, int64_t now_ms,
                                        char ret_name[HASH_HEX_BYTES], int64_t *ret_time_ms)
{
    struct span header = SPAN_NONE;
    struct parts parts = {.request = request};
    int64_t time_ms = now_ms;
    if (scheme->algorithm != SIGNATURE_NONE) {
        enum signature_verdict verdict = read_headers(scheme, request, &header, &parts, &time_ms);
        if (verdict == SIGNATURE_GOOD)
            verdict = compare(scheme, keys, header, &parts);
        if (verdict != SIGNATURE_GOOD)
            return verdict;
    }
    int64_t apart_ms = time_ms > now_ms ? time_ms - now_ms : now_ms - time_ms;
    if (scheme->time != SIGNATURE_TIME_NONE && apart_ms > scheme->window_s * 1000)
        return SIGNATURE_EXPIRED;
    if (ret_time_ms)
        *ret_time_ms = scheme->time == SIGNATURE_TIME_NONE ? -1 : time_ms;
    if (ret_name)
        name_signed(scheme, &parts, ret_name);
    return SIGNATURE_GOOD;
}
