/*
 * columns — text in columns of a terminal, where a character of two bytes may be one column wide and
 * one of three bytes two (Unicode Standard Annex #11, by utf8proc).
 */
#ifndef TANDEM_CLI_COLUMNS_H
#define TANDEM_CLI_COLUMNS_H

#include "base/buf.h"

/* How many columns text takes; control characters, which columns_put shows as blanks, take one. */
int columns_of(struct span text);

/*
 * Put text, and blanks behind it up to width columns. Longer text is cut before most columns, ending in
 * "…" (0 = never). Bytes that are no UTF-8 become U+FFFD.
 */
void columns_put(struct buf *out, struct span text, int width, int most);

#endif
