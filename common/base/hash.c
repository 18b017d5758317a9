/*
 * hash — OpenSSL's EVP with the context kept. See hash.h. A fresh
 * EVP_MD_CTX and fetch for each hash costs more than hashing a record.
 */
#include "base/hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local EVP_MD_CTX *context;

static void free_context(void *kept)
{
    EVP_MD_CTX_free(kept);
}

static void make_key(void)
{
    if (pthread_key_create(&key, free_context) != 0)
        abort();
}

static void open_context(void)
{
    (void)pthread_once(&once, make_key); /* the key only frees the context with its thread */
    context = EVP_MD_CTX_new();
    if (!context || pthread_setspecific(key, context) != 0 ||
        !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
        abort();
}

void hash_start(void)
{
    if (!context)
        open_context();
    else if (!EVP_DigestInit_ex(context, NULL, NULL))
        abort();
}

void hash_put(const void *data, size_t len)
{
    if (len && !EVP_DigestUpdate(context, data, len))
        abort();
}

void hash_put_sized(struct span text)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)((uint64_t)text.len >> (56 - 8 * i));
    hash_put(bytes, sizeof(bytes));
    hash_put(text.data, text.len);
}

void hash_hex(char ret_hex[HASH_HEX_BYTES])
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char bytes[HASH_BYTES];
    if (!EVP_DigestFinal_ex(context, bytes, NULL))
        abort();
    for (size_t i = 0; i < HASH_BYTES; i++) {
        ret_hex[2 * i] = DIGITS[bytes[i] >> 4];
        ret_hex[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
    ret_hex[2 * HASH_BYTES] = '\0';
}
