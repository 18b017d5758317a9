/*
 * value_choice — values by a table: one of it (enum), or several (multi). What
 * several are called, and in which order they stand, is each system's own. See value.h.
 */
#include <string.h>

#include "model/value_internal.h"

enum { PARTS_MAX = 1000 };

static const char *const NOT_IN_TABLE = "is not in the field's table of values";

static const char *name_on(const struct value_choice *choice, enum value_side side)
{
    switch (side) {
    case SIDE_OLD:
        return choice->old_name;
    case SIDE_NEW:
        return choice->new_name;
    case SIDE_CANONICAL:
        break;
    }
    return choice->name;
}

static const char *canonical_of(const struct value_rules *rules, enum value_side side,
                                struct span text)
{
    for (int i = 0; i < rules->choice_count; i++) {
        const char *name = name_on(&rules->choices[i], side);
        if (name && span_is(text, name))
            return rules->choices[i].name;
    }
    return NULL;
}

const char *value_choice_for(const struct value_rules *rules, enum value_side side,
                             struct span name)
{
    for (int i = 0; i < rules->choice_count; i++)
        if (span_is(name, rules->choices[i].name))
            return name_on(&rules->choices[i], side);
    return NULL;
}

const char *value_read_enum(const struct value_rules *rules, enum value_side side, struct span text,
                            struct arena *arena, struct span *ret_text)
{
    (void)arena;
    const char *name = canonical_of(rules, side, text);
    if (!name)
        return NOT_IN_TABLE;
    *ret_text = span_of(name);
    return NULL;
}

static int compare(struct span a, struct span b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The next part of a;b;c, trimmed. False: none is left. */
static bool next_part(struct span *rest, struct span *ret_part)
{
    if (!rest->data)
        return false;
    const char *end = memchr(rest->data, ';', rest->len);
    size_t len = end ? (size_t)(end - rest->data) : rest->len;
    *ret_part = value_trim((struct span){rest->data, len});
    *rest = end ? (struct span){end + 1, rest->len - len - 1} : SPAN_NONE;
    return true;
}

/* Into its place among the parts; each stands there once. */
static void insert(struct span *parts, int *count, struct span part)
{
    int at = *count;
    while (at > 0 && compare(parts[at - 1], part) > 0)
        at--;
    if (at > 0 && span_equal(parts[at - 1], part))
        return;
    memmove(parts + at + 1, parts + at, sizeof(*parts) * (size_t)(*count - at));
    parts[at] = part;
    (*count)++;
}

static struct span join(const struct span *parts, int count, struct arena *arena)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += parts[i].len + 1;
    char *text = arena_alloc(arena, bytes), *put = text;
    for (int i = 0; i < count; i++) {
        if (i)
            *put++ = ';';
        memcpy(put, parts[i].data, parts[i].len);
        put += parts[i].len;
    }
    return (struct span){text, (size_t)(put - text)};
}

static int count_parts(struct span text)
{
    int count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == ';';
    return count;
}

const char *value_read_multi(const struct value_rules *rules, enum value_side side,
                             struct span text, struct arena *arena, struct span *ret_text)
{
    struct span rest, part;
    const char *refusal = value_read_string(rules, text, arena, &rest);
    if (refusal)
        return refusal;
    int most = count_parts(rest), count = 0;
    if (most > PARTS_MAX)
        return "has more than 1000 values";
    struct span *parts = arena_new(arena, struct span, most);
    while (next_part(&rest, &part)) {
        if (part.len == 0)
            continue;
        const char *name = rules->choice_count ? canonical_of(rules, side, part) : NULL;
        if (rules->choice_count && !name)
            return "has a value that is not in the field's table of values";
        insert(parts, &count, name ? span_of(name) : part);
    }
    *ret_text = join(parts, count, arena);
    return NULL;
}

struct span value_write_multi(const struct value_rules *rules, enum value_side side,
                              struct span text, struct arena *arena)
{
    struct span *parts = arena_new(arena, struct span, count_parts(text));
    struct span part;
    int count = 0;
    while (next_part(&text, &part)) {
        const char *name = value_choice_for(rules, side, part);
        if (!name)
            return SPAN_NONE;
        insert(parts, &count, span_of(name));
    }
    return join(parts, count, arena);
}
