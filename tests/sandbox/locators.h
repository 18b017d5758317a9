/*
 * locators — the ids of a query's result, kept so that nextRecordsUrl can be
 * followed. In memory only: a restart or too many other queries end them, as
 * real locators expire.
 */
#ifndef TANDEM_SANDBOX_LOCATORS_H
#define TANDEM_SANDBOX_LOCATORS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sandbox/schema.h"
#include "tests/sandbox/sf_format.h"

enum { LOCATORS_MAX = 64, LOCATOR_BYTES = 19 };

struct locator {
    char name[LOCATOR_BYTES]; /* "" is free */
    int64_t used;             /* order of use */
    const char *object;
    const struct property *fields[SF_FIELDS_MAX];
    int field_count;
    int64_t total, batch;
    char (*ids)[ID_BYTES]; /* owned: rows from first on */
    int64_t count, cap;
    bool deleted; /* queryAll */
};

struct locators {
    struct locator items[LOCATORS_MAX];
    int64_t clock, made;
};

/* A free one (the least recently used gives way), named. */
struct locator *locators_new(struct locators *locators);
struct locator *locators_find(struct locators *locators, const char *name);
void locator_add(struct locator *locator, const char *id);
void locator_drop(struct locator *locator);
void locators_clear(struct locators *locators);

#endif
