/*
 * seed_sales — companies and deals for the same made-up population.
 */
#include "tests/sandbox/seed_sales.h"

#include <stdio.h>
#include <string.h>

#include "tests/sandbox/sf_format.h"
#include "tests/sandbox/sf_id.h"
#include "tests/sandbox/team.h"

#define PICK(list, number) ((list)[(number) % (sizeof(list) / sizeof(list)[0])])

/* Accounts stand outside of the counter of records, so that a contact can name one that comes later. */
static const int64_t FIRST_ACCOUNT = 2000000000000;

static const char *const INDUSTRIES[] = {"Banking", "Chemicals", "Energy", "Retail", "Software"};
static const char *const CITIES[] = {"Berlin", "München", "New York", "São Paulo", "Paris"};
static const char *const CURRENCIES[] = {"EUR", "USD", "GBP"};
static const struct {
    const char *old, *new;
} STAGES[] = {{"Prospecting", "appointmentscheduled"},
              {"Qualification", "qualifiedtobuy"},
              {"Needs Analysis", "presentationscheduled"},
              {"Negotiation/Review", "decisionmakerboughtin"},
              {"Proposal/Price Quote", "contractsent"},
              {"Closed Won", "closedwon"},
              {"Closed Lost", "closedlost"}};

void seed_account_id(int64_t seed, int64_t number, char ret_id[ID_BYTES])
{
    sf_id_make("Account", FIRST_ACCOUNT + seed % 1000 * 1000000 + number, ret_id);
}

static void put(struct buf *patch, const char *name, const char *value)
{
    fields_put_text(patch, name, span_of(value));
}

static void put_owner(const struct store *store, uint64_t lot, struct buf *patch)
{
    char id[ID_BYTES];
    team_id(store, (int)(lot >> 50) % TEAM_OWNERS, id);
    put(patch, store->crm == CRM_SALESFORCE ? "OwnerId" : "hubspot_owner_id", id);
}

void seed_company_fields(const struct store *store, int64_t seed, int64_t number, uint64_t lot,
                         struct buf *patch)
{
    bool old = store->crm == CRM_SALESFORCE;
    char text[96], parent[ID_BYTES];
    (void)snprintf(text, sizeof text, "Company %lld", (long long)number);
    put(patch, old ? "Name" : "name", text);
    (void)snprintf(text, sizeof text, "%scompany%lld-%lld.example.com", old ? "https://www." : "",
                   (long long)seed, (long long)number);
    put(patch, old ? "Website" : "domain", text);
    put(patch, old ? "Industry" : "industry", PICK(INDUSTRIES, lot >> 3));
    put(patch, old ? "BillingCity" : "city", PICK(CITIES, lot >> 6));
    (void)snprintf(text, sizeof text, "+49 89 %u", (unsigned)(lot >> 8) % 1000000 + 1000);
    put(patch, old ? "Phone" : "phone", text);
    (void)snprintf(text, sizeof text, "%u", (unsigned)(lot >> 20) % 9000 + 1);
    if (old)
        buf_printf(patch, ",\"NumberOfEmployees\":%s", text);
    else
        put(patch, "numberofemployees", text);
    put_owner(store, lot, patch);
    if (old && number % 10 == 3) {
        seed_account_id(seed, number / 10, parent);
        put(patch, "ParentId", parent);
    }
}

/* Some contact that is there, and its company: in Salesforce a deal names both. */
static void put_contact(struct store *store, uint64_t lot, struct buf *patch)
{
    sqlite3_stmt *get = store_prepare(
        store,
        "SELECT id,json_extract(fields,'$.AccountId') FROM records WHERE n>=?1 AND n<?1+64 AND "
        "+object='Contact' AND +deleted=0 ORDER BY n LIMIT 1");
    /* contacts may have come first: look lower and lower for one */
    for (int64_t below = store->next_n; below > 0; below /= 2) {
        sqlite3_bind_int64(get, 1, (int64_t)(lot >> 5) % below);
        if (store_row(store, get)) {
            put(patch, "ContactId", (const char *)sqlite3_column_text(get, 0));
            if (sqlite3_column_text(get, 1))
                put(patch, "AccountId", (const char *)sqlite3_column_text(get, 1));
            break;
        }
    }
    sqlite3_finalize(get);
}

void seed_deal_fields(struct store *store, int64_t seed, int64_t number, uint64_t lot,
                      struct buf *patch)
{
    bool old = store->crm == CRM_SALESFORCE;
    char text[96];
    (void)snprintf(text, sizeof text, "Deal %lld-%lld", (long long)seed, (long long)number);
    put(patch, old ? "Name" : "dealname", text);
    put(patch, old ? "StageName" : "dealstage",
        old ? PICK(STAGES, lot).old : PICK(STAGES, lot).new);
    put(patch, old ? "CurrencyIsoCode" : "deal_currency_code", PICK(CURRENCIES, lot >> 4));
    (void)snprintf(text, sizeof text, "%u.%02u", (unsigned)(lot >> 9) % 90000 + 100,
                   (unsigned)(lot >> 30) % 100);
    if (old)
        buf_printf(patch, ",\"Amount\":%s", text);
    else
        put(patch, "amount", text);
    (void)snprintf(text, sizeof text, "2027-%02u-%02u%s", (unsigned)(lot >> 12) % 12 + 1,
                   (unsigned)(lot >> 16) % 28 + 1, old ? "" : "T00:00:00Z");
    put(patch, old ? "CloseDate" : "closedate", text);
    put_owner(store, lot, patch);
    if (old)
        put_contact(store, lot, patch);
    else
        put(patch, "pipeline", "default");
}
