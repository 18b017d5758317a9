/*
 * sf_id — making and checking ids.
 */
#include "tests/sandbox/sf_id.h"

#include <ctype.h>
#include <string.h>

static const char DIGITS[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* Three groups of five: bit i is set where character i is upper case; A–Z, 0–5 stand for 0–31. */
static void checksum(const char id[15], char ret_sum[3])
{
    static const char CODE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    for (int group = 0; group < 3; group++) {
        unsigned bits = 0;
        for (int i = 0; i < 5; i++)
            if (isupper((unsigned char)id[group * 5 + i]))
                bits |= 1u << i;
        ret_sum[group] = CODE[bits];
    }
}

static void finish(char *id, uint64_t n)
{
    for (int i = 14; i >= 7; i--, n /= 62)
        id[i] = DIGITS[n % 62];
    checksum(id, id + 15);
    id[18] = '\0';
}

void sf_id_make(const char *object, int64_t n, char *ret_id)
{
    static const struct {
        const char *object, *prefix;
    } PREFIXES[] = {{"Contact", "003"},
                    {"Account", "001"},
                    {"Lead", "00Q"},
                    {"Opportunity", "006"},
                    {"OpportunityContactRole", "00K"},
                    {"User", "005"}};
    const char *prefix = "a00";
    for (size_t i = 0; i < sizeof PREFIXES / sizeof *PREFIXES; i++)
        if (strcmp(object, PREFIXES[i].object) == 0)
            prefix = PREFIXES[i].prefix;
    memcpy(ret_id, prefix, 3);
    memcpy(ret_id + 3, "5g00", 4);
    finish(ret_id, (uint64_t)n);
}

int64_t sf_id_n(const char *id)
{
    int64_t n = 0;
    if (strlen(id) != 18)
        return -1;
    for (int i = 7; i < 15; i++) {
        char c = id[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'A' && c <= 'Z' ? c - 'A' + 10
                    : c >= 'a' && c <= 'z' ? c - 'a' + 36
                                           : -1;
        if (digit < 0)
            return -1;
        n = n * 62 + digit;
    }
    return n;
}

void sf_id_user(const char *who, char *ret_id)
{
    uint64_t hash = 14695981039346656037u;
    for (; *who; who++)
        hash = (hash ^ (unsigned char)*who) * 1099511628211u;
    memcpy(ret_id, "0055g00", 7);
    finish(ret_id, hash % 218340105584896u);
}

bool sf_id_normalise(const char *id, char ret_id[SF_ID_BYTES])
{
    size_t len = strlen(id);
    if (len != 15 && len != 18)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)id[i]))
            return false;
    char sum[3];
    checksum(id, sum);
    if (len == 18 && memcmp(sum, id + 15, 3) != 0)
        return false;
    memcpy(ret_id, id, 15);
    memcpy(ret_id + 15, sum, 3);
    ret_id[18] = '\0';
    return true;
}
