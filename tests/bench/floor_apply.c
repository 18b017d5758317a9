/*
 * floor_apply — what writing to the target costs at the very least: the batch requests that tandem-apply sends, rendered from a template, on as
 * many connections, without any logic, Redis or Kafka. The answers are read and forgotten.
 *
 *   floor_apply <target url> <records> create|update <external id property> <marker property> <records a write>
 *
 * Batches of 100. create: a batch/read by external id, one by e-mail, batch/upsert of all fields; update: a batch/read by id,
 * batch/update of one field; so many records a write. One JSON line on stdout: records, seconds, cpu_s, rss_kib.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"

enum { BATCH = 100, LANES = 8, FIRST_ID = 1000 };

static const char PROPERTIES[] = "\"email\",\"firstname\",\"lastname\",\"phone\",\"mobilephone\","
                                 "\"jobtitle\",\"message\",\"address\",\"city\",\"zip\","
                                 "\"country\",\"date_of_birth\",\"revenue\",\"numberofemployees\","
                                 "\"opted_out\",\"region\",\"lead_source\"";

struct lane {
    CURL *easy;
    struct buf body;
    int64_t first;   /* record of the batch in work */
    int64_t written; /* of the batch */
    int step;
};

struct floor {
    CURLM *multi;
    const char *url, *external_id, *marker;
    bool update;
    int64_t next, records, done, answered_bytes;
    int64_t write; /* records in one write */
    struct lane lanes[LANES];
};

static void stop(const char *what, const char *why)
{
    (void)fprintf(stderr, "floor_apply: %s: %s\n", what, why);
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
    struct floor *floor = opaque;
    (void)data;
    floor->answered_bytes += (int64_t)(size * n);
    return size * n;
}

static void put_read(const struct floor *floor, struct buf *body, const char *id_property)
{
    buf_printf(body, "{\"properties\":[%s,\"%s\",\"%s\"],\"propertiesWithHistory\":[],", PROPERTIES,
               floor->external_id, floor->marker);
    if (id_property)
        buf_printf(body, "\"idProperty\":\"%s\",", id_property);
    buf_puts(body, "\"inputs\":[");
}

static void put_id(struct buf *body, const char *before, int64_t number, const char *after)
{
    buf_puts(body, before);
    buf_put_int(body, number);
    buf_puts(body, after);
}

static void put_created(const struct floor *floor, struct buf *body, int64_t number)
{
    buf_puts(body, "{\"idProperty\":\"");
    buf_puts(body, floor->external_id);
    put_id(body, "\",\"id\":\"00300000", 1000000 + number,
           "AAA\",\"objectWriteTraceId\":\"0123456789abcdef-");
    buf_put_int(body, number % BATCH);
    put_id(body, "\",\"properties\":{\"email\":\"person.", number,
           "@example21.com\",\"firstname\":\"Anna\",\"lastname\":"
           "\"Hoffmann\",\"phone\":\"+49 30 "
           "1233456\",\"mobilephone\":\"+14151233456\",\"jobtitle\":\"Title 12\",");
    put_id(body, "\"message\":\"note ", number,
           "\",\"address\":\"123 Main St\",\"city\":\"Berlin\",\"zip\":\"10115\",");
    buf_puts(body,
             "\"country\":\"Germany\",\"date_of_birth\":\"1980-01-02\",\"revenue\":\"12345.67\","
             "\"numberofemployees\":"
             "\"123\",\"opted_out\":\"false\",\"region\":\"EMEA\",\"lead_source\":\"WEB\",\"");
    buf_puts(body, floor->external_id);
    put_id(body, "\":\"00300000", 1000000 + number, "AAA\",\"");
    buf_puts(body, floor->marker);
    put_id(body, "\":\"1.2.", number, "\"}}");
}

static void put_updated(const struct floor *floor, struct buf *body, int64_t number)
{
    put_id(body, "{\"id\":\"", FIRST_ID + number, "\",\"objectWriteTraceId\":\"0123456789abcdef-");
    put_id(body, "", number % BATCH, "\",\"properties\":{\"jobtitle\":\"Title 999\",\"");
    buf_puts(body, floor->marker);
    put_id(body, "\":\"1.2.", number, "\"}}");
}

static int64_t lane_end(const struct floor *floor, const struct lane *lane)
{
    return lane->first + BATCH < floor->records ? lane->first + BATCH : floor->records;
}

static const char *render(const struct floor *floor, const struct lane *lane, struct buf *body)
{
    int64_t end = lane_end(floor, lane), begin = lane->first;
    bool last = lane->step == (floor->update ? 1 : 2);
    if (last) {
        begin += lane->written;
        end = begin + floor->write < end ? begin + floor->write : end;
    }
    const char *by = floor->update ? NULL : lane->step == 0 ? floor->external_id : "email";
    if (last)
        buf_puts(body, "{\"inputs\":[");
    else
        put_read(floor, body, by);
    for (int64_t i = begin; i < end; i++) {
        if (i > begin)
            buf_putc(body, ',');
        if (last && floor->update)
            put_updated(floor, body, i);
        else if (last)
            put_created(floor, body, i);
        else if (floor->update)
            put_id(body, "{\"id\":\"", FIRST_ID + i, "\"}");
        else if (lane->step == 0)
            put_id(body, "{\"id\":\"00300000", 1000000 + i, "AAA\"}");
        else
            put_id(body, "{\"id\":\"person.", i, "@example21.com\"}");
    }
    buf_puts(body, "]}");
    return !last ? "read" : floor->update ? "update" : "upsert";
}

static void send_step(struct floor *floor, struct lane *lane)
{
    char url[512];
    buf_reset(&lane->body);
    const char *verb = render(floor, lane, &lane->body);
    (void)snprintf(url, sizeof(url), "%s/crm/v3/objects/contacts/batch/%s", floor->url, verb);
    (void)curl_easy_setopt(lane->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, lane->body.data);
    (void)curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)lane->body.len);
    (void)curl_multi_add_handle(floor->multi, lane->easy);
}

/* The next batch of this lane, if there is one. */
static void begin(struct floor *floor, struct lane *lane)
{
    lane->first = floor->next;
    lane->written = lane->step = 0;
    if (lane->first >= floor->records)
        return;
    floor->next += BATCH;
    send_step(floor, lane);
}

static void answered(struct floor *floor, CURLMsg *message)
{
    struct lane *lane = NULL;
    long status = 0;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &lane);
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    if (message->data.result != CURLE_OK || status / 100 != 2)
        stop("target", curl_easy_strerror(message->data.result));
    (void)curl_multi_remove_handle(floor->multi, lane->easy);
    int64_t all = lane_end(floor, lane) - lane->first;
    if (lane->step < (floor->update ? 1 : 2))
        lane->step++;
    else
        lane->written += floor->write;
    if (lane->written < all) {
        send_step(floor, lane);
        return;
    }
    floor->done += all;
    begin(floor, lane);
}

static void run(struct floor *floor)
{
    for (int i = 0; i < LANES; i++)
        begin(floor, &floor->lanes[i]);
    while (floor->done < floor->records) {
        int running = 0, left = 0;
        CURLMsg *message;
        (void)curl_multi_perform(floor->multi, &running);
        while ((message = curl_multi_info_read(floor->multi, &left)))
            if (message->msg == CURLMSG_DONE)
                answered(floor, message);
        (void)curl_multi_poll(floor->multi, NULL, 0, running == LANES ? 1000 : 0, NULL);
    }
}

int main(int argc, char **argv)
{
    static struct floor floor;
    struct rusage usage;
    if (argc != 7 || strtoll(argv[6], NULL, 10) <= 0)
        stop("usage",
             "floor_apply <target url> <records> create|update <external id> <marker> <a write>");
    floor.url = argv[1];
    floor.records = strtoll(argv[2], NULL, 10);
    floor.update = strcmp(argv[3], "update") == 0;
    floor.external_id = argv[4];
    floor.marker = argv[5];
    floor.write = strtoll(argv[6], NULL, 10);
    (void)curl_global_init(CURL_GLOBAL_ALL);
    floor.multi = curl_multi_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = &floor.lanes[i];
        buf_init(&lane->body, 0);
        lane->easy = curl_easy_init();
        (void)curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(lane->easy, CURLOPT_WRITEFUNCTION, on_data);
        (void)curl_easy_setopt(lane->easy, CURLOPT_WRITEDATA, &floor);
        (void)curl_easy_setopt(lane->easy, CURLOPT_PRIVATE, lane);
    }
    double start = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
    run(&floor);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("{\"records\":%lld,\"seconds\":%.4f,\"cpu_s\":%.4f,\"rss_kib\":%ld}\n",
           (long long)floor.done, now_s(CLOCK_MONOTONIC) - start,
           now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu, usage.ru_maxrss);
    for (int i = 0; i < LANES; i++) {
        curl_easy_cleanup(floor.lanes[i].easy);
        buf_clear(&floor.lanes[i].body);
    }
    curl_slist_free_all(headers);
    (void)curl_multi_cleanup(floor.multi);
    curl_global_cleanup();
    return 0;
}
