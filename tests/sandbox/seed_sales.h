/*
 * seed_sales — companies and deals: number k of a seed is the same company in
 * both shapes (by its domain), and the same deal (by its name).
 */
#ifndef TANDEM_SANDBOX_SEED_SALES_H
#define TANDEM_SANDBOX_SEED_SALES_H

#include "tests/sandbox/store.h"

enum { SEED_COMPANIES = 500 }; /* contacts belong to companies 0 … 499 of their seed */

/* The id that Account number has in Salesforce, seeded or not. */
void seed_account_id(int64_t seed, int64_t number, char ret_id[ID_BYTES]);

/* Appended to a patch under construction; lot: the record's random number. */
void seed_company_fields(const struct store *store, int64_t seed, int64_t number, uint64_t lot,
                         struct buf *patch);
void seed_deal_fields(struct store *store, int64_t seed, int64_t number, uint64_t lot,
                      struct buf *patch);

#endif
