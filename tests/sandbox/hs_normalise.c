/*
 * hs_normalise — phones to E.164 (https://www.itu.int/rec/T-REC-E.164: at most
 * fifteen digits), decimals to fewer places.
 */
#include "tests/sandbox/hs_normalise.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PHONE_DIGITS_MIN = 7, PHONE_DIGITS_MAX = 15, DIGITS_MAX = 64 };

/* The digits of a phone; false: something else is in it. */
static bool phone_digits(struct span text, char ret_digits[PHONE_DIGITS_MAX + 3])
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (isdigit((unsigned char)text.data[i])) {
            if (count == PHONE_DIGITS_MAX + 2) /* with an international prefix */
                return false;
            ret_digits[count++] = text.data[i];
        } else if (!strchr("+-./() ", text.data[i]) || (text.data[i] == '+' && count)) {
            return false;
        }
    }
    ret_digits[count] = '\0';
    return true;
}

void hs_normalise_phone(struct span text, struct buf *ret_phone)
{
    char digits[PHONE_DIGITS_MAX + 3];
    if (phone_digits(text, digits)) {
        size_t count = strlen(digits);
        const char *number = NULL, *country = "";
        if (memchr(text.data, '+', text.len))
            number = digits;
        else if (strncmp(digits, "00", 2) == 0)
            number = digits + 2;
        else if (count == 10 && digits[0] != '0')
            number = digits, country = "1";
        else if (count == 11 && digits[0] == '1')
            number = digits;
        if (number && strlen(number) >= PHONE_DIGITS_MIN && strlen(number) <= PHONE_DIGITS_MAX) {
            buf_putc(ret_phone, '+');
            buf_puts(ret_phone, country);
            buf_puts(ret_phone, number);
            return;
        }
    }
    buf_put_span(ret_phone, text);
}

/* One more in the last place. digits: text of digits, its point left out; false: it ran over. */
static bool increment(char *digits)
{
    for (size_t i = strlen(digits); i-- > 0;) {
        if (digits[i] != '9') {
            digits[i]++;
            return true;
        }
        digits[i] = '0';
    }
    return false;
}

static void put_number(bool minus, const char *carry, const char *digits, size_t places,
                       struct buf *ret_number)
{
    size_t whole = strlen(digits) - places, end = strlen(digits);
    while (end > whole && digits[end - 1] == '0')
        end--;
    size_t start = 0;
    while (!carry[0] && start + 1 < whole && digits[start] == '0')
        start++;
    bool zero = !carry[0] && strspn(digits, "0") == strlen(digits);
    buf_puts(ret_number, minus && !zero ? "-" : "");
    buf_puts(ret_number, carry);
    buf_put(ret_number, digits + start, whole - start);
    if (end > whole) {
        buf_putc(ret_number, '.');
        buf_put(ret_number, digits + whole, end - whole);
    }
}

void hs_normalise_decimal(struct span text, int places, struct buf *ret_number)
{
    char digits[DIGITS_MAX + 2] = "0";
    size_t at = text.len && (text.data[0] == '-' || text.data[0] == '+'), count = 1, decimals = 0;
    bool point = false, up = false;
    for (size_t i = at; i < text.len; i++) {
        char c = text.data[i];
        if (c == '.') {
            point = true;
        } else if (!isdigit((unsigned char)c) || count >= DIGITS_MAX) {
            buf_put_span(ret_number, text); /* an exponent, or more than anybody needs */
            return;
        } else if (point && (int)decimals == places) {
            up = c >= '5';
            break;
        } else {
            digits[count++] = c;
            decimals += point;
        }
    }
    bool over = up && !increment(digits);
    put_number(at && text.data[0] == '-', over ? "1" : "", digits, decimals, ret_number);
}
