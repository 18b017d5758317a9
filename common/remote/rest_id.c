/*
 * rest_id — the canonical form of a system's ids. Salesforce ids come with 15
 * case-sensitive characters or with 3 more that encode the case: bit i of
 * suffix character c is set if character 5c + i is an upper-case letter
 * (developer.salesforce.com, "What are the different formats of IDs").
 */
#include <string.h>

#include "remote/rest_internal.h"

static bool letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static struct span salesforce(struct span id, struct arena *arena)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    if (id.len != 15 && id.len != 18)
        return SPAN_NONE;
    char suffix[3];
    for (int chunk = 0; chunk < 3; chunk++) {
        unsigned bits = 0;
        for (int i = 0; i < 5; i++) {
            char c = id.data[5 * chunk + i];
            if (!letter_or_digit(c))
                return SPAN_NONE;
            if (c >= 'A' && c <= 'Z')
                bits |= 1U << (unsigned)i;
        }
        suffix[chunk] = ALPHABET[bits];
    }
    if (id.len ==
        18) /* another suffix: the case was lost on the way, the id is not to be trusted */
        return memcmp(id.data + 15, suffix, 3) == 0 ? id : SPAN_NONE;
    char *text = arena_alloc(arena, 19);
    memcpy(text, id.data, 15);
    memcpy(text + 15, suffix, 3);
    return (struct span){text, 18};
}

struct span rest_canonical_id(const struct rest *rest, struct span id, struct arena *arena)
{
    enum { DIGITS_MAX = 19, TEXT_MAX = 255 };
    if (!id.data || id.len == 0)
        return SPAN_NONE;
    switch (rest->connector->id_form) {
    case ID_SALESFORCE:
        return salesforce(id, arena);
    case ID_DIGITS:
        if (id.len > DIGITS_MAX || id.data[0] == '0')
            return SPAN_NONE;
        for (size_t i = 0; i < id.len; i++)
            if (id.data[i] < '0' || id.data[i] > '9')
                return SPAN_NONE;
        return id;
    case ID_TEXT:
    case ID_FORM_COUNT:
        break;
    }
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.data[i] < ' ')
            return SPAN_NONE;
    return id.len <= TEXT_MAX ? id : SPAN_NONE;
}
