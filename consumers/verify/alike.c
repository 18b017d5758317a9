/*
 * alike — by type.
 */
#include "consumers/verify/alike.h"

#include <string.h>

enum { PHONE_DIGITS_MIN = 7, PHONE_DIGITS_MAX = 40, DECIMAL_MAX = 64 };

static struct span trim(struct span text)
{
    static const char BLANKS[] = " \t\r\n";
    while (text.len && strchr(BLANKS, text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len && strchr(BLANKS, text.data[text.len - 1]))
        text.len--;
    return text;
}

/* ---- phone numbers ---- */

struct phone {
    char digits[PHONE_DIGITS_MAX];
    size_t count;
    bool international; /* +49…, 0049… */
};

/* Without what is only dialled at home: the zeros in front. False: too long to be one. */
static bool phone_read(struct span text, struct phone *ret_phone)
{
    struct phone phone = {.international = text.len && text.data[0] == '+'};
    size_t zeros = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c < '0' || c > '9')
            continue;
        if (c == '0' && !phone.count) {
            zeros++;
            continue;
        }
        if (phone.count == PHONE_DIGITS_MAX)
            return false;
        phone.digits[phone.count++] = c;
    }
    phone.international = phone.international || zeros >= 2;
    *ret_phone = phone;
    return true;
}

static bool alike_phone(struct span a, struct span b)
{
    struct phone x, y;
    if (!phone_read(a, &x) || !phone_read(b, &y) || !x.count)
        return false;
    if (x.count == y.count)
        return memcmp(x.digits, y.digits, x.count) == 0;
    const struct phone *more = x.count > y.count ? &x : &y, *less = x.count > y.count ? &y : &x;
    return less->count >= PHONE_DIGITS_MIN && more->international && !less->international &&
           memcmp(more->digits + (more->count - less->count), less->digits, less->count) == 0;
}

/* ---- numbers ---- */

static size_t fraction(struct span number)
{
    const char *dot = memchr(number.data, '.', number.len);
    return dot ? number.len - (size_t)(dot - number.data) - 1 : 0;
}

/* The digits of a canonical decimal with so many decimals, rounded half up; false: too long. */
static bool rounded(struct span number, size_t decimals, char *ret_digits, size_t *ret_count)
{
    char digits[DECIMAL_MAX + 1] = "0"; /* room for a carry */
    size_t count = 1, seen = 0, has = fraction(number);
    for (size_t i = 0; i < number.len; i++) {
        if (number.data[i] < '0' || number.data[i] > '9')
            continue;
        if (count == DECIMAL_MAX)
            return false;
        digits[count++] = number.data[i];
        seen++;
    }
    size_t cut = has - decimals;
    if (cut > seen)
        return false;
    bool up = cut > 0 && digits[count - cut] >= '5';
    count -= cut;
    for (size_t i = count; up && i-- > 0;) {
        digits[i] = digits[i] == '9' ? '0' : (char)(digits[i] + 1);
        up = digits[i] == '0';
    }
    size_t zeros = 0;
    while (zeros < count && digits[zeros] == '0')
        zeros++;
    memcpy(ret_digits, digits + zeros, count - zeros);
    *ret_count = count - zeros;
    return true;
}

static bool is_number(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if ((c < '0' || c > '9') && c != '.' && !(c == '-' && i == 0))
            return false;
    }
    return text.len > 0;
}

static bool alike_rounded(struct span a, struct span b)
{
    char x[DECIMAL_MAX + 1], y[DECIMAL_MAX + 1];
    size_t x_count, y_count;
    if (!is_number(a) || !is_number(b))
        return false;
    size_t decimals = fraction(a) < fraction(b) ? fraction(a) : fraction(b);
    if (!rounded(a, decimals, x, &x_count) || !rounded(b, decimals, y, &y_count))
        return false;
    bool same_sign = (a.data[0] == '-') == (b.data[0] == '-') || !x_count;
    return same_sign && x_count == y_count && memcmp(x, y, x_count) == 0;
}

/* "12.50 EUR": the amount, and what stands behind it. */
static struct span amount(struct span text, struct span *ret_code)
{
    const char *blank = memchr(text.data, ' ', text.len);
    size_t len = blank ? (size_t)(blank - text.data) : text.len;
    *ret_code = (struct span){text.data + len, text.len - len};
    return (struct span){text.data, len};
}

/* ---- by type ---- */

static bool same_key(enum value_type type, struct value a, struct value b, struct arena *arena)
{
    return span_equal(value_match_key(type, a, arena), value_match_key(type, b, arena));
}

bool alike(enum value_type type, struct value a, struct value b, struct arena *arena)
{
    bool text = type == VALUE_STRING;
    if (text && (a.kind != VALUE_SET || b.kind != VALUE_SET)) /* all blanks is blank */
        return trim(a.text).len == 0 && trim(b.text).len == 0;
    if (a.kind != VALUE_SET || b.kind != VALUE_SET)
        return false;
    if (type == VALUE_PHONE)
        return alike_phone(a.text, b.text);
    if (type == VALUE_EMAIL)
        return same_key(type, a, b, arena);
    return text && span_equal(trim(a.text), trim(b.text));
}

bool alike_normalised(enum value_type type, struct value a, struct value b, struct arena *arena)
{
    struct span a_code, b_code;
    if (alike(type, a, b, arena))
        return true;
    if (a.kind != VALUE_SET || b.kind != VALUE_SET)
        return false;
    if (type == VALUE_STRING)
        return same_key(type, a, b, arena);
    if (type != VALUE_DECIMAL && type != VALUE_CURRENCY)
        return false;
    struct span x = amount(a.text, &a_code), y = amount(b.text, &b_code);
    return span_equal(a_code, b_code) && alike_rounded(x, y);
}
