/*
 * zone — TZif files and the questions asked of them. See zone.h.
 */
#include "base/zone.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/zone_internal.h"

#define ZONE_DIR "/usr/share/zoneinfo"

enum { FILE_MAX_BYTES = 256 * 1024, HEADER_BYTES = 44, S_PER_DAY = 86400, NAMES_MAX = 1000 };

struct zone {
    int64_t *times;   /* transitions, ascending */
    int32_t *offsets; /* from times[i] on */
    int32_t first_s;  /* before the first */
    uint32_t count;
    bool has_rule; /* after the last */
    struct zone_rule rule;
};

static int64_t big_endian(const unsigned char *at, int bytes)
{
    uint64_t value = at[0] & 0x80U ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

/* A header's counts, in the order of the file. */
struct counts {
    uint32_t is_ut, is_std, leap, time, type, name;
};

static bool read_counts(struct span file, size_t at, struct counts *ret_counts)
{
    if (at > file.len || file.len - at < HEADER_BYTES || memcmp(file.data + at, "TZif", 4) != 0)
        return false;
    uint32_t counts[6];
    for (size_t i = 0; i < 6; i++) {
        counts[i] = (uint32_t)big_endian((const unsigned char *)file.data + at + 20 + 4 * i, 4);
        if (counts[i] > FILE_MAX_BYTES)
            return false;
    }
    *ret_counts = (struct counts){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    return counts[4] > 0;
}

static size_t block_bytes(const struct counts *counts, size_t time_bytes)
{
    return counts->time * (time_bytes + 1) + counts->type * 6UL + counts->name +
           counts->leap * (time_bytes + 4) + counts->is_std + counts->is_ut;
}

/* The 64-bit block, at its times. */
static bool read_block(struct zone *zone, const struct counts *counts, const unsigned char *times)
{
    const unsigned char *indexes = times + counts->time * 8UL;
    const unsigned char *types = indexes + counts->time;
    zone->times = calloc(counts->time + 1UL, sizeof(*zone->times));
    zone->offsets = calloc(counts->time + 1UL, sizeof(*zone->offsets));
    if (!zone->times || !zone->offsets)
        return false;
    zone->first_s = (int32_t)big_endian(types, 4);
    for (uint32_t i = 0; i < counts->time; i++) {
        if (indexes[i] >= counts->type)
            return false;
        zone->times[i] = big_endian(times + i * 8UL, 8);
        zone->offsets[i] = (int32_t)big_endian(types + indexes[i] * 6UL, 4);
    }
    zone->count = counts->time;
    return true;
}

static bool read_zone(struct zone *zone, struct span file)
{
    struct counts counts;
    if (!read_counts(file, 0, &counts) || file.data[4] < '2')
        return false;
    size_t at = HEADER_BYTES + block_bytes(&counts, 4);
    if (!read_counts(file, at, &counts))
        return false;
    at += HEADER_BYTES;
    size_t bytes = block_bytes(&counts, 8);
    if (file.len - at < bytes || !read_block(zone, &counts, (const unsigned char *)file.data + at))
        return false;
    struct span footer = {file.data + at + bytes, file.len - at - bytes};
    char rule[128] = "";
    if (footer.len < 2 || footer.len - 2 >= sizeof(rule) || footer.data[0] != '\n')
        return false;
    memcpy(rule, footer.data + 1, footer.len - 2);
    zone->has_rule = rule[0] != '\0';
    return !zone->has_rule || zone_rule_parse(rule, &zone->rule);
}

/* Names begin with a capital ("posix/", "right/" and "localtime" are not of the database) and stay inside. */
static bool is_name(const char *name)
{
    if (name[0] < 'A' || name[0] > 'Z' || strstr(name, ".."))
        return false;
    return name[strspn(
               name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/")] == '\0';
}

static bool read_file(const char *name, struct buf *out)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), ZONE_DIR "/%s", name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char chunk[4096];
    for (size_t got; (got = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        buf_put(out, chunk, got);
    bool ok = !ferror(file) && !out->failed && out->len > 0;
    (void)fclose(file);
    return ok;
}

struct zone *zone_open(const char *name, struct err *err)
{
    struct buf file;
    buf_init(&file, FILE_MAX_BYTES);
    struct zone *zone = calloc(1, sizeof(*zone));
    bool ok = zone && is_name(name) && read_file(name, &file) && read_zone(zone, buf_span(&file));
    buf_clear(&file);
    if (ok)
        return zone;
    zone_close(zone);
    (void)err_exit(err, EX_CONFIG, "no time zone \"%s\" in " ZONE_DIR " (package tzdata)", name);
    return NULL;
}

void zone_close(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->times);
    free(zone->offsets);
    free(zone);
}

int32_t zone_offset_s(const struct zone *zone, int64_t epoch_s)
{
    if (zone->has_rule && (zone->count == 0 || epoch_s >= zone->times[zone->count - 1]))
        return zone_rule_offset_s(&zone->rule, epoch_s);
    uint32_t low = 0, high = zone->count; /* the first transition after the moment */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->times[middle] <= epoch_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? zone->first_s : zone->offsets[low - 1];
}

int64_t zone_midnight_ms(const struct zone *zone, int64_t days)
{
    const int64_t local = days * S_PER_DAY;
    int64_t before = local - 2 * (int64_t)S_PER_DAY, after = local + 2 * (int64_t)S_PER_DAY;
    int32_t offsets[2] = {zone_offset_s(zone, before), zone_offset_s(zone, after)};
    /* The larger offset is the earlier moment. */
    int32_t larger = offsets[0] > offsets[1] ? offsets[0] : offsets[1];
    int32_t smaller = offsets[0] > offsets[1] ? offsets[1] : offsets[0];
    if (zone_offset_s(zone, local - larger) == larger)
        return (local - larger) * 1000;
    if (zone_offset_s(zone, local - smaller) == smaller)
        return (local - smaller) * 1000;
    while (after - before > 1) { /* no such midnight: the first moment behind it */
        int64_t middle = before + (after - before) / 2;
        if (middle + zone_offset_s(zone, middle) >= local)
            after = middle;
        else
            before = middle;
    }
    return after * 1000;
}

/* tzdata.zi has a line "Z <name> …" for each zone and "L <target> <name>" for each link. */
static int list_names(char *text, const char **names)
{
    int count = 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && count < NAMES_MAX - 1;) {
        if ((line[0] != 'Z' && line[0] != 'L') || line[1] != ' ')
            continue;
        char *words = line + 2;
        char *name = strsep(&words, " ");
        names[count++] = line[0] == 'L' && words ? words : name;
    }
    names[count] = NULL;
    return count;
}

bool zone_nearest(const char *name, char *ret_name, size_t size)
{
    struct buf text;
    buf_init(&text, FILE_MAX_BYTES);
    static const char *const none[] = {NULL};
    const char **names = calloc(NAMES_MAX, sizeof(*names));
    bool listed = names && read_file("tzdata.zi", &text) && list_names(text.data, names) > 0;
    const char *nearest = conf_nearest(name, listed ? names : none);
    if (nearest)
        (void)snprintf(ret_name, size, "%s", nearest);
    free(names);
    buf_clear(&text);
    return nearest != NULL;
}
