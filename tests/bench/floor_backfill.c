/*
 * floor_backfill — what a backfill costs at the very least: libcurl fetches the pages, librdkafka carries as many bytes under the same
 * headers, compression and guarantees, and nothing in between reads JSON. Records are found by their first bytes.
 *
 *   floor_backfill <source url> <bootstrap> <topic> <page records> <value bytes>
 *
 * One JSON line on stdout: records, seconds, cpu_s (both without the start), rss_kib.
 */
#include <curl/curl.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"

static const char RECORD[] = "{\"attributes\":", ID[] = "\"Id\":\"";
enum { ID_BYTES = 18, HEX_BYTES = 64, VALUE_MAX_BYTES = 16384, SERVE_EVERY = 64 };

struct floor {
    rd_kafka_t *kafka;
    rd_kafka_topic_t *topic;
    CURLM *multi;
    CURL *easy;
    const char *url;
    int page_records;
    size_t value_bytes;
    struct buf pages[2]; /* one at hand, one under way */
    char last_id[ID_BYTES + 1];
    int64_t put, reported, failed;
    uint64_t lot;
    char filler[VALUE_MAX_BYTES];
};

static void stop(const char *what, const char *why)
{
    (void)fprintf(stderr, "floor_backfill: %s: %s\n", what, why);
    exit(1);
}

static double now_s(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_report(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    struct floor *floor = opaque;
    floor->reported++;
    floor->failed += message->err != 0;
}

static size_t on_data(char *data, size_t size, size_t n, void *opaque)
{
    buf_put(opaque, data, size * n);
    return size * n;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
        stop(name, text);
}

/* As common/stream/sink.c sets it. */
static void open_kafka(struct floor *floor, const char *bootstrap, const char *topic)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "compression.type", "lz4");
    set(conf, "linger.ms", "5");
    set(conf, "queue.buffering.max.kbytes", "65536");
    set(conf, "queue.buffering.max.messages", "200000");
    set(conf, "batch.num.messages", "10000");
    set(conf, "enable.idempotence", "true");
    set(conf, "acks", "all");
    set(conf, "partitioner", "murmur2_random");
    set(conf, "message.timeout.ms", "0");
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_opaque(conf, floor);
    floor->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!floor->kafka)
        stop("kafka", text);
    floor->topic = rd_kafka_topic_new(floor->kafka, topic, NULL);
}

/* Ask for the page behind last_id. */
static void ask(struct floor *floor, struct buf *into)
{
    char soql[256], url[1024];
    (void)snprintf(soql, sizeof(soql), "SELECT Id FROM Contact%s%s%s ORDER BY Id LIMIT %d",
                   floor->last_id[0] ? " WHERE Id > '" : "", floor->last_id,
                   floor->last_id[0] ? "'" : "", floor->page_records);
    char *escaped = curl_easy_escape(floor->easy, soql, 0);
    (void)snprintf(url, sizeof(url), "%s/services/data/v62.0/query?q=%s", floor->url,
                   escaped ? escaped : "");
    curl_free(escaped);
    buf_reset(into);
    (void)curl_easy_setopt(floor->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(floor->easy, CURLOPT_WRITEDATA, into);
    (void)curl_multi_add_handle(floor->multi, floor->easy);
    int running = 0;
    (void)curl_multi_perform(floor->multi, &running);
}

static void wait_page(struct floor *floor)
{
    int running = 1, left = 0;
    for (;;) {
        (void)curl_multi_perform(floor->multi, &running);
        if (!running)
            break;
        (void)curl_multi_poll(floor->multi, NULL, 0, 1000, NULL);
    }
    long status = 0;
    const CURLMsg *message = curl_multi_info_read(floor->multi, &left);
    (void)curl_easy_getinfo(floor->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!message || message->data.result != CURLE_OK || status != 200)
        stop("source", message ? curl_easy_strerror(message->data.result) : "no answer");
    (void)curl_multi_remove_handle(floor->multi, floor->easy);
}

/* 64 hex digits that no compressor can foresee, as hashes are. */
static void put_hex(struct floor *floor, char *to)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (int i = 0; i < HEX_BYTES; i++) {
        if (i % 16 == 0) {
            floor->lot += 0x9e3779b97f4a7c15U;
            floor->lot ^= floor->lot >> 29;
            floor->lot *= 0xbf58476d1ce4e5b9U;
        }
        to[i] = DIGITS[floor->lot >> 4 * (unsigned)(i % 16) & 15];
    }
}

/* The record, and behind it an envelope of two hashes and words that compress, up to the wanted size. */
static void produce(struct floor *floor, const char *record, size_t bytes)
{
    char key[32], value[VALUE_MAX_BYTES], event_id[HEX_BYTES];
    const char *id = memmem(record, bytes, ID, sizeof(ID) - 1);
    size_t record_bytes = bytes < floor->value_bytes ? bytes : floor->value_bytes;
    size_t at = record_bytes;
    int key_bytes = snprintf(key, sizeof(key), "salesforce:%.*s", ID_BYTES, id ? id + 6 : "");
    memcpy(value, record, record_bytes);
    for (int i = 0; i < 2 && at + HEX_BYTES <= floor->value_bytes; i++, at += HEX_BYTES)
        put_hex(floor, value + at);
    memcpy(value + at, floor->filler, floor->value_bytes - at);
    put_hex(floor, event_id);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(5);
    (void)rd_kafka_header_add(headers, "content-type", -1, "application/json", -1);
    (void)rd_kafka_header_add(headers, "ce_specversion", -1, "1.0", -1);
    (void)rd_kafka_header_add(headers, "ce_id", -1, event_id, HEX_BYTES);
    (void)rd_kafka_header_add(headers, "ce_source", -1, "/bench/salesforce/salesforce-poll", -1);
    (void)rd_kafka_header_add(headers, "ce_type", -1, "dev.tandem.contact.changed.v1", -1);
    for (;;) {
        rd_kafka_resp_err_t code = rd_kafka_producev(
            floor->kafka, RD_KAFKA_V_RKT(floor->topic), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, (size_t)key_bytes),
            RD_KAFKA_V_VALUE(value, floor->value_bytes), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_END);
        if (!code)
            break;
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            stop("produce", rd_kafka_err2str(code));
        (void)rd_kafka_poll(floor->kafka, 10);
    }
    if (++floor->put % SERVE_EVERY == 0)
        (void)rd_kafka_poll(floor->kafka, 0);
}

static void produce_page(struct floor *floor, const struct buf *page)
{
    const char *end = page->data + page->len, *next;
    const char *at = memmem(page->data, page->len, RECORD, sizeof(RECORD) - 1);
    for (; at; at = next) {
        next = memmem(at + 1, (size_t)(end - at - 1), RECORD, sizeof(RECORD) - 1);
        produce(floor, at, (size_t)((next ? next - 1 : end - 2) - at));
    }
}

/* False: the page was empty. */
static bool read_last_id(struct floor *floor, const struct buf *page)
{
    const char *last = NULL, *at = page->data;
    if (page->len > 2000) /* the last record begins in the last 1,200 bytes */
        at = page->data + page->len - 1200;
    while ((at = memmem(at, (size_t)(page->data + page->len - at), ID, sizeof(ID) - 1))) {
        last = at + sizeof(ID) - 1;
        at = last;
    }
    if (!last)
        return false;
    memcpy(floor->last_id, last, ID_BYTES);
    return true;
}

static void run(struct floor *floor)
{
    int at = 0;
    ask(floor, &floor->pages[at]);
    for (;;) {
        struct buf *page = &floor->pages[at];
        wait_page(floor);
        if (!read_last_id(floor, page))
            break;
        at = 1 - at;
        ask(floor, &floor->pages[at]);
        produce_page(floor, page);
    }
    while (floor->reported < floor->put)
        (void)rd_kafka_flush(floor->kafka, 1000);
}

static void make_filler(struct floor *floor)
{
    static const char WORDS[] =
        ",\"op\":\"r\",\"source\":{\"version\":\"0.1.0\",\"connector\":\"poll\",";
    for (size_t i = 0; i < sizeof(floor->filler); i++)
        floor->filler[i] = WORDS[i % (sizeof(WORDS) - 1)];
}

int main(int argc, char **argv)
{
    static struct floor floor;
    struct rusage usage;
    if (argc != 6)
        stop("usage", "floor_backfill <source url> <bootstrap> <topic> <page> <value bytes>");
    floor.url = argv[1];
    floor.page_records = (int)strtol(argv[4], NULL, 10);
    floor.value_bytes = (size_t)strtol(argv[5], NULL, 10);
    if (floor.value_bytes < 1 || floor.value_bytes > VALUE_MAX_BYTES)
        stop("value bytes", argv[5]);
    make_filler(&floor);
    buf_init(&floor.pages[0], 0);
    buf_init(&floor.pages[1], 0);
    (void)curl_global_init(CURL_GLOBAL_ALL);
    floor.multi = curl_multi_init();
    floor.easy = curl_easy_init();
    (void)curl_easy_setopt(floor.easy, CURLOPT_WRITEFUNCTION, on_data);
    open_kafka(&floor, argv[2], argv[3]);
    double start = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
    run(&floor);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("{\"records\":%lld,\"seconds\":%.4f,\"cpu_s\":%.4f,\"rss_kib\":%ld}\n",
           (long long)floor.put, now_s(CLOCK_MONOTONIC) - start,
           now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu, usage.ru_maxrss);
    rd_kafka_topic_destroy(floor.topic);
    rd_kafka_destroy(floor.kafka);
    curl_easy_cleanup(floor.easy);
    (void)curl_multi_cleanup(floor.multi);
    curl_global_cleanup();
    buf_clear(&floor.pages[0]);
    buf_clear(&floor.pages[1]);
    return floor.failed > 0;
}
