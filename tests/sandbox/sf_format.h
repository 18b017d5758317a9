/*
 * sf_format — values as the Salesforce REST API writes them.
 */
#ifndef TANDEM_SANDBOX_SF_FORMAT_H
#define TANDEM_SANDBOX_SF_FORMAT_H

#include "tests/sandbox/store.h"

enum { SF_DATETIME_BYTES = 32, SF_FIELDS_MAX = 200 };

/* "2026-01-02T03:04:05.000+0000" */
void sf_datetime(int64_t epoch_ms, char ret_text[SF_DATETIME_BYTES]);

/* describe's name of a type: "string", "dateTime" in filter errors, … */
const char *sf_type_name(enum field_type type);

/* One record: attributes, then the wanted fields in their order, blanks as null. hints: one int a field, zeroed before the first record. */
void sf_put_record(struct buf *body, const char *version, const char *object,
                   const struct record *record, const struct property *const *wanted, int count,
                   int *hints);

#endif
