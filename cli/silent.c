/*
 * silent — see silent.h.
 */
#include "cli/silent.h"

#include "stream/cursor.h"

int silent_read(const struct migration *migration, const char *entity, json_t **ret_counts,
                struct err *err)
{
    struct cursor cursor = {0};
    bool found = false;
    if (cursor_load(migration, migration->old_system->name, entity, "refresh", &cursor, &found,
                    err) != 0)
        return -1;
    json_t *list = *cursor.silent ? json_loads(cursor.silent, 0, NULL) : NULL, *item;
    json_t *counts = json_object();
    size_t i;
    json_array_foreach(list, i, item)
    {
        const char *field = json_string_value(json_object_get(item, "field"));
        if (field)
            (void)json_object_set(counts, field, json_object_get(item, "count"));
    }
    json_decref(list);
    *ret_counts = counts;
    return 0;
}
