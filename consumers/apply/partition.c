/*
 * partition — owning a partition: the epoch that an assignment record's offset is (design §4.5).
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "apply.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/random.h"

static const char ASSIGN_PREFIX[] = "!assign/";

bool partition_is_assignment(struct span key)
{
    return key.len >= sizeof ASSIGN_PREFIX - 1 &&
           memcmp(key.data, ASSIGN_PREFIX, sizeof ASSIGN_PREFIX - 1) == 0;
}

struct sink_header partition_epoch_header(int64_t epoch, char text[24])
{
    return (struct sink_header){"epoch", int_text(epoch, text)};
}

/* A record with a key of its own: its offset is the epoch, and compaction never takes it away. */
static int announce(struct apply *apply, struct apply_entity *ae, int32_t partition,
                    int64_t *ret_epoch, struct err *err)
{
    char name[RANDOM_HEX_BYTES], key[sizeof ASSIGN_PREFIX + RANDOM_HEX_BYTES];
    random_hex(name);
    (void)snprintf(key, sizeof key, "%s%s", ASSIGN_PREFIX, name);
    struct buf value;
    buf_init(&value, 4096);
    buf_puts(&value, "{\"v\":1,\"assigned\":");
    buf_put_json_string(&value, span_of(apply->context.instance));
    buf_puts(&value, ",\"ts_ms\":");
    buf_put_int(&value, clock_wall_ms(apply->clock));
    buf_putc(&value, '}');
    struct sink_report report = {.offset = -1};
    struct sink_message message = {
        .topic = ae->state, .partition = partition, .key = span_of(key), .value = buf_span(&value)};
    int status = sink_put(apply->sink, &message, &report, err);
    if (status == 0)
        status = sink_settle(apply->sink, -1, err);
    buf_clear(&value);
    if (status == 0 && report.offset < 0)
        return err_set(err, ERR_RETRY, "%s[%d]: the assignment is there, at an unknown offset",
                       ae->state, (int)partition);
    if (status == 0)
        *ret_epoch = report.offset;
    return status;
}

int partition_assigned(struct apply *apply, struct apply_entity *ae, int32_t partition,
                       struct err *err)
{
    if (partition >= ae->partitions)
        return err_exit(err, EX_CONFIG, "%s has a partition %d, the migration was prepared with %d",
                        ae->changes, (int)partition, (int)ae->partitions);
    int64_t epoch = 0, mark = 0, highest = 0;
    if (announce(apply, ae, partition, &epoch, err) != 0)
        return -1;
    if (apply_store(apply,
                    store_take(apply->store, ae->entity, partition, epoch, &mark, &highest, err),
                    err) != 0)
        return -1;
    ae->epochs[partition] = epoch;
    /* The tail begins right behind our assignment: what the last owner still wrote, and Redis still took, before we were there,
     * a fold refuses, so it has to stand there once more, in our name. */
    if (partition_replay(apply, ae, partition, mark, highest, err) != 0 ||
        tail_begin(apply, ae, partition, epoch + 1, err) != 0) {
        ae->epochs[partition] = -1;
        return -1;
    }
    log_info("partition owned", log_str("entity", ae->entity->name),
             log_int("partition", partition), log_int("epoch", epoch),
             log_int("replayed_from", mark));
    FAILPOINT("apply.assigned");
    return 0;
}

void partition_revoked(struct apply *apply, struct apply_entity *ae, int32_t partition)
{
    if (ae->epochs[partition] < 0)
        return;
    ae->epochs[partition] = -1;
    ae->marks[partition] = 0;
    tail_end(apply, ae, partition);
}

int partition_render(struct apply *apply, struct apply_entity *ae, int32_t partition,
                     struct row *row, struct arena *arena, struct store_finish *ret_finish,
                     struct err *err)
{
    struct buf text, index;
    buf_init(&text, 0);
    buf_init(&index, 0);
    row->epoch = ae->epochs[partition];
    int status = settle_review(apply, ae, row, err);
    row_encode(row, ae->entity, &text);
    row_index(row, &index);
    if (status == 0 && (text.failed || index.failed))
        status =
            err_set(err, ERR_FATAL, "row of %.*s is too large", (int)row->key.len, row->key.data);
    if (status == 0)
        *ret_finish = (struct store_finish){.key = arena_copy(arena, row->key),
                                            .partition = partition,
                                            .row = arena_copy(arena, buf_span(&text)),
                                            .index = arena_copy(arena, buf_span(&index)),
                                            .keep_op = true};
    buf_clear(&text);
    buf_clear(&index);
    return status;
}

int partition_put(struct apply *apply, struct apply_entity *ae, const struct store_finish *finish,
                  struct err *err)
{
    char text[24];
    struct sink_header header = partition_epoch_header(ae->epochs[finish->partition], text);
    struct sink_message out = {.topic = ae->state,
                               .partition = finish->partition,
                               .key = finish->key,
                               .value = finish->row,
                               .headers = &header,
                               .header_count = 1};
    return sink_put(apply->sink, &out, NULL, err);
}
