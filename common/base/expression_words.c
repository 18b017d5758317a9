/*
 * expression_words — the words that no expression may use. Found in the text,
 * not in the compiled program: libjq does not show it. See expression.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/expression.h"

enum { INTERPOLATIONS_MAX = 16 };

static const char *const WORLD = "but an expression sees its input alone";
static const char *const ENDLESS = "which need not end";

static const struct {
    const char *word;
    const char *const *why;
} REFUSED[] = {
    {"env", &WORLD},
    {"$ENV", &WORLD},
    {"input", &WORLD},
    {"inputs", &WORLD},
    {"input_filename", &WORLD},
    {"input_line_number", &WORLD},
    {"now", &WORLD},
    {"localtime", &WORLD},
    {"strflocaltime", &WORLD},
    {"import", &WORLD},
    {"include", &WORLD},
    {"modulemeta", &WORLD},
    {"get_search_list", &WORLD},
    {"debug", &WORLD},
    {"stderr", &WORLD},
    {"halt", &WORLD},
    {"halt_error", &WORLD},
    {"$__prog_args", &WORLD},
    {"def", &ENDLESS},
    {"repeat", &ENDLESS},
    {"while", &ENDLESS},
    {"until", &ENDLESS},
    {"recurse", &ENDLESS},
    {"recurse_down", &ENDLESS},
    {"range", &ENDLESS},
};

static const char *why_refused(struct span word)
{
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++)
        if (span_is(word, REFUSED[i].word))
            return *REFUSED[i].why;
    return NULL;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Behind a string's part: its end, or the \( of an interpolation. */
static const char *skip_string(const char *at, bool *ret_interpolation)
{
    *ret_interpolation = false;
    for (; *at; at++) {
        if (*at == '"')
            return at + 1;
        if (*at != '\\' || at[1] == '\0')
            continue;
        at++;
        if (*at == '(') {
            *ret_interpolation = true;
            return at + 1;
        }
    }
    return at;
}

/* Where the text is: how many parentheses are open in each interpolation. */
struct place {
    int depth, open[INTERPOLATIONS_MAX];
};

/* Behind what is no word, or NULL: nested too deep. */
static const char *skip_other(const char *at, struct place *place)
{
    bool in_string = *at == '"', interpolation = false;
    if (*at == '#') {
        return at + strcspn(at, "\n");
    } else if (*at == '(') {
        place->open[place->depth]++;
    } else if (*at == ')' && place->open[place->depth] > 0) {
        place->open[place->depth]--;
    } else if (*at == ')' && place->depth > 0) {
        place->depth--;
        in_string = true;
    }
    at = in_string ? skip_string(at + 1, &interpolation) : at + 1;
    if (interpolation && ++place->depth == INTERPOLATIONS_MAX)
        return NULL;
    if (interpolation)
        place->open[place->depth] = 0;
    return at;
}

/* A word: a name of a function or variable. Behind a point it is a field, before a colon a key. */
static struct span word_at(const char *at)
{
    const char *end = at + (*at == '$');
    while (is_word_char(*end))
        end++;
    return (struct span){at, (size_t)(end - at)};
}

static bool is_key(const char *text, struct span word)
{
    if (word.data > text && word.data[-1] == '.' && (word.data - text < 2 || word.data[-2] != '.'))
        return true;
    const char *next = word.data + word.len;
    next += strspn(next, " \t\r\n");
    return *next == ':' && next[1] != ':' && word.data[0] != '$';
}

const char *expression_objection(const char *text, char *buffer, size_t size)
{
    struct place place = {0};
    if (strlen(text) > EXPRESSION_MAX_BYTES) {
        (void)snprintf(buffer, size, "is longer than %d bytes", EXPRESSION_MAX_BYTES);
        return buffer;
    }
    for (const char *at = text; *at;) {
        if (!isalpha((unsigned char)*at) && *at != '_' && *at != '$') {
            at = skip_other(at, &place);
            if (at)
                continue;
            (void)snprintf(buffer, size, "is nested too deep");
            return buffer;
        }
        struct span word = word_at(at);
        const char *why = is_key(text, word) ? NULL : why_refused(word);
        at += word.len;
        if (!why)
            continue;
        (void)snprintf(buffer, size, "uses %.*s, %s", (int)word.len, word.data, why);
        return buffer;
    }
    return NULL;
}
