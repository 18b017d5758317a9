/*
 * process — tandem-apply as coroutines: the consumer loop around the real handler, which yields at every failpoint and around every
 * write. A process that is not resumed is a stopped one; one that is forgotten was killed.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/failpoint.h"
#include "simulator.h"
#include "stream/handler.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

extern const struct handler_type handler_apply;
long process_crashes;

enum { STACK_BYTES = 1024 * 1024, BLOCKS_MAX = 64, BATCH_MAX = 4, KEEP_DIRTY_BYTES = 512 * 1024 };

/* What apply's own callocs give: kept from run to run, because a batch takes and gives back megabytes. */
struct block {
    void *memory;
    size_t bytes;
    bool used;
};

struct process {
    bool alive, stopped, assigned, idle;
    ucontext_t context;
    void *stack;
    void *self;
    int64_t position;
    int generation;
    const char *at;
    struct block blocks[BLOCKS_MAX];
};
static struct process processes[SIM_PROCESSES];
static ucontext_t scheduler;
static int current = -1;

int process_current(void)
{
    return current;
}

/* ---- memory of apply/ (the build renames calloc, malloc and free there) ---- */

void *sim_calloc(size_t count, size_t bytes);
void *sim_malloc(size_t bytes);
void sim_free(void *memory);

void *sim_malloc(size_t bytes)
{
    struct process *process = &processes[current];
    struct block *empty = NULL;
    for (int i = 0; i < BLOCKS_MAX; i++) {
        struct block *block = &process->blocks[i];
        if (!block->memory)
            empty = empty ? empty : block;
        else if (!block->used && block->bytes >= bytes && block->bytes <= 2 * bytes + 64) {
            block->used = true;
            return block->memory;
        }
    }
    if (!empty)
        abort();
    *empty = (struct block){calloc(1, bytes), bytes, true};
    return empty->memory;
}

/* The works of a batch, the one thing of this size, are assigned whole before they are read. */
void *sim_calloc(size_t count, size_t bytes)
{
    void *memory = sim_malloc(count * bytes);
    if (count * bytes <= KEEP_DIRTY_BYTES)
        memset(memory, 0, count * bytes);
    return memory;
}

void sim_free(void *memory)
{
    for (int p = 0; p < SIM_PROCESSES; p++)
        for (int i = 0; memory && i < BLOCKS_MAX; i++)
            if (processes[p].blocks[i].memory == memory)
                processes[p].blocks[i].used = false;
}

/* ---- switching ---- */

static void switch_to(ucontext_t *from, ucontext_t *to, const void *stack, size_t bytes)
{
#if defined(__SANITIZE_ADDRESS__)
    void *fake = NULL;
    __sanitizer_start_switch_fiber(&fake, stack, bytes);
    (void)swapcontext(from, to);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#else
    (void)stack, (void)bytes;
    (void)swapcontext(from, to);
#endif
}

static void yield(const char *where)
{
    struct process *process = &processes[current];
    process->at = where;
#if defined(__SANITIZE_ADDRESS__)
    extern const void *process_main_stack;
    extern size_t process_main_bytes;
    switch_to(&process->context, &scheduler, process_main_stack, process_main_bytes);
#else
    switch_to(&process->context, &scheduler, NULL, 0);
#endif
}
const void *process_main_stack;
size_t process_main_bytes;

void process_yield(const char *where)
{
    bool here = world.script.stop_at && strcmp(world.script.stop_at, where) == 0;
    if (here)
        world.script.stop_at = NULL;
    if (here || (!world.quiet && sim_chance(4)))
        yield(where);
}

void failpoint_pass(const char *name)
{
    process_yield(name);
}

/* ---- the consumer loop ---- */

static int64_t clock_now(void *self)
{
    (void)self;
    return world.now_ms;
}
static const struct clock sim_clock = {clock_now, clock_now, NULL};

static bool failed(const char *what, const struct err *err)
{
    if (err->kind == ERR_FATAL || err->kind == ERR_REJECT)
        sim_violation(VIOLATION_STUCK, false, "%s: %s", what, err->text);
    else if (err->kind != ERR_NONE)
        sim_log("  %s: %s", what, err->text);
    return err->kind != ERR_NONE;
}

/* Who was away while another one owned it is told by the generation. */
static bool is_owner(const struct process *process, int number)
{
    return world.owner == number && process->generation == world.generation;
}

static void follow_group(struct process *process, int number)
{
    struct err err = ERR_INIT;
    if (process->assigned && !is_owner(process, number)) {
        handler_apply.revoked(process->self, &sim_entity, 0);
        process->assigned = false;
        sim_log("process %d: partition revoked", number);
    }
    if (process->assigned || world.owner != number)
        return;
    (void)handler_apply.assigned(process->self, &sim_entity, 0, &err);
    if (failed("assigned", &err))
        return;
    process->assigned = true;
    process->generation = world.generation;
    process->position = world.committed;
    sim_log("process %d: partition assigned, from %d", number, (int)process->position);
}

static bool consume(struct process *process, int number)
{
    struct message messages[BATCH_MAX];
    struct err err = ERR_INIT;
    int64_t retry_after_ms = 0;
    int n = 0;
    while (n < BATCH_MAX && process->position + n < world.changes.count) {
        struct sim_message *from = &world.changes.messages[process->position + n];
        messages[n] = (struct message){.kind = TOPIC_CHANGES,
                                       .entity = &sim_entity,
                                       .topic = world.changes.name,
                                       .offset = process->position + n,
                                       .key = from->key,
                                       .value = from->value};
        n++;
    }
    if (n == 0)
        return false;
    (void)handler_apply.batch(process->self, messages, n, &retry_after_ms, &err);
    if (failed("batch", &err))
        return true;
    process->position += n;
    if (is_owner(process, number)) /* else the group refuses it */
        world.committed = process->position;
    return true;
}

static void run(int number)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, &process_main_stack, &process_main_bytes);
#endif
    struct process *process = &processes[number];
    static const char *const names[SIM_PROCESSES] = {"0", "1"};
    struct handler_context context = {
        .migration = &sim_migration, .clock = &sim_clock, .instance = names[number]};
    struct err err = ERR_INIT;
    process->self = sim_calloc(1, handler_apply.size);
    (void)handler_apply.open(process->self, &context, &err);
    (void)failed("open", &err);
    for (;;) {
        int64_t retry_after_ms = 0;
        follow_group(process, number);
        bool busy = process->assigned && consume(process, number);
        err_clear(&err);
        (void)handler_apply.idle(process->self, &retry_after_ms, &err);
        bool again = failed("idle", &err);
        process->idle = !busy && !again && process->assigned == (world.owner == number) &&
                        (!process->assigned || is_owner(process, number));
        yield("idle");
        process->idle = false;
    }
}

/* ---- what the schedule does to it ---- */

static void start(int number)
{
    struct process *process = &processes[number];
    if (!process->stack)
        process->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (process->stack == MAP_FAILED)
        abort();
    process->alive = true;
    process->stopped = process->assigned = process->idle = false;
    process->position = 0;
    (void)getcontext(&process->context);
    process->context.uc_stack.ss_sp = process->stack;
    process->context.uc_stack.ss_size = STACK_BYTES;
    process->context.uc_link = NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-function-type"
    makecontext(&process->context, (void (*)(void))run, 1, number);
#pragma GCC diagnostic pop
    sim_log("process %d starts", number);
}

void process_run(int number)
{
    struct process *process = &processes[number];
    if (process->stopped)
        return;
    current = number;
    if (!process->alive)
        start(number);
    switch_to(&scheduler, &process->context, process->stack, STACK_BYTES);
    current = -1;
    if (strcmp(process->at, "idle") != 0)
        sim_log("process %d stands at %s", number, process->at);
}

static void forget(int number)
{
    struct process *process = &processes[number];
    if (!process->alive)
        return;
    current = number;
    if (process->self)
        handler_apply.close(process->self);
    current = -1;
    process->alive = process->stopped = process->idle = false;
    process->self = NULL;
    for (int i = 0; i < BLOCKS_MAX; i++)
        process->blocks[i].used = false;
}

void process_crash(int number)
{
    if (!processes[number].alive)
        return;
    sim_log("process %d is killed at %s", number, processes[number].at);
    kafka_process_stops(number);
    forget(number);
    process_crashes++;
}

void process_stop(int number)
{
    struct process *process = &processes[number];
    if (!process->alive)
        return;
    process->stopped = !process->stopped;
    if (process->stopped)
        kafka_process_stops(number);
    sim_log("process %d is %s at %s", number, process->stopped ? "stopped" : "resumed",
            process->at);
}

const char *process_at(int number)
{
    return processes[number].at;
}

bool process_is_idle(int number)
{
    return processes[number].idle;
}

void process_give(int number)
{
    world.generation += world.owner != number;
    world.owner = number;
}

bool process_is_stopped(int number)
{
    return processes[number].stopped;
}

void process_init(void)
{
    for (int p = 0; p < SIM_PROCESSES; p++)
        processes[p].at = "start";
}

void process_end(void)
{
    for (int p = 0; p < SIM_PROCESSES; p++)
        forget(p);
}
