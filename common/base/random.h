/*
 * random — names that nobody else has: tokens, incarnations, keys of their own.
 */
#ifndef TANDEM_BASE_RANDOM_H
#define TANDEM_BASE_RANDOM_H

enum { RANDOM_HEX_BYTES = 33 };

/* 128 random bits as 32 lower-case hex digits and a NUL. Aborts when the system has no randomness. */
void random_hex(char ret_text[RANDOM_HEX_BYTES]);

#endif
