/*
 * pass — the order in which everything is read.
 */
#include "consumers/verify/pass.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

enum { SUSPECTS_MAX = 100000, SETTLE_PAUSE_MS = 500 };

static void pause_ms(int64_t ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

int pass_open(struct pass *pass, const struct migration *migration, const struct entity *entity,
              struct table *table, const struct relations *relations,
              const struct pass_options *options, struct meter *meter, struct err *err)
{
    pass->options = options;
    pass->meter = meter;
    pass->table = table;
    pass->rows = rows_open(migration, entity, pass->table, err);
    pass->compare =
        pass->rows ? compare_open(entity, pass->table, relations, options->examples, meter, err)
                   : NULL;
    if (!pass->compare)
        return -1;
    if (!options->rows_only &&
        !(pass->scan = scan_open(migration, entity, pass->table, meter, err)))
        return -1;
    pass->result = (struct result){.entity = entity,
                                   .systems = !options->rows_only,
                                   .compare = pass->compare,
                                   .table = pass->table};
    return 0;
}

void pass_close(struct pass *pass)
{
    scan_close(pass->scan);
    compare_close(pass->compare);
    rows_close(pass->rows);
}

int pass_read(struct pass *pass, struct err *err)
{
    if (!pass->options->rows_only && scan_all(pass->scan, err) != 0)
        return -1;
    return rows_read(pass->rows, err);
}

/* Those of the other entities too, which this one may refer to. */
static int read_rows(struct pass *all, int count, struct err *err)
{
    int failed = 0;
    for (int i = 0; i < count && !failed; i++)
        failed = rows_read(all[i].rows, err);
    return failed;
}

struct world {
    struct pass *all;
    int count;
    struct trail *trail;
};

/* Those of the other entities too: what is linked to may have been made since. */
static int scan_again(const struct world *world, struct err *err)
{
    int failed = 0;
    for (int i = 0; i < world->count && !failed; i++)
        failed = scan_suspects(world->all[i].scan, err);
    return failed;
}

/* The rows twice: before, to know the twins to read; after, to know what was written. */
static int look_again(struct pass *pass, const struct world *world, struct tally *ret_settled,
                      struct tally *ret_open, struct err *err)
{
    if (rows_read(pass->rows, err) != 0 || scan_again(world, err) != 0 ||
        read_rows(world->all, world->count, err) != 0 || trail_read(world->trail, err) != 0)
        return -1;
    return compare_suspects(pass->compare, ret_settled, ret_open, err);
}

static int compare_systems(struct pass *pass, const struct world *world, struct err *err)
{
    struct tally *tally = &pass->result.tally, settled, open;
    if (trail_read(world->trail, err) != 0 ||
        compare_first(pass->compare, SUSPECTS_MAX, tally, err) != 0)
        return -1;
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + pass->options->settle_ms;
    pass->result.read_again = 0;
    for (;;) {
        if (look_again(pass, world, &settled, &open, err) != 0)
            return -1;
        tally_add(tally, &settled);
        pass->result.read_again += tally_records(&settled);
        if (!tally_records(&open) || clock_mono_ms(&CLOCK_SYSTEM) >= until_ms)
            break;
        pause_ms(SETTLE_PAUSE_MS);
    }
    pass->result.read_again += tally_records(&open);
    tally_add(tally, &open);
    return table_forget_suspects(pass->table,
                                 err); /* else another entity's looks read them again */
}

int pass_run(struct pass *pass, struct pass *all, int count, struct trail *trail, struct buf *out,
             struct err *err)
{
    struct world world = {all, count, trail};
    if ((!pass->options->rows_only && compare_systems(pass, &world, err) != 0) ||
        table_count(pass->table, &pass->result.counts, err) != 0)
        return -1;
    return output_entity(out, &pass->result, err);
}
