/*
 * swar — eight bytes of text looked at in one word ("SIMD within a register"): JSON is read and written so. Plain C; the masks
 * are those of https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord.
 *
 * A mask has the high bit of each byte that was looked for. Only its first byte can be relied on: behind it a borrow may have
 * marked more.
 */
#ifndef TANDEM_BASE_SWAR_H
#define TANDEM_BASE_SWAR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SWAR_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The eight bytes at text, the first one lowest. */
static inline uint64_t swar_load(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static inline uint64_t swar_is(uint64_t word, uint8_t byte)
{
    uint64_t differs = word ^ SWAR_EACH(byte);
    return (differs - SWAR_EACH(1)) & ~differs & SWAR_EACH(0x80);
}

/* What cannot stand in a JSON string as it is (RFC 8259 §7): quote, backslash, control characters. */
static inline uint64_t swar_json_special(uint64_t word)
{
    uint64_t control = (word - SWAR_EACH(0x20)) & ~word & SWAR_EACH(0x80);
    return control | swar_is(word, '"') | swar_is(word, '\\');
}

/* Index of the first byte of a mask that is not 0. */
static inline size_t swar_first(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask) / 8;
}

#endif
