/*
 * value — one canonical field value. Whatever a system says ("1,5", 1.50,
 * "+0000", "Yes") becomes one canonical text per type, so that equal is equal
 * bytes; missing (unknown) and blank (known to be empty) are different.
 *
 * Canonical texts:
 *   string     UTF-8, NFC; CR LF is LF; nothing else is changed
 *   email      NFC, trimmed, lower case independent of the locale; one '@', no blanks
 *   phone      trimmed as written; at least 3 digits, only digits + ( ) - . / x and blanks
 *   integer    -?(0|[1-9][0-9]*), at most 38 digits, kept as text ("1e3" and "1.0" are refused)
 *   decimal    -?digits[.digits] without exponent, leading or trailing zeros, "-0" is "0"; ≤ 38 digits
 *   boolean    "true" | "false" (also reads 1/0, yes/no, on/off as strings)
 *   date       YYYY-MM-DD that exists; a timestamp is refused
 *   timestamp  RFC 3339 UTC with milliseconds ("2026-01-02T03:04:05.000Z"); a bare date is midnight in the migration's time zone
 *   enum       the canonical name of the value table
 */
#ifndef TANDEM_MODEL_VALUE_H
#define TANDEM_MODEL_VALUE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/zone.h"

enum value_type {
    VALUE_STRING,
    VALUE_EMAIL,
    VALUE_PHONE,
    VALUE_INTEGER,
    VALUE_DECIMAL,
    VALUE_BOOLEAN,
    VALUE_DATE,
    VALUE_TIMESTAMP,
    VALUE_ENUM,
    VALUE_TYPE_COUNT
};
const char *value_type_name(enum value_type type); /* "string", … */
int value_type_parse(const char *name);            /* -1 unknown */
extern const char *const VALUE_TYPE_NAMES[];       /* NULL-terminated, for suggestions */

enum value_kind { VALUE_MISSING, VALUE_BLANK, VALUE_SET };
struct value {
    enum value_kind kind;
    struct span text; /* VALUE_SET: canonical text, never empty; else SPAN_NONE */
};

bool value_equal(struct value a, struct value b); /* missing equals only missing */

/* One line of an enum's value table: the canonical name and what each side calls it. */
struct value_choice {
    const char *name, *old_name, *new_name;
};

/* How the texts of one field are read. Borrowed by the parse. */
struct value_rules {
    enum value_type type;
    const struct value_choice *choices; /* enum only */
    int choice_count;
    const struct zone *zone; /* timestamp: whose midnight a bare date is; NULL: it is refused */
    size_t max_bytes;        /* of the canonical text; 0 = 65,536 */
};

enum value_side { SIDE_OLD, SIDE_NEW, SIDE_CANONICAL };

/*
 * Read one raw JSON scalar (type and text as in json_token) of one side. null
 * and "" (also all blanks, except for string) are BLANK; JSON_NONE_ is MISSING.
 * A JSON number for a string field keeps its literal; an object or array is refused.
 * ret_value borrows raw or the arena. Returns 0, or -1 with ERR_REJECT: the reason without the value
 * ("not a date that exists"); callers add field and (unless pii) value.
 */
int value_parse(const struct value_rules *rules, enum value_side side, enum json_type type,
                struct span raw, struct arena *arena, struct value *ret_value, struct err *err);

/* The text a side wants for a canonical value: enum by its table, others as they are. Borrowed. */
struct span value_for_side(const struct value_rules *rules, enum value_side side,
                           struct value value);

/*
 * As a JSON value: integer as number (≤ 15 bytes, else string), boolean as true/false, others as string, BLANK as null.
 * A text that is no value of the type (a target's "n/a" in an integer) is a string too: it is always good JSON.
 */
void value_put_json(struct buf *out, enum value_type type, struct value value);

/*
 * The text under which equal persons are found: NFC + case folding (Unicode, locale-independent), trimmed,
 * inner blanks one space; phone: digits only with a leading '+' kept. Empty span for blank or missing.
 */
struct span value_match_key(enum value_type type, struct value value, struct arena *arena);

#endif
