/*
 * check — what `tandem check` finds out in each of its two parts.
 */
#ifndef TANDEM_CLI_CHECK_H
#define TANDEM_CLI_CHECK_H

#include "model/migration.h"

/*
 * Ask Kafka, Redis and both systems whether a run would find what it needs;
 * print one line each on stdout. Reads only.
 * Returns the number of things that are missing.
 */
int check_connect(const struct migration *migration);

/* Its parts. Each prints its lines and returns how many things are missing. */
int check_kafka(const struct migration *migration);
int check_receivers(const struct migration *migration); /* webhooks, forms */
void check_ok(const char *what, const char *words);
int check_missing(const char *what, const char *words); /* 1 */

/* The properties of the new system that Tandem itself needs and that are not there yet. */
struct property_gap {
    const struct entity *entity;
    const char *name;
    bool unique;
};
enum { PROPERTY_GAPS_MAX = 64 };

struct rest;
/*
 * Compare an entity's external-id and marker property with what the new system has.
 * gaps has room for two. Returns how many are missing, or -1 with err (also when the external id is
 * there but not unique: a person must decide).
 */
int check_own_properties(struct rest *rest, const struct entity *entity, struct property_gap *gaps,
                         struct err *err);

/* What an entity leads to in the new system: pipelines and stages of its tables, owners, associations. How many are missing. */
int check_links(struct rest *rest, const struct migration *migration, const struct entity *entity);

#endif
