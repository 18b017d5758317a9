/*
 * decode — bytes that came as text. Exact: of all texts only one stands for given bytes, so that a signature cannot be written in two ways.
 */
#ifndef TANDEM_BASE_DECODE_H
#define TANDEM_BASE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

/* Lower-case hex of exactly want bytes. */
bool decode_hex(struct span text, unsigned char *out, size_t want);

/* RFC 4648 §4 with its padding, the bits behind the last byte zero. Returns the bytes in out, -1: no base64, or more than max. */
ssize_t decode_base64(struct span text, unsigned char *out, size_t max);

#endif
