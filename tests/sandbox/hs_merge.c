/*
 * hs_merge — two HubSpot records become one
 * (https://developers.hubspot.com/changelog/updated-merge-functionality-for-contacts-and-companies).
 */
#include <stdio.h>
#include <string.h>

#include "tests/sandbox/hs_links.h"
#include "tests/sandbox/merges.h"

/* Two records on their way to one. */
struct pair {
    struct store *store;
    const struct merge *merge;
    struct record winner, loser;
    struct fields fields, loser_fields;
    struct buf ids, emails, patch;
};

static void add_to_list(struct buf *list, struct span text)
{
    if (!text.len)
        return;
    if (list->len)
        buf_putc(list, ';');
    buf_put_span(list, text);
}

static void add_value(struct buf *list, const struct fields *fields, const char *name)
{
    struct buf text;
    buf_init(&text, 0);
    if (fields_text(fields_get(fields, span_of(name), NULL), &text))
        add_to_list(list, buf_span(&text));
    buf_clear(&text);
}

/* The winner's values, what it lacks from the loser, and the lists of what was merged. */
static void unite(struct pair *pair, bool new_id)
{
    struct fields *fields = &pair->fields;
    bool contact = strcmp(pair->merge->object, "contacts") == 0;
    bool has_email = fields_get(fields, span_of("email"), NULL).data != NULL;
    add_value(&pair->ids, fields, "hs_merged_object_ids");
    add_value(&pair->ids, &pair->loser_fields, "hs_merged_object_ids");
    if (new_id)
        add_to_list(&pair->ids, span_of(pair->winner.id));
    add_to_list(&pair->ids, span_of(pair->loser.id));
    add_value(&pair->emails, fields, "hs_additional_emails");
    add_value(&pair->emails, &pair->loser_fields, "hs_additional_emails");
    if (contact && has_email)
        add_value(&pair->emails, &pair->loser_fields, "email");
    for (int i = 0; i < pair->loser_fields.count && fields->count < FIELDS_MAX; i++)
        if (!fields_get(fields, pair->loser_fields.items[i].name, NULL).data)
            fields->items[fields->count++] = pair->loser_fields.items[i];
    /* a patch: what comes last of a name counts */
    fields_render(fields, &pair->patch);
    pair->patch.len--; /* its '}' */
    fields_put_text(&pair->patch, "hs_merged_object_ids", buf_span(&pair->ids));
    if (contact)
        fields_put_text(&pair->patch, "hs_additional_emails",
                        pair->emails.len ? buf_span(&pair->emails) : SPAN_NONE);
    buf_putc(&pair->patch, '}');
}

/* The loser's e-mails find the winner from now on. */
static void point_emails(struct pair *pair, const char *id)
{
    struct span rest = buf_span(&pair->emails);
    while (rest.len) {
        const char *end = memchr(rest.data, ';', rest.len);
        struct span email = {rest.data, end ? (size_t)(end - rest.data) : rest.len};
        sqlite3_stmt *put = store_statement(pair->store, ST_UNIQUE_PUT);
        bind_span(put, 1, store_unique_key(pair->store, pair->merge->object, "email", email));
        bind_text(put, 2, pair->merge->object);
        bind_text(put, 3, id);
        store_run(pair->store, put);
        rest.data += email.len + (end != NULL);
        rest.len -= email.len + (end != NULL);
    }
}

/* [[object, id, type], …]: what a record is associated with. */
static json_t *links_of(struct pair *pair, const char *id)
{
    json_t *links = json_array();
    sqlite3_stmt *rows =
        store_prepare(pair->store, "SELECT to_object,to_id,type FROM links WHERE from_object=?1 "
                                   "AND from_id=?2 ORDER BY to_object,to_id,type");
    bind_text(rows, 1, pair->merge->object);
    bind_text(rows, 2, id);
    while (store_row(pair->store, rows))
        json_array_append_new(links,
                              json_pack("[s,s,i]", sqlite3_column_text(rows, 0),
                                        sqlite3_column_text(rows, 1), sqlite3_column_int(rows, 2)));
    sqlite3_finalize(rows);
    return links;
}

/* One record's associations to another; those that the other may not have are dropped. */
static void move_links(struct pair *pair, const char *from, const char *to)
{
    struct link_writer writer = {pair->merge->who, pair->merge->request_id, pair->merge->late};
    json_t *links = links_of(pair, from), *each;
    size_t i;
    json_array_foreach(links, i, each)
    {
        struct link old = {.from_object = pair->merge->object,
                           .to_object = json_string_value(json_array_get(each, 0))};
        (void)snprintf(old.from_id, sizeof old.from_id, "%s", from);
        (void)snprintf(old.to_id, sizeof old.to_id, "%s",
                       json_string_value(json_array_get(each, 1)));
        struct link new = old;
        (void)snprintf(new.from_id, sizeof new.from_id, "%s", to);
        hs_link_move(pair->store, &old, &new, (int)json_integer_value(json_array_get(each, 2)),
                     &writer);
    }
    json_decref(links);
}

static enum write_outcome write_winner(struct pair *pair, bool new_id, const char *id,
                                       struct record *ret_record)
{
    const struct merge *merge = pair->merge;
    struct write write = {.object = merge->object,
                          .id = new_id ? NULL : merge->winner,
                          .new_id = new_id ? id : NULL,
                          .patch = buf_span(&pair->patch),
                          .who = merge->who,
                          .op = "merge",
                          .modstamp_ms = merge->modstamp_ms,
                          .request_id = merge->request_id,
                          .late = merge->late};
    if (new_id)
        merges_lose(pair->store, merge, merge->winner, id, SPAN_NONE);
    merges_lose(pair->store, merge, merge->loser, id, SPAN_NONE);
    return store_write(pair->store, &write, ret_record, NULL);
}

static bool read_pair(struct pair *pair)
{
    const struct merge *merge = pair->merge;
    if (strcmp(merge->winner, merge->loser) == 0 ||
        !store_get(pair->store, merge->object, merge->winner, &pair->winner) ||
        !store_get(pair->store, merge->object, merge->loser, &pair->loser) ||
        pair->winner.deleted || pair->loser.deleted)
        return false;
    fields_parse(&pair->fields, buf_span(&pair->winner.fields));
    fields_parse(&pair->loser_fields, buf_span(&pair->loser.fields));
    return true;
}

enum write_outcome hs_merge_records(struct store *store, const struct merge *merge,
                                    struct record *ret_record)
{
    struct pair pair = {.store = store, .merge = merge};
    bool new_id = settings_get(store->settings, SET_MERGE_NEW_ID) != 0;
    enum write_outcome outcome = WRITE_ABSENT;
    char id[ID_BYTES];
    record_init(&pair.winner);
    record_init(&pair.loser);
    buf_init(&pair.ids, 0);
    buf_init(&pair.emails, 0);
    buf_init(&pair.patch, 0);
    if (read_pair(&pair)) {
        (void)snprintf(id, sizeof id, "%s", merge->winner);
        if (new_id)
            (void)snprintf(id, sizeof id, "%lld", HS_FIRST_ID + (long long)store->next_n++);
        unite(&pair, new_id);
        outcome = write_winner(&pair, new_id, id, ret_record);
        if (new_id)
            move_links(&pair, merge->winner, id);
        move_links(&pair, merge->loser, id);
        point_emails(&pair, id);
    }
    record_clear(&pair.winner);
    record_clear(&pair.loser);
    buf_clear(&pair.ids);
    buf_clear(&pair.emails);
    buf_clear(&pair.patch);
    return outcome;
}
