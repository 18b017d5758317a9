/*
 * hs_association_item — one input of an associations batch: its result or its
 * error.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/sandbox/hs_associations.h"

enum { ERROR_TEXT_BYTES = 200 };

void link_id_of(json_t *holder, char ret_id[ID_BYTES])
{
    json_t *id = json_object_get(holder, "id");
    ret_id[0] = '\0';
    if (json_is_string(id))
        (void)snprintf(ret_id, ID_BYTES, "%s", json_string_value(id));
    else if (json_is_integer(id))
        (void)snprintf(ret_id, ID_BYTES, "%lld", (long long)json_integer_value(id));
    for (char *c = ret_id; *c; c++) /* cut anywhere, it must stay text */
        if (!isascii(*c))
            *c = '?';
}

static void add_error(struct links *links, const struct link *link, const char *sub_category,
                      const char *category, const char *message, const char *invalid)
{
    json_t *context = json_pack("{s:[s],s:[s]}", "fromObjectId", link->from_id, "fromObjectType",
                                hs_singular_lower(links->from));
    json_object_set_new(context, "toObjectType", json_pack("[s]", hs_singular_lower(links->to)));
    if (link->to_id[0])
        json_object_set_new(context, "toObjectId", json_pack("[s]", link->to_id));
    if (invalid)
        json_object_set_new(context, "INVALID_OBJECT_IDS", json_pack("[s]", invalid));
    json_array_append_new(links->errors,
                          json_pack("{s:s,s:s,s:s,s:s,s:o}", "status", "error", "category",
                                    category, "subCategory", sub_category, "message", message,
                                    "context", context));
}

/* Both ends are there; else the item's error. */
static bool ends_live(struct links *links, const struct link *link)
{
    bool from = hs_link_end_lives(&links->sandbox->store, links->from, link->from_id);
    if (from && hs_link_end_lives(&links->sandbox->store, links->to, link->to_id))
        return true;
    char invalid[ERROR_TEXT_BYTES / 2], message[ERROR_TEXT_BYTES];
    (void)snprintf(invalid, sizeof invalid, "%s=%s", hs_singular(from ? links->to : links->from),
                   from ? link->to_id : link->from_id);
    (void)snprintf(message, sizeof message, "%s is not valid", invalid);
    add_error(links, link, "crm.associations.INVALID_OBJECT_IDS", "VALIDATION_ERROR", message,
              invalid);
    return false;
}

static bool put_link(struct links *links, const struct link *link, const struct link_type *type)
{
    if (hs_link_add(&links->sandbox->store, link, type, &links->writer))
        return true;
    add_error(links, link, "crm.associations.ASSOCIATION_LIMIT_EXCEEDED", "VALIDATION_ERROR",
              "the record has reached its limit of associations of this type", NULL);
    return false;
}

/* The wanted types of one item, NULL behind the last; false with the item's error. */
static bool read_types(struct links *links, const struct link *link, json_t *specs,
                       const struct link_type *ret_types[LINK_TYPES_MAX + 1])
{
    size_t i;
    json_t *spec;
    int count = 0;
    json_array_foreach(specs, i, spec)
    {
        int id = (int)json_integer_value(json_object_get(spec, "associationTypeId"));
        const char *category = json_string_value(json_object_get(spec, "associationCategory"));
        const struct link_type *type = hs_link_type(links->from, links->to, id);
        if (!id || !type || !category || strcmp(category, hs_link_category(type)) != 0 ||
            count == LINK_TYPES_MAX) {
            char message[ERROR_TEXT_BYTES];
            (void)snprintf(message, sizeof message,
                           "association type %d is not defined between %s and %s", id, links->from,
                           links->to);
            add_error(links, link, "crm.associations.INVALID_ASSOCIATION_TYPE", "VALIDATION_ERROR",
                      message, NULL);
            return false;
        }
        ret_types[count++] = type;
    }
    ret_types[count] = NULL;
    if (count == 0)
        add_error(links, link, "crm.associations.INVALID_ASSOCIATION_TYPE", "VALIDATION_ERROR",
                  "at least one association type is required", NULL);
    return count > 0;
}

static const char *type_id_of(const char *object)
{
    return strcmp(object, "contacts") == 0    ? "0-1"
           : strcmp(object, "companies") == 0 ? "0-2"
                                              : "0-3";
}

static json_t *labels_json(const struct links *links, const struct link *link,
                           const struct link_type *const *types)
{
    json_t *labels = json_array();
    for (; *types; types++)
        if ((*types)->label)
            json_array_append_new(labels, json_string((*types)->label));
    return json_pack("{s:s,s:s,s:s,s:s,s:o}", "fromObjectTypeId", type_id_of(links->from),
                     "fromObjectId", link->from_id, "toObjectTypeId", type_id_of(links->to),
                     "toObjectId", link->to_id, "labels", labels);
}

void link_create(struct links *links, const struct link *link, json_t *specs)
{
    const struct link_type *types[LINK_TYPES_MAX + 1];
    if (!ends_live(links, link) || !read_types(links, link, specs, types))
        return;
    for (int i = 0; types[i]; i++)
        if (!put_link(links, link, types[i]))
            return;
    json_array_append_new(links->results, labels_json(links, link, types));
}

static json_t *default_json(const struct link *link, const struct link_type *type, bool back)
{
    return json_pack("{s:{s:s},s:{s:s},s:{s:s,s:i}}", "from", "id",
                     back ? link->to_id : link->from_id, "to", "id",
                     back ? link->from_id : link->to_id, "associationSpec", "associationCategory",
                     "HUBSPOT_DEFINED", "associationTypeId", back ? type->inverse : type->id);
}

/* The answer names both directions. */
void link_create_default(struct links *links, const struct link *link)
{
    const struct link_type *type = hs_link_type(links->from, links->to, 0);
    if (!ends_live(links, link) || !put_link(links, link, type))
        return;
    json_array_append_new(links->results, default_json(link, type, false));
    json_array_append_new(links->results, default_json(link, type, true));
}

void link_read(struct links *links, json_t *input)
{
    struct link link = {.from_object = links->from, .to_object = links->to};
    char next[ID_BYTES], message[ERROR_TEXT_BYTES];
    const char *after = json_string_value(json_object_get(input, "after"));
    link_id_of(input, link.from_id);
    json_t *to = hs_link_list(&links->sandbox->store, links->from, link.from_id, links->to,
                              after ? after : "", LINK_LIST_LIMIT, next);
    if (!hs_link_end_lives(&links->sandbox->store, links->from, link.from_id) ||
        json_array_size(to) == 0) {
        (void)snprintf(message, sizeof message, "No %s is associated with %s %s.",
                       hs_singular_lower(links->to), hs_singular_lower(links->from), link.from_id);
        add_error(links, &link, "crm.associations.NO_ASSOCIATIONS_FOUND", "OBJECT_NOT_FOUND",
                  message, NULL);
        json_decref(to);
        return;
    }
    json_t *result = json_pack("{s:{s:s},s:o}", "from", "id", link.from_id, "to", to);
    if (next[0])
        json_object_set_new(result, "paging", json_pack("{s:{s:s}}", "next", "after", next));
    json_array_append_new(links->results, result);
}

void link_archive(struct links *links, json_t *input, bool labels)
{
    struct link link = {.from_object = links->from, .to_object = links->to};
    const struct link_type *types[LINK_TYPES_MAX + 1];
    json_t *to = json_object_get(input, "to"), *each;
    size_t i;
    link_id_of(json_object_get(input, "from"), link.from_id);
    if (labels) {
        link_id_of(to, link.to_id);
        if (read_types(links, &link, json_object_get(input, "types"), types))
            for (int k = 0; types[k]; k++)
                hs_link_remove(&links->sandbox->store, &link, types[k], &links->writer);
        return;
    }
    json_array_foreach(to, i, each)
    {
        link_id_of(each, link.to_id);
        hs_link_remove(&links->sandbox->store, &link, NULL, &links->writer);
    }
}
