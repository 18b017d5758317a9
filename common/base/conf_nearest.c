/*
 * conf_nearest — the word that was probably meant.
 */
#include "base/conf.h"

#include <string.h>

enum { WORD_MAX = 63 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein distance, one row at a time; words longer than WORD_MAX are far from everything. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > WORD_MAX || b_len > WORD_MAX)
        return SIZE_MAX;
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *conf_nearest(const char *word, const char *const *candidates)
{
    size_t len = strlen(word);
    size_t limit = len / 3 > 2 ? len / 3 : 2;
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (; candidates && *candidates; candidates++) {
        size_t distance = edit_distance(word, *candidates);
        /* "id" is two edits from every word of two letters: something must be left of the word. */
        if (distance <= limit && distance < len && distance < best) {
            best = distance;
            nearest = *candidates;
        }
    }
    return nearest;
}
