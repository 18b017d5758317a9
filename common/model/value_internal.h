/*
 * value_internal — the readers of each type, which value.c chooses from.
 */
#ifndef TANDEM_MODEL_VALUE_INTERNAL_H
#define TANDEM_MODEL_VALUE_INTERNAL_H

#include "model/value.h"

static inline bool value_is_blank_char(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Without the ASCII blanks around it. */
struct span value_trim(struct span text);

/*
 * Each reads a text that is neither missing nor blank; the text is trimmed but for value_read_string.
 * ret_text: canonical, borrowed from text or the arena. Return NULL, or why the text is refused (static; reads
 * after "the value": "is not an e-mail address").
 */
typedef const char *value_reader(const struct value_rules *rules, struct span text,
                                 struct arena *arena, struct span *ret_text);
value_reader value_read_string, value_read_email, value_read_phone;
value_reader value_read_integer, value_read_decimal;
value_reader value_read_date, value_read_timestamp;

/* Those whose text depends on the side: enum, multi, currency, reference. */
typedef const char *value_side_reader(const struct value_rules *rules, enum value_side side,
                                      struct span text, struct arena *arena, struct span *ret_text);
value_side_reader value_read_enum, value_read_multi, value_read_currency, value_read_reference;

/* What a side calls a canonical name of the table; NULL: no place in the table. */
const char *value_choice_for(const struct value_rules *rules, enum value_side side,
                             struct span name);
struct span value_write_multi(const struct value_rules *rules, enum value_side side,
                              struct span text, struct arena *arena);
struct span value_write_reference(const struct value_rules *rules, enum value_side side,
                                  struct span text);
/* The amount of a canonical currency. */
struct span value_currency_amount(struct span text);
/* The canonical text of an amount with this code: NULL, or why not. */
const char *value_currency_put(struct span amount, struct span code, struct arena *arena,
                               struct span *ret_text);

/* The day (days since 1970-01-01) of YYYY-MM-DD: NULL, or why not, as above. */
const char *value_date_days(struct span text, int64_t *ret_days);

#endif
