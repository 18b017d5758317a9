/*
 * script — runs without chance: what long runs of schedules found on T3 and what was mended since, one cause each, step by step. The model
 * judges as ever; each of these fails when its rule is taken out of consumers/apply.
 */
#include <stdio.h>
#include <string.h>

#include "simulator.h"

enum { A = 0 };

/* ---- the steps ---- */

static void change(int field)
{
    world.now_ms += 1000;
    source_set(A, field, false);
}

static void read_and_publish(void)
{
    world.now_ms += 1000;
    source_capture(A, PASS_INCREMENTAL);
    source_publish(true);
}

static void changed(int field)
{
    change(field);
    read_and_publish();
}

static void first_event(void)
{
    for (int f = 0; f < SIM_FIELDS; f++)
        source_set(A, f, false);
    read_and_publish();
}

static void person(int field)
{
    target_set(0, field, sim_value(field, sim_token(true), true));
}

/* Until it stands there, having done nothing of what comes after. */
static void run_to(int process, const char *where)
{
    world.script.stop_at = where;
    for (int i = 0; i < 50 && world.script.stop_at; i++)
        process_run(process);
    if (world.script.stop_at)
        sim_violation(VIOLATION_STUCK, false, "process %d never comes to %s", process, where);
    world.script.stop_at = NULL;
}

static void run_until_idle(int process)
{
    for (int i = 0; i < 50; i++)
        process_run(process);
}

static void fate(enum sim_fate fate)
{
    world.script.fates[world.script.fate_count++] = fate;
}

static void truth(enum truth_choice choice)
{
    sim_truth.choice = choice;
    sim_truth.enforce = false;
    sim_entity.truth_count = 1;
}

/* What a person entered stands there, as she entered it. */
static void stands(int field)
{
    int token = sim_token_of(world.targets[0].values[field]);
    if (token < 0 || !world.human[token])
        sim_violation(VIOLATION_BLIND, false, "field %d is not what a person entered", field);
}

/* Overtake the edit that a person makes while the write of this change is on its way. */
static void race(int field)
{
    changed(field);
    run_to(0, "target.sending");
    person(field);
}

/* ---- the scripts ---- */

static void put_back_is_not_ours(void)
{
    world.script.no_values = true; /* nobody saw what the create stored */
    first_event();
    run_until_idle(0);
    race(F_CITY);
    run_until_idle(0);
    changed(F_TITLE);
    run_until_idle(0);
    stands(F_CITY);
}

static void put_back_is_told(void)
{
    first_event();
    target_add(A);
    fate(FATE_LATE);
    run_until_idle(0);
    person(F_TITLE);
    target_execute_late(true);
    world.now_ms += 1000;
    source_set(A, F_TITLE, true);
    read_and_publish();
    run_until_idle(0);
}

static void restore_is_not_executed(void)
{
    truth(TRUTH_NEW);
    first_event();
    run_until_idle(0);
    fate(FATE_FINE);
    fate(FATE_NOT_SENT);
    race(F_TITLE);
    run_until_idle(0);
    changed(F_TITLE);
    run_until_idle(0);
}

static void restore_overtakes(void)
{
    first_event();
    run_until_idle(0);
    fate(FATE_FINE);
    fate(FATE_LATE);
    race(F_TITLE);
    run_until_idle(0);
    person(F_TITLE);
    target_execute_late(true);
    world.now_ms += 5000;
    run_until_idle(0);
}

/* A process that stands before its request while another one does the same: then its request leaves. */
static void former_owner(void)
{
    first_event();
    run_to(0, "target.sending");
    redis_flush();
    world.owner = 1;
    run_until_idle(1);
}

static void late_request_writes_what_stood_there(void)
{
    former_owner();
    person(F_CITY);
    process_run(0);
    changed(F_TITLE);
    run_until_idle(1);
}

static void late_request_between_read_and_write(void)
{
    truth(TRUTH_NEW);
    former_owner();
    person(F_CITY);
    world.now_ms += 1;
    source_set(A, F_TITLE, false);
    source_set(A, F_CITY, false);
    source_capture(A, PASS_INCREMENTAL);
    source_publish(true);
    run_to(1, "target.sending");
    process_run(0);
    run_until_idle(1);
    world.now_ms += 1000;
    run_until_idle(1);
}

static void late_request_hides_an_unknown_one(void)
{
    truth(TRUTH_NEW);
    world.histories = false;
    for (int f = 0; f < SIM_FIELDS; f++)
        source_set(A, f, false);
    target_add(A);
    read_and_publish();
    run_to(0, "target.sending");
    world.owner = 1;
    world.now_ms += 5000;
    run_until_idle(1);
    changed(F_EMAIL);
    run_to(1, "target.answered");
    process_crash(1);
    process_run(0); /* it leaves now */
    run_until_idle(1);
    changed(F_EMAIL);
    run_until_idle(1);
    world.now_ms += 5000;
}

static const struct {
    const char *name;
    void (*run)(void);
} SCRIPTS[] = {
    {"what we put back is not what we sent", put_back_is_not_ours},
    {"what is put back is told, whatever the merge says", put_back_is_told},
    {"an edit is put back by an operation that is not executed", restore_is_not_executed},
    {"an edit is overtaken while another one is put back", restore_overtakes},
    {"a late request writes what stood there", late_request_writes_what_stood_there},
    {"a late request between our read and our write", late_request_between_read_and_write},
    {"a late request writes over the marker of an unknown one", late_request_hides_an_unknown_one},
};

int script_run_all(const char *name)
{
    int bad = 0;
    for (size_t i = 0; i < sizeof SCRIPTS / sizeof SCRIPTS[0]; i++) {
        if (name && strcmp(name, SCRIPTS[i].name) != 0)
            continue;
        schedule_begin(1, false, name != NULL);
        world.script.on = true;
        world.histories = true;
        sim_entity.truth_count = 0;
        SCRIPTS[i].run();
        schedule_finish();
        bool failed = false;
        for (int v = 0; v < VIOLATION_COUNT; v++)
            failed = failed || world.violations[v] > 0;
        printf("%s: %s\n", failed ? "VIOLATION" : "ok", SCRIPTS[i].name);
        bad += failed;
    }
    return bad;
}
