/*
 * bench_json — which JSON reader? Each one parses the same page of contacts again and again, alone and with reading every member of
 * every record: the tape of common/base/json, jansson, and simdjson behind the shim of simdjson_shim.cpp, if it is given.
 *
 *   bench_json <page file> <seconds each> [libsimdjson_shim.so]
 *
 * One JSON line a reader: reader, what ("parse" or "parse and read"), mb_s, records_s, check (bytes of all texts read).
 */
#include <dlfcn.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

enum { PAGE_MAX_BYTES = 32 * 1024 * 1024 };

struct page {
    struct span text;
    int64_t records;
    struct json_tape tape;
    long (*simdjson)(const char *text, size_t bytes, size_t room, int read, long *ret_records);
};

static void stop(const char *what)
{
    (void)fprintf(stderr, "bench_json: %s\n", what);
    exit(1);
}

/* Each reader returns the bytes of the values it read, 0 if it only parsed. */
typedef int64_t (*reader)(struct page *page, bool read);

static int64_t tape_bytes(const struct json_token *token)
{
    if (token->type == JSON_STRING_)
        return (int64_t)token->text.len;
    return token->type == JSON_NUMBER_ || token->type == JSON_BOOL_;
}

static int64_t tape_reader(struct page *page, bool read)
{
    struct err err = ERR_INIT;
    const struct json_tape *tape = &page->tape;
    int64_t bytes = 0, records = 0;
    if (json_parse(&page->tape, page->text, &err) != 0)
        stop(err.text);
    uint32_t list = json_get(tape, 0, "records");
    for (uint32_t i = json_first(tape, list); i < json_end(tape, list); i = tape->tokens[i].next) {
        records++;
        for (uint32_t key = json_first(tape, i); read && key < json_end(tape, i);
             key = tape->tokens[key + 1].next)
            bytes += tape_bytes(&tape->tokens[key + 1]);
    }
    page->records = records;
    return bytes;
}

/* A number is read, too: it counts as one byte, because each reader writes it in its own way. */
static int64_t jansson_bytes(const json_t *value)
{
    if (json_is_string(value))
        return (int64_t)json_string_length(value);
    if (json_is_integer(value))
        return json_integer_value(value) > INT64_MIN;
    if (json_is_real(value))
        return json_real_value(value) > -1e300;
    return json_is_boolean(value);
}

static int64_t jansson_reader(struct page *page, bool read)
{
    json_error_t error;
    int64_t bytes = 0;
    size_t i;
    json_t *root = json_loadb(page->text.data, page->text.len, 0, &error), *record, *value;
    const char *name;
    if (!root)
        stop(error.text);
    json_t *list = json_object_get(root, "records");
    page->records = (int64_t)json_array_size(list);
    json_array_foreach(list, i, record)
    {
        if (!read)
            break;
        json_object_foreach(record, name, value)
        {
            bytes += jansson_bytes(value);
        }
    }
    json_decref(root);
    return bytes;
}

static int64_t simdjson_reader(struct page *page, bool read)
{
    long records = 0;
    long bytes = page->simdjson(page->text.data, page->text.len, 64, read, &records);
    if (bytes < 0)
        stop("simdjson refuses the page");
    page->records = records;
    return bytes;
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(const char *name, reader parse, struct page *page, double seconds)
{
    for (int read = 0; read < 2; read++) {
        int64_t rounds = 0, bytes = parse(page, read),
                records = page->records; /* once to warm up */
        double start = now_s(), spent = 0;
        for (; spent < seconds; rounds++) {
            (void)parse(page, read);
            spent = now_s() - start;
        }
        printf("{\"reader\":\"%s\",\"what\":\"%s\",\"mb_s\":%.1f,\"records_s\":%.0f,\"records\":%"
               "lld,\"check\":%lld}\n",
               name, read ? "parse and read" : "parse",
               (double)page->text.len * (double)rounds / spent / 1e6,
               (double)records * (double)rounds / spent, (long long)records, (long long)bytes);
    }
}

int main(int argc, char **argv)
{
    struct page page = {.records = 0};
    FILE *file = argc >= 3 ? fopen(argv[1], "rb") : NULL;
    char *text = calloc(1, PAGE_MAX_BYTES);
    if (!file || !text)
        stop("usage: bench_json <page file> <seconds each> [libsimdjson_shim.so]");
    /* simdjson reads up to 32 bytes behind the text: room for them is there. */
    page.text = (struct span){text, fread(text, 1, PAGE_MAX_BYTES - 64, file)};
    (void)fclose(file);
    double seconds = strtod(argv[2], NULL);
    json_tape_init(&page.tape);
    measure("tape", tape_reader, &page, seconds);
    measure("jansson", jansson_reader, &page, seconds);
    if (argc > 3) {
        void *shim = dlopen(argv[3], RTLD_NOW);
        void *found = shim ? dlsym(shim, "simdjson_shim") : NULL;
        if (!found)
            stop(dlerror());
        memcpy(&page.simdjson, &found, sizeof(found));
        measure("simdjson DOM", simdjson_reader, &page, seconds);
        (void)dlclose(shim);
    }
    json_tape_clear(&page.tape);
    free(text);
    return 0;
}
