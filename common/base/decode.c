/*
 * decode — see decode.h.
 */
#include "base/decode.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool decode_hex(struct span text, unsigned char *out, size_t want)
{
    if (text.len != 2 * want)
        return false;
    for (size_t i = 0; i < want; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t decode_base64(struct span text, unsigned char *out, size_t max)
{
    size_t padding = 0, len = text.len, at = 0;
    if (len == 0 || len % 4 != 0)
        return -1;
    while (padding < 2 && text.data[len - 1 - padding] == '=')
        padding++;
    size_t bytes = len / 4 * 3 - padding;
    if (bytes > max)
        return -1;
    for (size_t i = 0; i < len; i += 4) {
        unsigned bits = 0;
        for (size_t j = 0; j < 4; j++) {
            int digit = i + j >= len - padding ? 0 : base64_digit(text.data[i + j]);
            if (digit < 0)
                return -1;
            bits = bits << 6 | (unsigned)digit;
        }
        for (int shift = 16; shift >= 0; shift -= 8) {
            unsigned char byte = (unsigned char)(bits >> shift);
            if (at < bytes)
                out[at++] = byte;
            else if (byte)
                return -1;
        }
    }
    return (ssize_t)bytes;
}
