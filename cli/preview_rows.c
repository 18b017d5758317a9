/*
 * preview_rows — a fold that keeps what it was asked for.
 */
#include "cli/preview_rows.h"

#include "base/map.h"
#include "stream/log_reader.h"
#include "stream/topics.h"

struct kept {
    struct map index; /* key → the row's place */
    struct arena *arena;
};

static int keep(void *self, const struct log_message *message, struct err *err)
{
    (void)err;
    struct kept *kept = self;
    struct span *row = map_get(&kept->index, message->key);
    if (row)
        *row = message->value.data ? arena_copy(kept->arena, message->value) : SPAN_NONE;
    return 0;
}

int preview_rows(const struct migration *migration, const struct entity *entity,
                 const struct span *keys, int count, struct arena *arena, struct span *ret_rows,
                 struct err *err)
{
    char topic[TOPIC_NAME_BYTES];
    struct kept kept = {.arena = arena};
    map_init(&kept.index, (size_t)count + 1, arena);
    for (int i = 0; i < count; i++) {
        ret_rows[i] = SPAN_NONE;
        (void)map_put(&kept.index, keys[i], &ret_rows[i]);
    }
    topic_name(migration, TOPIC_STATE, entity, topic);
    return log_reader_fold(migration, topic, keep, &kept, err);
}
