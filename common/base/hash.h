/*
 * hash — SHA-256, piece by piece, as often as records come: one OpenSSL
 * context a thread, so that a hash costs no allocation.
 */
#ifndef TANDEM_BASE_HASH_H
#define TANDEM_BASE_HASH_H

#include "base/buf.h"

enum { HASH_BYTES = 32, HASH_HEX_BYTES = 65 /* lower case, with its NUL */ };

/* Start a hash; the thread's last one is given up. A failed allocation aborts the process (crash-safe
 * by design §4). */
void hash_start(void);
void hash_put(const void *data, size_t len);
/* The length as 8 big-endian bytes, then the bytes: "ab","c" differs from "a","bc". */
void hash_put_sized(struct span text);
void hash_hex(char ret_hex[HASH_HEX_BYTES]);

#endif
