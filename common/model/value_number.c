/*
 * value_number — integers and decimals stay texts: no digit is lost, whatever
 * the size. See value.h.
 */
#include <string.h>

#include "model/value_internal.h"

enum { DIGITS_MAX = 38 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *value_read_integer(const struct value_rules *rules, struct span text,
                               struct arena *arena, struct span *ret_text)
{
    (void)rules;
    (void)arena;
    size_t sign = text.data[0] == '-';
    size_t digits = text.len - sign;
    for (size_t i = sign; i < text.len; i++)
        if (!is_digit(text.data[i]))
            return "is not a whole number";
    if (digits == 0)
        return "is not a whole number";
    if (digits > 1 && text.data[sign] == '0')
        return "is a number with leading zeros";
    if (digits > DIGITS_MAX)
        return "has more than 38 digits";
    *ret_text = text.data[sign] == '0' ? span_of("0") : text;
    return NULL;
}

/* A decimal taken apart: its digits without the point, and how many of them stand before it. */
struct decimal {
    bool negative;
    char *digits; /* as many as the text is long */
    int64_t count, point;
};

/* e[+-]digits from at to the end of the text. An absurd exponent stays absurd, whatever its size. */
static bool read_exponent(struct span text, size_t at, int64_t *ret_exponent)
{
    bool negative = at < text.len && text.data[at] == '-';
    if (at < text.len && (text.data[at] == '-' || text.data[at] == '+'))
        at++;
    size_t start = at;
    int64_t exponent = 0;
    for (; at < text.len && is_digit(text.data[at]); at++)
        if (exponent < INT32_MAX)
            exponent = exponent * 10 + (text.data[at] - '0');
    *ret_exponent = negative ? -exponent : exponent;
    return at > start && at == text.len;
}

static bool take_apart(struct span text, struct decimal *decimal)
{
    size_t at = 0;
    if (text.data[at] == '-') {
        decimal->negative = true;
        at++;
    }
    for (; at < text.len && is_digit(text.data[at]); at++)
        decimal->digits[decimal->count++] = text.data[at];
    decimal->point = decimal->count;
    if (at < text.len && text.data[at] == '.') {
        for (at++; at < text.len && is_digit(text.data[at]); at++)
            decimal->digits[decimal->count++] = text.data[at];
        if (decimal->count == decimal->point)
            return false; /* "5." */
    }
    if (decimal->count == 0)
        return false;
    if (at == text.len)
        return true;
    int64_t exponent = 0;
    if ((text.data[at] | 0x20) != 'e' || !read_exponent(text, at + 1, &exponent))
        return false;
    decimal->point += exponent;
    return true;
}

static void strip_zeros(struct decimal *decimal)
{
    while (decimal->count && decimal->digits[0] == '0') {
        decimal->digits++;
        decimal->count--;
        decimal->point--;
    }
    while (decimal->count && decimal->digits[decimal->count - 1] == '0')
        decimal->count--;
}

/* digits[from..to), with zeros where the number has places but no digits. */
static char *put_digits(char *put, const struct decimal *decimal, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++)
        *put++ = i < 0 || i >= decimal->count ? '0' : decimal->digits[i];
    return put;
}

static struct span render(const struct decimal *decimal, struct arena *arena)
{
    char *text = arena_alloc(arena, DIGITS_MAX + 4), *put = text;
    if (decimal->negative)
        *put++ = '-';
    if (decimal->point > 0)
        put = put_digits(put, decimal, 0, decimal->point);
    else
        *put++ = '0';
    if (decimal->count > decimal->point) {
        *put++ = '.';
        put = put_digits(put, decimal, decimal->point, decimal->count);
    }
    return (struct span){text, (size_t)(put - text)};
}

const char *value_read_decimal(const struct value_rules *rules, struct span text,
                               struct arena *arena, struct span *ret_text)
{
    (void)rules;
    struct decimal decimal = {.digits = arena_alloc(arena, text.len)};
    if (!take_apart(text, &decimal))
        return "is not a decimal number";
    strip_zeros(&decimal);
    if (decimal.count == 0) {
        *ret_text = span_of("0");
        return NULL;
    }
    int64_t last = decimal.count > decimal.point ? decimal.count : decimal.point;
    int64_t first = decimal.point < 0 ? decimal.point : 0;
    if (last - first > DIGITS_MAX)
        return "has more than 38 digits";
    *ret_text = render(&decimal, arena);
    return NULL;
}
