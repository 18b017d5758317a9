/*
 * write — merge, check, store, and put into the ledger.
 */
#include "tests/sandbox/write.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/ledger.h"
#include "tests/sandbox/merges.h"
#include "tests/sandbox/sf_id.h"

/* The unique properties of an object, in order; NULL behind the last. */
static const struct property *next_unique(const struct store *store, const char *object, int *at)
{
    for (; *at < store->schema.count; (*at)++) {
        const struct property *property = &store->schema.items[*at];
        if (property->unique && strcmp(property->object, object) == 0) {
            (*at)++;
            return property;
        }
    }
    return NULL;
}

static struct span value_of(struct store *store, const struct fields *fields, const char *name)
{
    buf_reset(&store->value);
    return fields_text(fields_get(fields, span_of(name), NULL), &store->value)
               ? buf_span(&store->value)
               : SPAN_NONE;
}

/* False: another record holds one of our unique values. */
static bool values_free(struct store *store, const struct write *write, struct conflict *conflict)
{
    const struct property *property;
    for (int at = 0; (property = next_unique(store, write->object, &at));) {
        struct span name = span_of(property->name);
        struct span now = fields_get(&store->new_fields, name, NULL);
        if (!now.data || span_equal(now, fields_get(&store->old_fields, name, NULL)))
            continue;
        struct span value = value_of(store, &store->new_fields, property->name);
        char id[ID_BYTES];
        if (!value.data || !store_find_unique(store, write->object, property->name, value, id) ||
            (write->id && strcmp(id, write->id) == 0))
            continue;
        if (conflict) {
            (void)snprintf(conflict->property, sizeof conflict->property, "%s", property->name);
            (void)snprintf(conflict->id, sizeof conflict->id, "%s", id);
        }
        return false;
    }
    return true;
}

static struct span unique_key(struct store *store, const struct write *write,
                              const struct fields *fields, const char *property)
{
    return store_unique_key(store, write->object, property, value_of(store, fields, property));
}

/* The e-mails that a merge has left with a contact (hs_merge.c). */
static void drop_additional_emails(struct store *store, const struct write *write)
{
    struct buf list;
    buf_init(&list, 0);
    fields_text(fields_get(&store->old_fields, span_of("hs_additional_emails"), NULL), &list);
    for (struct span rest = buf_span(&list); rest.len;) {
        const char *end = memchr(rest.data, ';', rest.len);
        struct span email = {rest.data, end ? (size_t)(end - rest.data) : rest.len};
        sqlite3_stmt *drop = store_statement(store, ST_UNIQUE_DROP);
        bind_span(drop, 1, store_unique_key(store, write->object, "email", email));
        store_run(store, drop);
        rest.data += email.len + (end != NULL);
        rest.len -= email.len + (end != NULL);
    }
    buf_clear(&list);
}

static void index_values(struct store *store, const struct write *write, const char *id)
{
    const struct property *property;
    for (int at = 0; (property = next_unique(store, write->object, &at));) {
        struct span name = span_of(property->name);
        struct span old = fields_get(&store->old_fields, name, NULL);
        struct span new = write->archive ? SPAN_NONE : fields_get(&store->new_fields, name, NULL);
        if (span_equal(old, new))
            continue;
        if (old.data) {
            sqlite3_stmt *drop = store_statement(store, ST_UNIQUE_DROP);
            bind_span(drop, 1, unique_key(store, write, &store->old_fields, property->name));
            store_run(store, drop);
        }
        if (new.data) {
            sqlite3_stmt *put = store_statement(store, ST_UNIQUE_PUT);
            bind_span(put, 1, unique_key(store, write, &store->new_fields, property->name));
            bind_text(put, 2, write->object);
            bind_text(put, 3, id);
            store_run(store, put);
        }
    }
    if (write->archive)
        drop_additional_emails(store, write);
}

static void put_shadow(struct store *store, const struct write *write, const char *id)
{
    int64_t lag = settings_get(store->settings, store->crm == CRM_SALESFORCE ? SET_VISIBILITY_LAG_MS
                                                                             : SET_INDEX_LAG_MS);
    if (!lag || write->no_lag)
        return;
    sqlite3_stmt *put = store_statement(store, write->id ? ST_SHADOW_PUT : ST_SHADOW_NEW);
    bind_text(put, 1, write->object);
    bind_text(put, 2, id);
    sqlite3_bind_int64(put, 3, clock_wall_ms(&CLOCK_SYSTEM) + lag);
    store_run(store, put);
    store->shadows++;
}

static void put_record(struct store *store, const struct write *write, const struct record *record,
                       int64_t n)
{
    struct span email_name = span_of(store->crm == CRM_SALESFORCE ? "Email" : "email");
    bool same = span_equal(fields_get(&store->old_fields, email_name, NULL),
                           fields_get(&store->new_fields, email_name, NULL));
    sqlite3_stmt *put = store_statement(store, !write->id ? ST_INSERT
                                               : same     ? ST_UPDATE_SAME_EMAIL
                                                          : ST_UPDATE);
    int at = 1;
    sqlite3_bind_int64(put, at++, write->id ? store_n(store, write->id) : n);
    if (!write->id) {
        bind_text(put, at++, write->object);
        bind_text(put, at++, record->id);
        sqlite3_bind_int64(put, at++, record->created_ms);
    }
    sqlite3_bind_int64(put, at++, record->modified_ms);
    sqlite3_bind_int64(put, at++, record->modstamp_ms);
    bind_text(put, at++, record->modified_by);
    if (same && write->id)
        at++;
    else
        bind_span(put, at++, value_of(store, &store->new_fields, email_name.data));
    if (write->id) {
        /* a HubSpot record that was merged away is not among the archived ones */
        bool hidden = write->merged_into && store->crm == CRM_HUBSPOT;
        sqlite3_bind_int(put, at++, hidden ? 2 : record->deleted);
        sqlite3_bind_int64(put, at++, record->version);
    }
    bind_span(put, at, buf_span(&store->new_text));
    store_run(store, put);
}

/* A new record's id, dates and version, or the old one's moved on. */
static void advance(struct store *store, const struct write *write, struct record *record,
                    int64_t n)
{
    int64_t now = write->modstamp_ms ? write->modstamp_ms : store_modstamp_ms(store);
    if (!write->id) {
        if (write->new_id)
            (void)snprintf(record->id, sizeof record->id, "%s", write->new_id);
        else if (store->crm == CRM_SALESFORCE)
            sf_id_make(write->object, n, record->id);
        else
            (void)snprintf(record->id, sizeof record->id, "%lld", HS_FIRST_ID + (long long)n);
        record->created_ms = record->modified_ms = record->modstamp_ms = now;
        record->version = 1;
        record->deleted = false;
    } else {
        record->version++;
        if (!write->silent) {
            record->modstamp_ms = now;
            if (!write->automation)
                record->modified_ms = now;
        }
        record->deleted = write->archive;
    }
    if (!write->silent)
        (void)snprintf(record->modified_by, sizeof record->modified_by, "%s", write->who);
}

enum write_outcome store_write(struct store *store, const struct write *write,
                               struct record *ret_record, struct conflict *ret_conflict)
{
    struct fields *patch = &store->patch_fields;
    struct record *record = ret_record;
    char winner[ID_BYTES];
    if (write->id &&
        (!store_get(store, write->object, write->id, record) || record->deleted != write->restore))
        return WRITE_ABSENT;
    if (write->restore && merges_winner(store, write->object, write->id, winner))
        return WRITE_ABSENT;
    buf_reset(&store->old_text);
    if (write->id)
        buf_put_span(&store->old_text, buf_span(&record->fields));
    fields_parse(&store->old_fields, write->id ? buf_span(&store->old_text) : span_of("{}"));
    fields_copy(&store->new_fields, &store->old_fields);
    if (write->restore) /* nothing is indexed of it */
        store->old_fields.count = 0;
    fields_parse(patch, write->patch.data ? write->patch : span_of("{}"));
    if (!fields_merge(&store->new_fields, patch))
        return WRITE_TOO_MANY_FIELDS;
    if (!write->archive && !values_free(store, write, ret_conflict))
        return WRITE_CONFLICT;
    int64_t n = write->id ? 0 : write->new_id ? store_n(store, write->new_id) : store->next_n++;
    advance(store, write, record, n);
    buf_reset(&store->new_text);
    fields_render(&store->new_fields, &store->new_text);
    put_shadow(store, write, record->id);
    put_record(store, write, record, n);
    index_values(store, write, record->id);
    ledger_effect(store, write, record);
    buf_reset(&record->fields);
    buf_put_span(&record->fields, buf_span(&store->new_text));
    return WRITE_DONE;
}
