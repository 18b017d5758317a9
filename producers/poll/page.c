/*
 * page — see page.h.
 */
#include "producers/poll/page.h"

#include <string.h>
#include <strings.h>

/* Connectors may write times in whole seconds into their queries. */
enum { QUERY_PRECISION_MS = 1000 };

enum { ORDER_NUMBER = 1, ORDER_BYTES = 2, ORDER_CASELESS = 4, ORDER_ALL = 7 };

static bool is_number(struct span id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.data[i] < '0' || id.data[i] > '9')
            return false;
    return id.len > 0 && (id.len == 1 || id.data[0] != '0');
}

/* The orders in which a lies before b. */
static unsigned orders_before(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    unsigned orders = 0;
    int bytes = memcmp(a.data, b.data, len);
    if (bytes < 0 || (bytes == 0 && a.len < b.len))
        orders |= ORDER_BYTES;
    int caseless = strncasecmp(a.data, b.data, len);
    if (caseless < 0 || (caseless == 0 && (a.len < b.len || bytes < 0)))
        orders |= ORDER_CASELESS;
    if (is_number(a) && is_number(b) && (a.len < b.len || (a.len == b.len && bytes < 0)))
        orders |= ORDER_NUMBER;
    return orders;
}

static int id_fits(struct span id, struct err *err)
{
    if (id.len > 0 && id.len < CURSOR_ID_BYTES && !memchr(id.data, '\0', id.len))
        return 0;
    return err_set(err, ERR_RETRY, "a record without a usable id (%zu bytes)", id.len);
}

int page_check(const struct keyset *behind, int64_t to_ms, const struct rest_op *page,
               struct keyset *ret_behind, struct err *err)
{
    bool timed = page->kind == REST_INCREMENTAL;
    struct span last = {behind->id, strlen(behind->id)};
    int64_t last_ms = behind->ms;
    unsigned orders = ORDER_ALL;
    for (int i = 0; i < page->record_count; i++) {
        const struct rest_record *record = &page->records[i];
        if (id_fits(record->id, err) < 0)
            return -1;
        if (page->unordered) { /* what counts is that it was asked for */
            if (timed && (record->modified_ms < behind->ms - QUERY_PRECISION_MS + 1 ||
                          record->modified_ms > to_ms + QUERY_PRECISION_MS - 1))
                return err_set(err, ERR_RETRY, "record %d of the page is of another time", i + 1);
            last = record->id;
            continue;
        }
        int64_t slack_ms = i == 0 && behind->id[0] == '\0' ? QUERY_PRECISION_MS - 1 : 0;
        if (timed && record->modified_ms < last_ms - slack_ms)
            return err_set(err, ERR_RETRY, "record %d of the page was modified before %s", i + 1,
                           i ? "the one before it" : "the time asked for");
        if (timed && record->modified_ms > to_ms + QUERY_PRECISION_MS - 1)
            return err_set(err, ERR_RETRY,
                           "record %d of the page was modified after the time asked for", i + 1);
        if (!page->next_cursor.len && (!timed || record->modified_ms == last_ms)) {
            if (last.len > 0)
                orders &= orders_before(last, record->id);
            if (orders == 0)
                return err_set(err, ERR_RETRY, "record %d of the page does not lie behind %s",
                               i + 1, i ? "the one before it" : "the last one read");
        }
        last = record->id;
        last_ms = timed ? record->modified_ms : behind->ms;
    }
    struct span place = page->next_cursor;
    if (place.len && id_fits(place, err) < 0)
        return -1;
    if (page->record_count > 0) {
        memmove(ret_behind->id, last.data, last.len);
        ret_behind->id[last.len] = '\0';
        ret_behind->ms = last_ms;
    }
    if (place.len) {
        memmove(ret_behind->id, place.data, place.len);
        ret_behind->id[place.len] = '\0';
    }
    return 0;
}
