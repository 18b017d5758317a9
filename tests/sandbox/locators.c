/*
 * locators — a small table of results.
 */
#include "tests/sandbox/locators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/sf_id.h"

void locator_drop(struct locator *locator)
{
    free(locator->ids);
    memset(locator, 0, sizeof *locator);
}

struct locator *locators_new(struct locators *locators)
{
    struct locator *oldest = &locators->items[0];
    for (int i = 1; i < LOCATORS_MAX && oldest->name[0]; i++)
        if (!locators->items[i].name[0] || locators->items[i].used < oldest->used)
            oldest = &locators->items[i];
    locator_drop(oldest);
    char id[SF_ID_BYTES];
    sf_id_make("01g", ++locators->made, id);
    memcpy(id, "01g", 3);
    (void)snprintf(oldest->name, sizeof oldest->name, "%s", id);
    oldest->used = ++locators->clock;
    return oldest;
}

struct locator *locators_find(struct locators *locators, const char *name)
{
    for (int i = 0; i < LOCATORS_MAX; i++)
        if (locators->items[i].name[0] && strcmp(locators->items[i].name, name) == 0) {
            locators->items[i].used = ++locators->clock;
            return &locators->items[i];
        }
    return NULL;
}

void locator_add(struct locator *locator, const char *id)
{
    if (locator->count == locator->cap) {
        locator->cap = locator->cap ? locator->cap * 2 : 4096;
        locator->ids = realloc(locator->ids, (size_t)locator->cap * sizeof *locator->ids);
        if (!locator->ids)
            abort();
    }
    (void)snprintf(locator->ids[locator->count++], ID_BYTES, "%s", id);
}

void locators_clear(struct locators *locators)
{
    for (int i = 0; i < LOCATORS_MAX; i++)
        locator_drop(&locators->items[i]);
}
