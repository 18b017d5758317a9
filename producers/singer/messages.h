/*
 * messages — one line of a tap, read (github.com/singer-io/getting-started, SPEC.md; ACTIVATE_VERSION is an extension that most taps and
 * targets know). Pure.
 */
#ifndef TANDEM_SINGER_MESSAGES_H
#define TANDEM_SINGER_MESSAGES_H

#include "base/json.h"

enum message_type {
    MESSAGE_SCHEMA,
    MESSAGE_RECORD,
    MESSAGE_STATE,
    MESSAGE_ACTIVATE_VERSION,
    MESSAGE_BATCH, /* of Meltano's SDK: the records are in files. Nothing that may be passed over */
    MESSAGE_TYPE_COUNT
};

enum { MESSAGE_KEYS_MAX = 8, MESSAGE_ID_BYTES = 512, MESSAGE_NO_VERSION = -1 };

/* Borrowed from the line and the tape. */
struct singer_line {
    enum message_type type;
    struct span stream; /* not of STATE */
    uint32_t at;        /* of the tape: RECORD's record, STATE's value: objects. Else 0 */
    int64_t version;    /* RECORD, ACTIVATE_VERSION; MESSAGE_NO_VERSION: it says none */
    struct span keys[MESSAGE_KEYS_MAX]; /* SCHEMA's key_properties */
    int key_count;
};

/* -1: ERR_REJECT: it is none, or of a type that nobody knows. */
int singer_line_parse(struct span line, struct json_tape *tape, struct singer_line *ret_line,
                      struct err *err);

/*
 * The id of a record: the text of its key property; of several, all of them joined by '|', with '%', '|' and ':' in them as %25, %7C, %3A. Into
 * the arena. SPAN_NONE: one of them is not there, empty, or no text or number; or it is longer than MESSAGE_ID_BYTES.
 */
struct span singer_record_id(const struct json_tape *tape, uint32_t record, const char *const *keys,
                             int key_count, struct arena *arena);

/* A time as taps write it: RFC 3339 with a zone, or seconds or milliseconds since 1970. False: none. */
bool singer_time(const struct json_tape *tape, uint32_t at, int64_t *ret_ms);

/*
 * The day of a time that is midnight UTC: taps write dates so where their schema knows date-time only (tap-salesforce 2.8). Any other text is
 * given back as it is.
 */
struct span singer_date(struct span text);

/* What `deleted` names: true, "true", a number or text that is not 0, "false" or empty. */
bool singer_truth(const struct json_tape *tape, uint32_t at);

#endif
