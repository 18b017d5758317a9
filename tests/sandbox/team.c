/*
 * team — who is where: frank has left both, grace left the old system only,
 * heidi is unknown to the new one.
 */
#include "tests/sandbox/team.h"

#include <stdio.h>
#include <string.h>

#include "tests/sandbox/hs_source.h"
#include "tests/sandbox/sf_id.h"

enum { FIRST_OWNER = 41000001 };

static const struct {
    const char *name, *first, *last;
    bool user_active, is_owner, owner_archived;
} TEAM[] = {
    {"alice", "Alice", "Ahrens", .user_active = true, .is_owner = true},
    {"bob", "Bob", "Bello", .user_active = true, .is_owner = true},
    {"carol", "Carol", "Castro", .user_active = true, .is_owner = true},
    {"dave", "Dave", "Dubois", .user_active = true, .is_owner = true},
    {"erin", "Erin", "Ek", .user_active = true, .is_owner = true},
    {"frank", "Frank", "Fuchs", .is_owner = true, .owner_archived = true},
    {"grace", "Grace", "Gil", .is_owner = true},
    {"heidi", "Heidi", "Holm", .user_active = true},
};
enum { TEAM_COUNT = sizeof TEAM / sizeof TEAM[0] };

void team_id(const struct store *store, int i, char ret_id[ID_BYTES])
{
    char who[WHO_BYTES];
    (void)snprintf(who, sizeof who, "person:%s", TEAM[i].name);
    if (store->crm == CRM_SALESFORCE)
        sf_id_user(who, ret_id);
    else
        (void)snprintf(ret_id, ID_BYTES, "%d", FIRST_OWNER + i);
}

static void make_fields(const struct store *store, int i, const char *email, struct buf *fields)
{
    bool old = store->crm == CRM_SALESFORCE;
    char who[WHO_BYTES];
    (void)snprintf(who, sizeof who, "person:%s", TEAM[i].name);
    buf_putc(fields, '{');
    fields_put_text(fields, old ? "FirstName" : "firstName", span_of(TEAM[i].first));
    fields_put_text(fields, old ? "LastName" : "lastName", span_of(TEAM[i].last));
    fields_put_text(fields, old ? "Email" : "email", span_of(email));
    if (old) {
        fields_put_text(fields, "Username", span_of(email));
        fields_put(fields, "IsActive", TEAM[i].user_active ? json_true() : json_false());
    } else {
        char number[32];
        (void)snprintf(number, sizeof number, "%lld", (long long)hs_user_id(who));
        fields_put_text(fields, "userId", span_of(number));
    }
    buf_putc(fields, '}');
}

static void insert(struct store *store, int i, const char *id)
{
    char email[64];
    struct buf fields;
    buf_init(&fields, 0);
    (void)snprintf(email, sizeof email, "%s@team.example.com", TEAM[i].name);
    make_fields(store, i, email, &fields);
    const char *object = store->crm == CRM_SALESFORCE ? "User" : "owners";
    int64_t made_ms = 1640995200000; /* 2022-01-01: before everything else */
    sqlite3_stmt *put = store_statement(store, ST_INSERT);
    sqlite3_bind_int64(put, 1, store_n(store, id));
    bind_text(put, 2, object);
    bind_text(put, 3, id);
    sqlite3_bind_int64(put, 4, made_ms);
    sqlite3_bind_int64(put, 5, made_ms);
    sqlite3_bind_int64(put, 6, made_ms);
    bind_text(put, 7, "seed");
    bind_text(put, 8, email);
    bind_span(put, 9, buf_span(&fields));
    store_run(store, put);
    buf_clear(&fields);
    if (store->crm == CRM_HUBSPOT) {
        sqlite3_stmt *unique = store_statement(store, ST_UNIQUE_PUT);
        bind_span(unique, 1, store_unique_key(store, object, "email", span_of(email)));
        bind_text(unique, 2, object);
        bind_text(unique, 3, id);
        store_run(store, unique);
    }
}

void team_open(struct store *store)
{
    bool old = store->crm == CRM_SALESFORCE;
    struct record record;
    record_init(&record);
    for (int i = 0; i < TEAM_COUNT; i++) {
        char id[ID_BYTES];
        team_id(store, i, id);
        if ((!old && !TEAM[i].is_owner) || store_get(store, old ? "User" : "owners", id, &record))
            continue;
        insert(store, i, id);
        if (!old && TEAM[i].owner_archived) {
            char sql[96];
            (void)snprintf(sql, sizeof sql, "UPDATE records SET deleted=1 WHERE n=%lld",
                           (long long)store_n(store, id));
            store_exec(store, sql);
        }
    }
    record_clear(&record);
}
