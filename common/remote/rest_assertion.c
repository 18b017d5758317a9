/*
 * rest_assertion — a JSON Web Token that we sign ourselves and exchange for an access token:
 * no secret travels, the system knows our certificate (RFC 7523 §2.1 and §3, RS256 of RFC 7518
 * §3.3). This is Salesforce's server-to-server flow: iss is the consumer key, sub the user, aud
 * the login host; exp may lie at most three minutes ahead [M].
 * help.salesforce.com, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration".
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "remote/rest_internal.h"

enum { LIFETIME_S = 150, BITS_MIN = 2048, SIGNATURE_MAX = 2048 };

/* A key file may be replaced at any time: it is read for each assertion. */
static EVP_PKEY *read_key(const char *path, struct err *err)
{
    char *pem;
    if (secret_read(path, &pem, err) != 0)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    /* An empty passphrase: nobody is asked at the terminal. */
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
    BIO_free(bio);
    OPENSSL_cleanse(pem, strlen(pem));
    free(pem);
    if (!key)
        err_exit(err, EX_NOPERM, "%s holds no private key in PEM without a passphrase", path);
    else if (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < BITS_MIN) {
        err_exit(err, EX_NOPERM, "%s must hold an RSA key of at least %d bits", path, BITS_MIN);
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* RFC 4648 §5, without padding. */
static void put_base64url(struct buf *out, const unsigned char *data, size_t len)
{
    unsigned char text[8];
    for (size_t at = 0; at < len; at += 3) {
        int taken = len - at < 3 ? (int)(len - at) : 3;
        (void)EVP_EncodeBlock(text, data + at, taken);
        for (int i = 0; i <= taken; i++)
            buf_putc(out, text[i] == '+' ? '-' : text[i] == '/' ? '_' : (char)text[i]);
    }
}

static void put_claim(struct buf *out, const char *name, const char *value)
{
    buf_putc(out, out->len ? ',' : '{');
    buf_put_json_string(out, span_of(name));
    buf_putc(out, ':');
    buf_put_json_string(out, span_of(value));
}

static bool sign(EVP_PKEY *key, struct buf *assertion)
{
    unsigned char signature[SIGNATURE_MAX];
    size_t len = sizeof(signature);
    struct span signed_bytes = buf_span(assertion);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(context, signature, &len, (const unsigned char *)signed_bytes.data,
                             signed_bytes.len) == 1;
    EVP_MD_CTX_free(context);
    if (!ok)
        return false;
    buf_putc(assertion, '.');
    put_base64url(assertion, signature, len);
    return !assertion->failed;
}

int rest_assertion_put(struct rest *rest, struct buf *out, struct err *err)
{
    static const char HEADER[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
    const struct system_settings *settings = rest->settings;
    EVP_PKEY *key = read_key(settings->private_key_file, err);
    if (!key)
        return -1;
    struct buf claims, assertion;
    buf_init(&claims, 16 * 1024);
    buf_init(&assertion, 64 * 1024);
    put_claim(&claims, "iss", settings->client_id);
    put_claim(&claims, "sub", settings->username);
    put_claim(&claims, "aud", settings->audience ? settings->audience : rest->connector->audience);
    /* The endpoint's clock judges it; ours may be a minute off on either side. */
    buf_printf(&claims, ",\"exp\":%" PRId64 "}", clock_wall_ms(rest->clock) / 1000 + LIFETIME_S);
    put_base64url(&assertion, (const unsigned char *)HEADER, sizeof(HEADER) - 1);
    buf_putc(&assertion, '.');
    put_base64url(&assertion, (const unsigned char *)buf_span(&claims).data, claims.len);
    bool ok = !claims.failed && sign(key, &assertion);
    if (ok)
        buf_put_span(out, buf_span(&assertion)); /* its alphabet needs no escape in a form */
    else
        err_set(err, ERR_FATAL, "%s: no assertion can be signed", settings->name);
    buf_clear(&claims);
    buf_clear(&assertion);
    EVP_PKEY_free(key);
    return ok ? 0 : -1;
}

int rest_assertion_check(const struct rest *rest, struct err *err)
{
    if (!rest->settings->audience && !rest->connector->audience)
        return err_exit(err, EX_CONFIG, "%s: \"audience\" is missing", rest->settings->name);
    EVP_PKEY *key = read_key(rest->settings->private_key_file, err);
    EVP_PKEY_free(key);
    return key ? 0 : -1;
}
