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
 *   multi      the values of a multi-select, "a;b": each trimmed, by the value table where there is one, in the order of their
 *              bytes, each once. The order in which a system lists them means nothing
 *   currency   amount and ISO 4217 code: "1234.5 EUR"; the amount is a decimal
 *   reference  the key of the other record, "salesforce:0015g00000AbCdEAAV"; by e-mail also its
 *              address, as email, where that is what a system says (a text with an '@')
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
    VALUE_MULTI,
    VALUE_CURRENCY,
    VALUE_REFERENCE,
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

/* One line of the value table of an enum or multi: the canonical name and what each side calls it. */
struct value_choice {
    const char *name, *old_name, *new_name;
};

/* How a system writes the ids of its records. */
enum value_id_form { VALUE_ID_TEXT, VALUE_ID_DIGITS, VALUE_ID_SALESFORCE, VALUE_ID_FORM_COUNT };
const char *value_id_form_name(enum value_id_form form); /* "text", "digits", "salesforce" */
int value_id_form_parse(const char *name);               /* -1 unknown */

/*
 * The one form of an id. Salesforce: 15 case-sensitive characters, or 18 of which the last 3 encode the case: always 18
 * (developer.salesforce.com, "What are the different formats of IDs"); another suffix than the computed one means that the
 * case was lost on the way. SPAN_NONE: no id of this form. Borrowed from id or the arena.
 */
struct span value_id(enum value_id_form form, struct span id, struct arena *arena);

/* What a reference points to. */
struct value_reference {
    const char *to; /* name of an entity; by e-mail: of a list of the new system, such as "owner" */
    bool by_email;
    const char *systems[2];         /* old and new: their names, the first part of a key */
    enum value_id_form id_forms[2]; /* likewise */
    /* How the new system links records; type 0: not by an association but by a property that holds the other's id. */
    const char *association_category;
    int64_t association_type;
};

/* How the texts of one field are read. Borrowed by the parse. */
struct value_rules {
    enum value_type type;
    const struct value_choice *choices; /* enum; multi, where NULL: its values are what they are */
    int choice_count;
    const char
        *currency; /* currency: the code of all amounts; NULL: another field says it (mapping.h) */
    const struct value_reference *reference; /* reference only */
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

/*
 * The text a side wants for a canonical value: enum and multi by their table, a currency's amount, a reference's id if it is a
 * record of that side; others as they are. SPAN_NONE: blank, or that side has no text for it: a name without a place in the
 * table, a reference whose twin has to be looked up first. Borrowed from the value, the rules or the arena.
 */
struct span value_write(const struct value_rules *rules, enum value_side side, struct value value,
                        struct arena *arena);

/* The same for those that need no arena: a multi with a table is SPAN_NONE. */
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
