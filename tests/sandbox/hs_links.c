/*
 * hs_links — adding and removing, with what an association implies: a labelled
 * one is an unlabelled one as well, and a record has one primary company.
 */
#include "tests/sandbox/hs_links.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* The last four are labels that somebody has defined in this account. */
static const struct link_type TYPES[] = {
    {"contacts", "companies", 279, 280, .label = NULL},
    {"contacts", "companies", 1, 2, .label = "Primary", .one_per_record = true},
    {"companies", "contacts", 280, 279, .label = NULL},
    {"companies", "contacts", 2, 1, .label = "Primary"},
    {"deals", "contacts", 3, 4, .label = NULL},
    {"contacts", "deals", 4, 3, .label = NULL},
    {"deals", "companies", 341, 342, .label = NULL},
    {"deals", "companies", 5, 6, .label = "Primary", .one_per_record = true},
    {"companies", "deals", 342, 341, .label = NULL},
    {"companies", "deals", 6, 5, .label = "Primary"},
    {"companies", "companies", 450, 450, .label = NULL},
    {"companies", "companies", 14, 13, .label = "Parent Company", .limited = true},
    {"companies", "companies", 13, 14, .label = "Child Company"},
    {"contacts", "contacts", 449, 449, .label = NULL},
    {"deals", "deals", 451, 451, .label = NULL},
    {"contacts", "companies", 36, 37, .label = "Billing contact", .user = true},
    {"companies", "contacts", 37, 36, .label = "Billing contact", .user = true},
    {"deals", "contacts", 38, 39, .label = "Decision maker", .user = true},
    {"contacts", "deals", 39, 38, .label = "Decision maker", .user = true},
};
enum { TYPE_COUNT = sizeof TYPES / sizeof TYPES[0] };

const struct link_type *hs_link_type_at(const char *from, const char *to, int i)
{
    for (int k = 0; k < TYPE_COUNT; k++)
        if (strcmp(TYPES[k].from, from) == 0 && strcmp(TYPES[k].to, to) == 0 && i-- == 0)
            return &TYPES[k];
    return NULL;
}

const struct link_type *hs_link_type(const char *from, const char *to, int id)
{
    const struct link_type *type;
    for (int i = 0; (type = hs_link_type_at(from, to, i)); i++)
        if (id ? type->id == id : !type->label)
            return type;
    return NULL;
}

const char *hs_link_category(const struct link_type *type)
{
    return type && type->user ? "USER_DEFINED" : "HUBSPOT_DEFINED";
}

bool hs_link_end_lives(struct store *store, const char *object, const char *id)
{
    struct record record;
    record_init(&record);
    bool lives = store_get(store, object, id, &record) && !record.deleted;
    record_clear(&record);
    return lives;
}

static struct link turned(const struct link *link)
{
    struct link back = {.from_object = link->to_object, .to_object = link->from_object};
    memcpy(back.from_id, link->to_id, sizeof back.from_id);
    memcpy(back.to_id, link->from_id, sizeof back.to_id);
    return back;
}

static void bind_link(sqlite3_stmt *statement, const struct link *link, int type)
{
    bind_text(statement, 1, link->from_object);
    bind_text(statement, 2, link->from_id);
    bind_text(statement, 3, link->to_object);
    bind_text(statement, 4, link->to_id);
    sqlite3_bind_int(statement, 5, type);
}

static void effect(struct store *store, const struct link *link, const struct link_type *type,
                   const char *op, const struct link_writer *writer, bool changed, bool implied)
{
    sqlite3_stmt *put = store_statement(store, ST_LINK_EFFECT);
    bind_link(put, link, type->id);
    bind_text(put, 6, type->label);
    bind_text(put, 7, op);
    bind_text(put, 8, writer->who);
    sqlite3_bind_int(put, 9, changed);
    sqlite3_bind_int(put, 10, implied);
    sqlite3_bind_int64(put, 11, writer->request_id);
    sqlite3_bind_int(put, 12, writer->late);
    sqlite3_bind_int64(put, 13, clock_wall_ms(&CLOCK_SYSTEM));
    sqlite3_bind_int64(put, 14, store_now_ms(store));
    store_run(store, put);
}

/* Both directions of one type; its effect in the direction that was asked for. */
static void change(struct store *store, const struct link *link, const struct link_type *type,
                   bool add, const struct link_writer *writer, bool implied)
{
    struct link back = turned(link);
    sqlite3_stmt *put = store_statement(store, add ? ST_LINK_PUT : ST_LINK_DROP);
    bind_link(put, link, type->id);
    store_run(store, put);
    bool changed = sqlite3_changes(store->db) > 0;
    bind_link(put, &back, type->inverse);
    store_run(store, put);
    effect(store, link, type, add ? "associate" : "dissociate", writer, changed, implied);
}

/* Another record that from has by this type. */
static bool other_end(struct store *store, const struct link *link, int type, char ret_id[ID_BYTES])
{
    sqlite3_stmt *get = store_statement(store, ST_LINK_OTHER);
    bind_link(get, link, type);
    bool found = store_row(store, get);
    if (found)
        (void)snprintf(ret_id, ID_BYTES, "%s", (const char *)sqlite3_column_text(get, 0));
    sqlite3_reset(get);
    return found;
}

/* A label that only one may have, seen from the record that has only one. */
static bool make_room(struct store *store, const struct link *link, const struct link_type *type,
                      const struct link_writer *writer)
{
    struct link other = *link;
    if ((!type->one_per_record && !type->limited) || !other_end(store, link, type->id, other.to_id))
        return true;
    if (type->limited)
        return false;
    change(store, &other, type, false, writer, true);
    return true;
}

bool hs_link_add(struct store *store, const struct link *link, const struct link_type *type,
                 const struct link_writer *writer)
{
    const struct link_type *inverse = hs_link_type(type->to, type->from, type->inverse);
    struct link back = turned(link);
    if (!make_room(store, link, type, writer) || !make_room(store, &back, inverse, writer))
        return false;
    if (type->label)
        change(store, link, hs_link_type(type->from, type->to, 0), true, writer, true);
    change(store, link, type, true, writer, false);
    return true;
}

void hs_link_remove(struct store *store, const struct link *link, const struct link_type *type,
                    const struct link_writer *writer)
{
    const struct link_type *all = hs_link_type(link->from_object, link->to_object, 0), *other;
    if (type && type->label) {
        change(store, link, type, false, writer, false);
        return;
    }
    for (int i = 0; (other = hs_link_type_at(link->from_object, link->to_object, i)); i++) {
        sqlite3_stmt *has = store_statement(store, ST_LINK_HAS);
        bind_link(has, link, other->id);
        bool there = store_row(store, has);
        sqlite3_reset(has);
        if (other != all && there)
            change(store, link, other, false, writer, true);
    }
    change(store, link, all, false, writer, false);
}

void hs_link_move(struct store *store, const struct link *old, const struct link *new, int type_id,
                  const struct link_writer *writer)
{
    const struct link_type *type = hs_link_type(old->from_object, old->to_object, type_id);
    const struct link_type *inverse = hs_link_type(type->to, type->from, type->inverse);
    struct link back = turned(new);
    char other[ID_BYTES];
    change(store, old, type, false, writer, true);
    if (strcmp(new->from_id, new->to_id) == 0 || /* the two that were merged */
        ((type->one_per_record || type->limited) && other_end(store, new, type->id, other)) ||
        ((inverse->one_per_record || inverse->limited) &&
         other_end(store, &back, inverse->id, other)))
        return;
    change(store, new, type, true, writer, true);
}

static json_t *spec_json(const char *from, const char *to, int id)
{
    const struct link_type *type = hs_link_type(from, to, id);
    return json_pack("{s:s,s:i,s:s?}", "category", hs_link_category(type), "typeId", id, "label",
                     type ? type->label : NULL);
}

json_t *hs_link_list(struct store *store, const char *from_object, const char *from_id,
                     const char *to_object, const char *after, int limit, char ret_next[ID_BYTES])
{
    json_t *results = json_array(), *last = NULL;
    char last_id[ID_BYTES] = "";
    ret_next[0] = '\0';
    sqlite3_stmt *rows = store_statement(store, ST_LINK_LIST);
    bind_text(rows, 1, from_object);
    bind_text(rows, 2, from_id);
    bind_text(rows, 3, to_object);
    bind_text(rows, 4, after);
    while (store_row(store, rows)) {
        const char *id = (const char *)sqlite3_column_text(rows, 0);
        if (strcmp(id, last_id) != 0) {
            if ((int)json_array_size(results) == limit) {
                memcpy(ret_next, last_id, sizeof last_id);
                break;
            }
            (void)snprintf(last_id, sizeof last_id, "%s", id);
            last = json_pack("{s:s,s:[]}", "toObjectId", id, "associationTypes");
            json_array_append_new(results, last);
        }
        json_array_append_new(json_object_get(last, "associationTypes"),
                              spec_json(from_object, to_object, sqlite3_column_int(rows, 1)));
    }
    sqlite3_reset(rows);
    return results;
}
