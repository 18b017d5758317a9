/*
 * schedule — one run: random things happen, then everything comes to rest, and the model judges.
 */
#include <string.h>

#include "simulator.h"

struct world world;

/* splitmix64 (Steele, Lea, Flood 2014) */
uint32_t sim_below(uint32_t limit)
{
    uint64_t z = (world.random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % limit;
}

bool sim_chance(uint32_t n)
{
    return !world.script.on && sim_below(n) == 0;
}

/* ---- what can happen ---- */

static int some_record(void)
{
    return (int)sim_below(SIM_RECORDS);
}

static int some_process(void)
{
    return (int)sim_below(SIM_PROCESSES);
}

static void change_and_read(void)
{
    int r = some_record();
    source_edit(r);
    if (!sim_chance(4))
        source_capture(r, PASS_INCREMENTAL);
}

static void read_something(void)
{
    static const enum event_pass passes[] = {PASS_BACKFILL, PASS_INCREMENTAL, PASS_PUSH,
                                             PASS_REPAIR};
    source_capture(some_record(), passes[sim_below(4)]);
}

static void publish(void)
{
    source_publish(false);
}

static void edit_new(void)
{
    if (world.target_count)
        target_edit((int)sim_below((uint32_t)world.target_count));
}

static void delete_old(void)
{
    int r = some_record();
    source_delete(r);
    if (!sim_chance(4))
        source_capture(r, PASS_INCREMENTAL);
}

static void delete_new(void)
{
    if (world.target_count)
        target_remove((int)sim_below((uint32_t)world.target_count));
}

static void run_owner(void)
{
    process_run(world.owner);
}

static void run_any(void)
{
    process_run(some_process());
}

static void crash(void)
{
    process_crash(some_process());
}

static void stop(void)
{
    process_stop(some_process());
}

static void rebalance(void)
{
    process_give(some_process());
    sim_log("the group gives the partition to process %d", world.owner);
}

static void late(void)
{
    target_execute_late(false);
}

static void hydrate(void)
{
    (void)source_hydrate();
}

static void time_passes(void)
{
    static const int64_t steps_ms[] = {1, 50, 400, 1000, 2500};
    world.now_ms += steps_ms[sim_below(5)];
}

static const struct {
    void (*happen)(void);
    uint32_t weight;
} ACTIONS[] = {
    {run_owner, 40},    {run_any, 10},     {change_and_read, 14}, {read_something, 4},
    {publish, 14},      {edit_new, 8},     {delete_old, 1},       {delete_new, 1},
    {crash, 2},         {stop, 3},         {rebalance, 3},        {late, 3},
    {hydrate, 4},       {time_passes, 12}, {redis_save, 1},       {redis_flush, 1},
    {target_create, 1},
};

/* Rare, and dear: a rebuild waits for every old request. */
static void redis_restarts(void)
{
    if (sim_chance(3))
        redis_rollback();
}

static void something(void)
{
    uint32_t total = 0;
    for (size_t i = 0; i < sizeof ACTIONS / sizeof ACTIONS[0]; i++)
        total += ACTIONS[i].weight;
    uint32_t at = sim_below(total);
    for (size_t i = 0; i < sizeof ACTIONS / sizeof ACTIONS[0]; i++) {
        if (at < ACTIONS[i].weight) {
            if (ACTIONS[i].happen == redis_flush) {
                sim_log("redis is lost");
                if (sim_chance(2)) {
                    redis_restarts();
                    return;
                }
            }
            ACTIONS[i].happen();
            return;
        }
        at -= ACTIONS[i].weight;
    }
}

/* ---- the end ---- */

static bool at_rest(void)
{
    bool hints = source_hydrate();
    source_publish(true);
    target_execute_late(true);
    for (int p = 0; p < SIM_PROCESSES; p++)
        process_run(p);
    return !hints && world.committed == world.changes.count && redis_rest() &&
           process_is_idle(world.owner);
}

static void come_to_rest(const char *when)
{
    int quiet_rounds = 0;
    for (int round = 0; round < 400; round++) {
        quiet_rounds = at_rest() ? quiet_rounds + 1 : 0;
        if (quiet_rounds == 3)
            return;
        world.now_ms += round < 20 ? 300 : 3000;
    }
    sim_violation(VIOLATION_STUCK, false, "%s: not at rest", when);
}

void schedule_finish(void)
{
    world.quiet = true;
    sim_log("---- the end begins");
    for (int p = 0; p < SIM_PROCESSES; p++)
        if (process_is_stopped(p))
            process_stop(p);
    for (int r = 0; r < SIM_RECORDS; r++)
        if (!world.source[r].read)
            source_capture(r, PASS_INCREMENTAL);
    come_to_rest("after the last change");
    if (!redis_survives_compaction())
        sim_violation(VIOLATION_FOLD, false, "a former owner's row is the last of its record");
    model_end(false);
    world.now_ms += 2000; /* what is read now is newer than what was read before */
    for (int r = 0; r < SIM_RECORDS; r++)
        source_capture(r, PASS_REPAIR);
    come_to_rest("after everything was read once more");
    if (!redis_is_fold())
        sim_violation(VIOLATION_FOLD, false, "rows differ");
    model_end(true);
    process_end();
}

void schedule_begin(uint64_t seed, bool t1, bool trace)
{
    static const char *const ids[SIM_RECORDS] = {"A", "B", "C"};
    struct arena arena = world.arena;
    arena_reset(&arena);
    memset(&world, 0, sizeof world);
    world.arena = arena;
    world.seed = seed;
    world.random = seed * 2 + t1;
    world.t1 = t1;
    world.trace = trace;
    world.now_ms = 1000000;
    sim_declare();
    kafka_init();
    redis_init();
    process_init();
    for (int r = 0; r < SIM_RECORDS; r++)
        world.source[r].id = ids[r];
}

void schedule_run(uint64_t seed, bool t1, bool trace)
{
    schedule_begin(seed, t1, trace);
    for (int r = 0; r < SIM_RECORDS; r++)
        if (r == 0 || sim_chance(2))
            change_and_read();
    target_init();
    for (int step = 0; step < SIM_STEPS; step++)
        something();
    schedule_finish();
}
