/*
 * script — runs without chance: what long runs of schedules found and what was mended since, one cause each, step by step. The model
 * judges as ever; each of these fails when its rule is taken out of consumers/apply.
 */
#include <stdio.h>
#include <string.h>

#include "simulator.h"

enum { A = 0, B = 1 };

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
    process_give(1);
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
    process_give(1);
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

/* The old system's newest value, and somebody types the same in the new one: a new content of which nothing is left to be written. */
static void changed_on_both_sides(int field)
{
    world.now_ms += 10;
    source_set(A, field, false);
    source_capture(A, PASS_INCREMENTAL);
    source_publish(true);
    target_set(0, field, world.source[A].values[field]);
}

/* The other process takes the partition; then the former owner's row comes, which is refused. */
static void refused(int former, int owner)
{
    process_give(owner);
    run_to(owner, "apply.assigned");
    process_run(former);
    run_until_idle(owner);
}

static void refused_row_names_its_operation(void)
{
    first_event();
    run_until_idle(0);
    world.script.no_values = true;
    changed(F_TITLE);
    run_to(0, "apply.state_put");
    process_give(1);
    run_to(1, "apply.assigned");
    process_run(0);
    process_crash(1);
    process_give(0); /* who reads the row when it is refused already */
    run_until_idle(0);
    changed_on_both_sides(F_CITY);
    run_until_idle(0);
}

static void refused_row_tells_what_was_sent(void)
{
    first_event();
    fate(FATE_BUSY);
    run_until_idle(0);
    world.now_ms += 1500;
    fate(FATE_REPLY_LOST);
    run_to(0, "target.answered");
    refused(0, 1);
    changed_on_both_sides(F_CITY);
    run_until_idle(1);
}

/* A person's record, of which the city is a question from the start. */
static void first_meeting(void)
{
    for (int f = 0; f < SIM_FIELDS; f++)
        source_set(A, f, false);
    target_add(A);
    person(F_CITY);
    read_and_publish();
}

static void changed_at_once(int field)
{
    world.now_ms += 10;
    source_set(A, field, false);
    source_capture(A, PASS_INCREMENTAL);
    source_publish(true);
}

static void executed_after_it_was_looked_for(void)
{
    first_meeting();
    run_to(0, "target.sending");
    process_give(1);
    run_until_idle(1);
    changed_at_once(F_CITY);
    run_until_idle(1);
    world.now_ms += 5000;
    run_to(1, "apply.sending");
    process_run(0); /* it leaves now: what the other one has read is not so any more */
    run_until_idle(1);
}

static void refused_row_of_the_same_content(void)
{
    first_meeting();
    fate(FATE_NOT_SENT);
    run_to(0, "apply.state_put");
    process_give(1);
    world.now_ms += 3000;
    run_to(1, "target.answered");
    process_crash(1);
    redis_flush();
    changed_at_once(F_CITY);
    process_run(0);
    run_until_idle(1);
}

static void late_create_over_a_refused_rows(void)
{
    truth(TRUTH_NEW);
    world.script.no_values = true;
    first_event();
    run_to(0, "target.sending");
    process_give(1);
    run_until_idle(1);
    changed_at_once(F_EMAIL);
    run_until_idle(1);
    world.now_ms += 5000;
    run_to(1, "apply.state_put");
    process_give(0);
    process_run(0); /* it leaves now, over what the other one has created */
    changed_at_once(F_TITLE);
    run_until_idle(0);
    process_run(1);
    run_until_idle(0);
}

/* It lies between two rows of the owner, who loses the partition before he has read it. */
static void late_row_that_no_owner_read(void)
{
    first_event();
    run_to(0, "apply.state_put");
    process_give(1);
    run_until_idle(1);
    world.now_ms += 5000;
    run_until_idle(1);
    for (int f = 0; f < SIM_FIELDS; f++)
        source_set(B, f, false);
    source_capture(B, PASS_INCREMENTAL);
    source_publish(true);
    run_to(1, "apply.state_put");
    process_run(0);
    run_to(1, "apply.redis_finished");
    process_crash(1);
    process_give(0);
    run_until_idle(0);
}

/* Its owner looked, found nothing, and died before Redis was told that the operation is over. */
static void operation_of_a_deleted_record(void)
{
    sim_unique_email(false);
    first_event();
    run_until_idle(0); /* it waits for the index: its event is not on its way any more */
    world.now_ms += 5000;
    fate(FATE_NOT_SENT);
    run_to(0, "apply.answered");
    process_crash(0);
    source_delete(A);
    read_and_publish();
    world.now_ms += 5000;
    run_to(0, "apply.state_settled");
    process_crash(0);
    run_until_idle(0);
}

static const struct {
    const char *name;
    void (*run)(void);
    bool t1;
} SCRIPTS[] = {
    {"what we put back is not what we sent", put_back_is_not_ours, false},
    {"what is put back is told, whatever the merge says", put_back_is_told, false},
    {"an edit is put back by an operation that is not executed", restore_is_not_executed, false},
    {"an edit is overtaken while another one is put back", restore_overtakes, false},
    {"a late request writes what stood there", late_request_writes_what_stood_there, false},
    {"a late request between our read and our write", late_request_between_read_and_write, false},
    {"a late request writes over the marker of an unknown one", late_request_hides_an_unknown_one,
     false},
    {"a late create over what only a refused row tells of", late_create_over_a_refused_rows, false},
    {"a refused row names its operation", refused_row_names_its_operation, true},
    {"a refused row tells what was sent", refused_row_tells_what_was_sent, true},
    {"an operation is executed after it was looked for", executed_after_it_was_looked_for, true},
    {"a refused row of the same content", refused_row_of_the_same_content, true},
    {"a former owner's row that no owner has read", late_row_that_no_owner_read, true},
    {"an operation of a record that is deleted since", operation_of_a_deleted_record, false},
};

int script_run_all(const char *name)
{
    int bad = 0;
    for (size_t i = 0; i < sizeof SCRIPTS / sizeof SCRIPTS[0]; i++) {
        if (name && strcmp(name, SCRIPTS[i].name) != 0)
            continue;
        schedule_begin(1, SCRIPTS[i].t1, name != NULL);
        world.script.on = true;
        world.histories = true;
        sim_entity.truth_count = 0;
        sim_unique_email(SCRIPTS[i].t1 || sim_entity.fields[F_EMAIL].unique_in_new);
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
