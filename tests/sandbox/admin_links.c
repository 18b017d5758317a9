/*
 * admin_links — people who associate records and take associations away.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sandbox/admin.h"
#include "tests/sandbox/hs_links.h"

/* {"object","id"} of one end; NULL with the error in reply. */
static const char *end_of(struct sandbox *sandbox, json_t *end, char ret_id[ID_BYTES],
                          struct reply *reply)
{
    const char *object = admin_object(sandbox, end, reply);
    const char *id = json_string_value(json_object_get(end, "id"));
    (void)snprintf(ret_id, ID_BYTES, "%s", id ? id : "");
    if (object && !hs_link_end_lives(&sandbox->store, object, ret_id)) {
        reply_error(reply, 404, "no such record: %s %s", object, ret_id);
        return NULL;
    }
    return object;
}

void admin_links(struct sandbox *sandbox, const struct request *request, json_t *body,
                 struct reply *reply)
{
    bool add = strcmp(request_part(request, 2), "associate") == 0;
    const char *who = json_string_value(json_object_get(body, "who"));
    int id = (int)json_integer_value(json_object_get(body, "type"));
    struct link_writer writer = {who ? who : "person:admin", request->id, false};
    struct link link;
    if (!(link.from_object = end_of(sandbox, json_object_get(body, "from"), link.from_id, reply)) ||
        !(link.to_object = end_of(sandbox, json_object_get(body, "to"), link.to_id, reply)))
        return;
    const struct link_type *type = hs_link_type(link.from_object, link.to_object, id);
    if (!type) {
        reply_error(reply, 400, "no such association type");
        return;
    }
    if (!add)
        hs_link_remove(&sandbox->store, &link, id ? type : NULL, &writer);
    else if (!hs_link_add(&sandbox->store, &link, type, &writer)) {
        reply_error(reply, 409, "the record has one of this type already");
        return;
    }
    reply_json(reply, 200, json_pack("{s:i}", "type", type->id));
}

/* GET /admin/links?object=S[&to=S]: NDJSON of what stands, in the direction object → to. */
void admin_links_dump(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *from = request_param(request, "object"), *to = request_param(request, "to");
    store_begin(&sandbox->store);
    sqlite3_stmt *rows = store_prepare(
        &sandbox->store, "SELECT from_object,from_id,to_object,to_id,type FROM links WHERE "
                         "from_object=?1 AND (?2 IS NULL OR to_object=?2) ORDER BY 1,2,3,4,5");
    bind_text(rows, 1, from ? schema_alias(from) : "contacts");
    bind_text(rows, 2, to ? schema_alias(to) : NULL);
    while (store_row(&sandbox->store, rows))
        buf_printf(
            &reply->body,
            "{\"from_object\":\"%s\",\"from_id\":\"%s\",\"to_object\":\"%s\",\"to_id\":\"%s\","
            "\"type\":%d}\n",
            sqlite3_column_text(rows, 0), sqlite3_column_text(rows, 1),
            sqlite3_column_text(rows, 2), sqlite3_column_text(rows, 3),
            sqlite3_column_int(rows, 4));
    sqlite3_finalize(rows);
    store_end(&sandbox->store, false);
    reply->content_type = "application/x-ndjson";
}
