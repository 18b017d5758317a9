/*
 * utf8 — is it text? Everything that comes from outside passes here once.
 */
#ifndef TANDEM_BASE_UTF8_H
#define TANDEM_BASE_UTF8_H

#include "base/buf.h"

/* Length of the well-formed UTF-8 at the start of text (RFC 3629: no overlong forms, no surrogates,
 * nothing above U+10FFFF); text.len when all of it is. */
size_t utf8_valid_bytes(struct span text);

/* Are the first len bytes all ASCII? */
bool utf8_is_ascii(const char *text, size_t len);

#endif
