/*
 * floor_verify — what comparing two systems costs at the very least: both read once, page by page, with one libcurl connection each, and
 * nothing that reads JSON; records are counted by their first bytes.
 *
 *   floor_verify <source url> <source page> <target url> <target page> <property,property,…>
 *
 * One JSON line on stdout: records (of both), seconds, cpu_s, rss_kib.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"

enum { URL_BYTES = 4096, ID_BYTES = 18, TARGET_FIRST_PAGE = 0 };

struct floor {
    CURL *easy;
    struct buf page;
    int64_t records;
};

static void stop(const char *what, const char *why)
{
    (void)fprintf(stderr, "floor_verify: %s: %s\n", what, why);
    exit(1);
}

static double now_s(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t on_data(char *data, size_t size, size_t n, void *opaque)
{
    buf_put(opaque, data, size * n);
    return size * n;
}

static void get(struct floor *floor, const char *url)
{
    long status = 0;
    buf_reset(&floor->page);
    (void)curl_easy_setopt(floor->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(floor->easy, CURLOPT_WRITEDATA, &floor->page);
    CURLcode code = curl_easy_perform(floor->easy);
    (void)curl_easy_getinfo(floor->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200 || floor->page.failed)
        stop(url, curl_easy_strerror(code));
}

/* How often mark stands in the page; ret_last: behind the last of them. */
static int64_t count(const struct buf *page, const char *mark, const char **ret_last)
{
    int64_t found = 0;
    size_t left = page->len, len = strlen(mark);
    const char *at = page->data;
    while (left && (at = memmem(at, left, mark, len))) {
        at += len;
        left = page->len - (size_t)(at - page->data);
        *ret_last = at;
        found++;
    }
    return found;
}

static void read_source(struct floor *floor, const char *base, int page_records)
{
    char soql[256], url[URL_BYTES], after[ID_BYTES + 1] = "";
    for (;;) {
        const char *last = NULL;
        (void)snprintf(soql, sizeof(soql), "SELECT Id FROM Contact%s%s%s ORDER BY Id LIMIT %d",
                       after[0] ? " WHERE Id > '" : "", after, after[0] ? "'" : "", page_records);
        char *escaped = curl_easy_escape(floor->easy, soql, 0);
        (void)snprintf(url, sizeof(url), "%s/services/data/v62.0/query?q=%s", base,
                       escaped ? escaped : "");
        curl_free(escaped);
        get(floor, url);
        int64_t records = count(&floor->page, "\"Id\":\"", &last);
        floor->records += records;
        if (records < page_records || !last)
            return;
        memcpy(after, last, ID_BYTES);
    }
}

static void read_target(struct floor *floor, const char *base, int page_records,
                        const char *properties)
{
    char url[URL_BYTES];
    for (int64_t at = TARGET_FIRST_PAGE;; at += page_records) {
        const char *last = NULL;
        (void)snprintf(url, sizeof(url),
                       "%s/crm/v3/objects/contacts?limit=%d&after=%lld&properties=%s", base,
                       page_records, (long long)at, properties);
        get(floor, url);
        int64_t records = count(&floor->page, "{\"id\":\"", &last);
        floor->records += records;
        if (records < page_records)
            return;
    }
}

int main(int argc, char **argv)
{
    static struct floor floor;
    struct rusage usage;
    if (argc != 6)
        stop("usage", "floor_verify <source url> <page> <target url> <page> <properties>");
    buf_init(&floor.page, 0);
    (void)curl_global_init(CURL_GLOBAL_ALL);
    floor.easy = curl_easy_init();
    (void)curl_easy_setopt(floor.easy, CURLOPT_WRITEFUNCTION, on_data);
    double start = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
    read_source(&floor, argv[1], (int)strtol(argv[2], NULL, 10));
    read_target(&floor, argv[3], (int)strtol(argv[4], NULL, 10), argv[5]);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("{\"records\":%lld,\"seconds\":%.4f,\"cpu_s\":%.4f,\"rss_kib\":%ld}\n",
           (long long)floor.records, now_s(CLOCK_MONOTONIC) - start,
           now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu, usage.ru_maxrss);
    curl_easy_cleanup(floor.easy);
    curl_global_cleanup();
    buf_clear(&floor.page);
    return 0;
}
