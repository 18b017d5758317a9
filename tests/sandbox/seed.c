/*
 * seed — making people up.
 */
#include "tests/sandbox/seed.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/seed_sales.h"
#include "tests/sandbox/sf_format.h"
#include "tests/sandbox/sf_id.h"
#include "tests/sandbox/team.h"
#include "tests/sandbox/write.h"

#define COUNT_OF(list)     (sizeof(list) / sizeof(list)[0])
#define PICK(list, number) ((list)[(number) % COUNT_OF(list)])

static const char *const FIRST[] = {"Anna",  "Björn", "Chloé", "David",  "Elena",     "François",
                                    "Grace", "Henry", "Íñigo", "Jürgen", "Katarzyna", "Łukasz",
                                    "María", "Noah",  "Olga",  "Paul",   "Søren",     "Tom",
                                    "Юлия",  "Zoë",   "伟"};
static const char *const LAST[] = {
    "Adams",    "Brown",  "Čapek",  "Dupont",       "Evans",       "Fernández", "Garcia",
    "Hoffmann", "Ito",    "Jensen", "Kowalski",     "Lindström",   "Müller",    "Nguyễn",
    "O'Brien",  "Öztürk", "Petrov", "van der Berg", "Smith-Jones", "王"};
static const char *const TITLES[] = {"Engineer", "Head of Sales", "Accountant",
                                     "CEO",      "Buyer",         "Consultant"};
static const char *const CITIES[] = {"Berlin", "München", "New York", "São Paulo",
                                     "Łódź",   "東京",    "Paris"};
static const char *const COUNTRIES[] = {"Germany", "Germany", "United States", "Brazil",
                                        "Poland",  "Japan",   "France"};
static const char *const SOURCES[] = {"Web", "Phone Inquiry", "Partner Referral", "Other"};
static const char *const REGIONS[] = {"EMEA", "AMER", "APAC"};

struct person {
    uint64_t lot;
    int64_t number, made_ms;
    const char *first, *last, *title, *city, *country;
    char email[96], phone[40], street[64], zip[16], birthdate[16];
};

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void make_phone(char *phone, size_t size, uint64_t lot)
{
    unsigned a = (unsigned)(lot % 900 + 100), b = (unsigned)(lot / 7 % 9000 + 1000);
    switch (lot % 6) {
    case 0:
        (void)snprintf(phone, size, "+49 30 %u%u", a, b);
        break;
    case 1:
        (void)snprintf(phone, size, "(415) %u-%u", a, b);
        break;
    case 2:
        (void)snprintf(phone, size, "030/%u %u", a, b);
        break;
    case 3:
        (void)snprintf(phone, size, "+1415%u%u", a, b);
        break;
    case 4:
        (void)snprintf(phone, size, "0044-20-%u %u", a, b);
        break;
    default:
        phone[0] = '\0';
    }
}

static void make_person(struct person *person, int64_t seed, int64_t number)
{
    uint64_t lot = mix((uint64_t)seed * 1000003u + (uint64_t)number);
    memset(person, 0, sizeof *person);
    person->lot = lot;
    person->number = number;
    person->made_ms = 1672531200000 + number * 37000; /* from 2023-01-01, one every 37 s */
    person->first = PICK(FIRST, lot);
    person->last = PICK(LAST, lot >> 8);
    person->title = PICK(TITLES, lot >> 16);
    person->city = PICK(CITIES, lot >> 20);
    person->country = PICK(COUNTRIES, lot >> 20);
    if (number % 17 != 5)
        (void)snprintf(person->email, sizeof person->email, "%cerson.%lld.%lld@example%u.com",
                       number % 23 == 7 ? 'P' : 'p', (long long)seed, (long long)number,
                       (unsigned)(lot >> 24) % 40);
    make_phone(person->phone, sizeof person->phone, lot >> 11);
    (void)snprintf(person->street, sizeof person->street, "%u Main St",
                   (unsigned)(lot >> 13) % 400 + 1);
    (void)snprintf(person->zip, sizeof person->zip, "%05u", (unsigned)(lot >> 5) % 100000);
    (void)snprintf(person->birthdate, sizeof person->birthdate, "%u-%02u-%02u",
                   (unsigned)(lot >> 7) % 50 + 1950, (unsigned)(lot >> 9) % 12 + 1,
                   (unsigned)(lot >> 10) % 28 + 1);
}

static void put(struct buf *patch, const char *name, const char *value)
{
    if (value[0])
        fields_put_text(patch, name, span_of(value));
}

static void salesforce_fields(const struct store *store, const struct person *person, int64_t seed,
                              const char *object, struct buf *patch)
{
    char id[ID_BYTES], text[SF_DATETIME_BYTES];
    put(patch, "FirstName", person->first);
    put(patch, "LastName", person->last);
    put(patch, "Email", person->email);
    put(patch, "Phone", person->phone);
    put(patch, "Title", person->title);
    put(patch, "LeadSource", PICK(SOURCES, person->lot >> 30));
    fields_put(patch, "HasOptedOutOfEmail", person->lot % 9 ? json_false() : json_true());
    (void)snprintf(text, sizeof text, "note %lld", (long long)person->number);
    put(patch, "Description", text);
    team_id(store, (int)(person->lot >> 50) % TEAM_OWNERS, id);
    put(patch, "OwnerId", id);
    if (strcmp(object, "Contact") != 0)
        return;
    seed_account_id(seed, (int64_t)((person->lot >> 12) % SEED_COMPANIES), id);
    put(patch, "AccountId", id);
    put(patch, "Birthdate", person->birthdate);
    put(patch, "MailingStreet", person->street);
    put(patch, "MailingCity", person->city);
    put(patch, "MailingPostalCode", person->zip);
    put(patch, "MailingCountry", person->country);
    buf_printf(patch, ",\"NumberOfEmployees__c\":%u", (unsigned)(person->lot >> 22) % 5000);
    buf_printf(patch, ",\"Balance__c\":%u.%02u", (unsigned)(person->lot >> 26) % 100000,
               (unsigned)(person->lot >> 33) % 100);
    sf_datetime(person->made_ms - 3600000, text);
    put(patch, "Signup__c", text);
    put(patch, "Region__c", PICK(REGIONS, person->lot >> 28));
}

static void hubspot_fields(const struct person *person, struct buf *patch)
{
    char email[sizeof person->email];
    (void)snprintf(email, sizeof email, "%s", person->email);
    email[0] = (char)tolower((unsigned char)email[0]);
    put(patch, "email", email);
    put(patch, "firstname", person->first);
    put(patch, "lastname", person->last);
    put(patch, "phone", person->phone);
    put(patch, "jobtitle", person->title);
    put(patch, "address", person->street);
    put(patch, "city", person->city);
    put(patch, "zip", person->zip);
    put(patch, "country", person->country);
    put(patch, "lifecyclestage", "lead");
}

static bool is_company(const char *object)
{
    return strcmp(object, "Account") == 0 || strcmp(object, "companies") == 0;
}

static bool is_deal(const char *object)
{
    return strcmp(object, "Opportunity") == 0 || strcmp(object, "deals") == 0;
}

/* An Account has a chosen id; "" when that one is there; NULL for what is counted. */
static const char *account_id(struct store *store, const struct seed_order *order, int64_t i,
                              char id[ID_BYTES], struct record *scratch)
{
    if (strcmp(order->object, "Account") != 0)
        return NULL;
    seed_account_id(order->seed, order->offset + i, id);
    if (store_get(store, order->object, id, scratch))
        id[0] = '\0';
    return id;
}

int64_t seed_people(struct store *store, const struct seed_order *order)
{
    struct record record;
    struct buf patch;
    char id[ID_BYTES];
    int64_t done = 0;
    record_init(&record);
    buf_init(&patch, 0);
    for (int64_t i = 0; i < order->count; i++) {
        struct person person;
        make_person(&person, order->seed, order->offset + i);
        if ((int64_t)(person.lot >> 40) % 100 < order->drift_percent)
            person.title = "Director";
        buf_reset(&patch);
        buf_putc(&patch, '{');
        if (is_company(order->object))
            seed_company_fields(store, order->seed, order->offset + i, person.lot, &patch);
        else if (is_deal(order->object))
            seed_deal_fields(store, order->seed, order->offset + i, person.lot, &patch);
        else if (store->crm == CRM_SALESFORCE)
            salesforce_fields(store, &person, order->seed, order->object, &patch);
        else
            hubspot_fields(&person, &patch);
        buf_putc(&patch, '}');
        struct write write = {.object = order->object,
                              .new_id = account_id(store, order, i, id, &record),
                              .patch = buf_span(&patch),
                              .who = "seed",
                              .op = "seed",
                              .modstamp_ms =
                                  order->modstamp_ms ? order->modstamp_ms : person.made_ms,
                              .no_lag = true,
                              .request_id = order->request_id};
        if (write.new_id && !write.new_id[0])
            continue; /* it is there already */
        done += store_write(store, &write, &record, NULL) == WRITE_DONE;
    }
    record_clear(&record);
    buf_clear(&patch);
    return done;
}

void seed_if_empty(struct store *store, const struct seed_order *order)
{
    store_begin(store);
    sqlite3_stmt *count = store_statement(store, ST_COUNT_OBJECT);
    bind_text(count, 1, order->object);
    sqlite3_bind_int(count, 2, 0);
    bool empty = store_row(store, count) && sqlite3_column_int64(count, 0) == 0;
    sqlite3_reset(count);
    if (empty)
        seed_people(store, order);
    store_end(store, false);
}
