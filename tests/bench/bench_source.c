/*
 * bench_source — a Salesforce-shaped system that is never the bottleneck: N contacts, rendered before the first request, handed
 * out page by page from where they lie. It understands just the queries that the benches' readers send (… WHERE Id > '…'
 * ORDER BY Id LIMIT n, COUNT()); any other query finds nothing.
 *
 *   bench-source <records>        prints "records <n> bytes <mean size>", then "listening on …"
 *   GET /admin/generation/<g>     every contact gets the title "Title <g>" and a later SystemModstamp
 */
#include <inttypes.h>

#include "tests/bench/bench_server.h"

static const char *const FIRST[] = {"Anna",  "Björn", "Chloé", "David",
                                    "Elena", "Grace", "Henry", "Łukasz"};
static const char *const LAST[] = {"Adams",     "Brown",    "Dupont", "Evans",
                                   "Fernández", "Hoffmann", "O'Brien"};
static const char *const CITY[] = {"Berlin", "München", "New York", "São Paulo", "Paris", "Oslo"};
static const char *const COUNTRY[] = {"Germany", "Germany", "USA", "Brazil", "France", "Norway"};
static const char *const SOURCE[] = {"Web", "Phone Inquiry", "Partner Referral", "Other"};
static const char *const REGION[] = {"EMEA", "AMER", "APAC"};
#define PICK(list, lot) ((list)[(lot) % (sizeof(list) / sizeof(list)[0])])

enum { TITLES = 997, FIRST_DAY = 1, DAYS = 28 };

struct source {
    struct buf text; /* the records, each with a comma behind it */
    size_t *starts;  /* records + 1 of them */
    int64_t records;
};

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/* 15 characters without a capital letter have the suffix AAA. */
static void render(struct buf *out, int64_t number, int generation)
{
    uint64_t lot = mix((uint64_t)number);
    unsigned a = (unsigned)(lot % 900 + 100), b = (unsigned)(lot >> 20 & 4095) + 1000;
    buf_printf(
        out,
        "{\"attributes\":{\"type\":\"Contact\",\"url\":\"/services/data/v62.0/sobjects/Contact/"
        "003%012" PRId64 "AAA\"},\"Id\":\"003%012" PRId64
        "AAA\",\"SystemModstamp\":\"2024-%02d-%02uT%02u:%02u:%02u.000+0000\","
        "\"LastModifiedById\":\"005000000000001AAA\",",
        number, number, generation % 12 + 1, FIRST_DAY + (unsigned)(lot >> 7) % DAYS,
        (unsigned)(lot >> 9) % 24, (unsigned)(lot >> 11) % 60, (unsigned)(lot >> 13) % 60);
    buf_printf(out,
               "\"Email\":\"person.%" PRId64
               "@example%u.com\",\"FirstName\":\"%s\",\"LastName\":\"%s\","
               "\"Phone\":\"+49 30 %u%u\",\"MobilePhone\":\"+1415%u%u\",\"Title\":\"Title %d\",",
               number, (unsigned)(lot >> 24) % 40, PICK(FIRST, lot), PICK(LAST, lot >> 8), a, b, a,
               b + 7, generation > 1 ? TITLES + generation : (int)(lot >> 16 & 63));
    buf_printf(
        out,
        "\"Description\":\"%s %" PRIu64
        "\",\"MailingStreet\":\"%u Main St%s\",\"MailingCity\":\"%s\","
        "\"MailingPostalCode\":\"%05u\",\"MailingCountry\":\"%s\",\"Birthdate\":\"%u-%02u-%02u\",",
        "note", lot >> 40, (unsigned)(lot >> 13) % 400 + 1, number % 20 == 0 ? "\\r\\nApt. 5" : "",
        PICK(CITY, lot >> 20), (unsigned)(lot >> 5) % 100000, PICK(COUNTRY, lot >> 20),
        (unsigned)(lot >> 7) % 50 + 1950, (unsigned)(lot >> 9) % 12 + 1,
        (unsigned)(lot >> 10) % 28 + 1);
    buf_printf(out,
               "\"Balance__c\":%u.%02u,\"NumberOfEmployees__c\":%u,\"HasOptedOutOfEmail\":%s,"
               "\"Region__c\":\"%s\",\"LeadSource\":\"%s\"},",
               (unsigned)(lot >> 26) % 100000, (unsigned)(lot >> 33) % 100,
               (unsigned)(lot >> 22) % 5000, lot % 9 ? "false" : "true", PICK(REGION, lot >> 28),
               PICK(SOURCE, lot >> 30));
}

static void render_all(struct source *source, int generation)
{
    buf_reset(&source->text);
    for (int64_t i = 0; i < source->records; i++) {
        source->starts[i] = source->text.len;
        render(&source->text, i + 1, generation);
    }
    source->starts[source->records] = source->text.len;
}

/* The n records behind number `after`, from where they lie. */
static struct MHD_Response *page(const struct source *source, int64_t after, int64_t n)
{
    static const char HEAD[] = "{\"totalSize\":%" PRId64 ",\"done\":true,\"records\":[";
    static const char TAIL[] = "]}";
    if (after < 0 || after > source->records)
        after = source->records;
    if (n < 0 || n > source->records - after)
        n = source->records - after;
    char *head = malloc(sizeof(HEAD) + 24);
    if (!head)
        return NULL;
    int head_bytes = snprintf(head, sizeof(HEAD) + 24, HEAD, n);
    size_t start = source->starts[after], end = source->starts[after + n];
    const struct MHD_IoVec parts[] = {
        {head, (size_t)head_bytes},
        {source->text.data + start, n ? end - start - 1 : 0},
        {TAIL, sizeof(TAIL) - 1},
    };
    struct MHD_Response *response = MHD_create_response_from_iovec(parts, 3, free, head);
    if (!response)
        free(head);
    return response;
}

static struct MHD_Response *query(const struct source *source, const char *soql)
{
    static const char BEHIND[] = "Id > '003", BY_ID[] = " ORDER BY Id LIMIT ";
    if (strstr(soql, "COUNT()")) {
        struct buf text;
        buf_init(&text, 0);
        buf_printf(&text, "{\"totalSize\":%" PRId64 ",\"done\":true,\"records\":[]}",
                   source->records);
        struct MHD_Response *response = bench_reply(&text);
        buf_clear(&text);
        return response;
    }
    const char *limit = strstr(soql, BY_ID), *behind = strstr(soql, BEHIND);
    if (!limit || strstr(soql, "SystemModstamp >") || strstr(soql, " IN ("))
        return page(source, 0, 0);
    return page(source, behind ? strtoll(behind + sizeof(BEHIND) - 1, NULL, 10) : 0,
                strtoll(limit + sizeof(BY_ID) - 1, NULL, 10));
}

static struct MHD_Response *answer(void *self, struct bench_request *request, unsigned *status)
{
    static const char GENERATION[] = "/admin/generation/";
    struct source *source = self;
    (void)status;
    if (strncmp(request->path, GENERATION, sizeof(GENERATION) - 1) == 0) {
        render_all(source, (int)strtol(request->path + sizeof(GENERATION) - 1, NULL, 10));
        return page(source, 0, 0);
    }
    const char *soql = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "q");
    return soql ? query(source, soql) : NULL;
}

int main(int argc, char **argv)
{
    struct source source = {.records = argc == 2 ? strtoll(argv[1], NULL, 10) : 0};
    if (source.records < 1 || source.records > 10000000) {
        (void)fprintf(stderr, "usage: bench-source <records>\n");
        return 64;
    }
    buf_init(&source.text, (size_t)source.records * 1000);
    source.starts = calloc((size_t)source.records + 1, sizeof(*source.starts));
    if (!source.starts)
        return 1;
    render_all(&source, 1);
    printf("records %" PRId64 " bytes %zu\n", source.records,
           source.text.len / (size_t)source.records);
    int code = source.text.failed ? 1 : bench_serve(answer, &source);
    buf_clear(&source.text);
    free(source.starts);
    return code;
}
