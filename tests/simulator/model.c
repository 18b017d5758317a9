/*
 * model — what must hold, of each field of each record. A write that found a newer version than its process had read is `overtaken`:
 * on T1 the target refuses it, on T3 what it does is an anomaly that the documentation names, not a violation; so are there a change
 * written twice (a request that stores nothing but what we had written there already), and, after a late request and without a history, an edit taken for the late request's (it stands in an intent).
 */
#include "simulator.h"

/* The newest change gives a field the value back that a person entered and we had overtaken. */
bool model_puts_back(const struct target_change *newest)
{
    const struct target_change *ours = newest ? newest->before : NULL;
    while (ours && ours->ours)
        ours = ours->before;
    return ours && ours != newest->before && value_equal(ours->value, newest->value);
}

bool model_write(int r, int f, const struct target_record *was, struct value now, bool overtaken)
{
    world.overtaken[r][f] |= overtaken;
    world.was_late[r] |= overtaken;
    int token = sim_token_of(now), lost = sim_token_of(was->values[f]);
    bool from_old = token >= 0 && world.first[token] > 0;
    struct target_change next = {.value = now, .ours = true, .before = was->histories[f]};
    if (from_old && world.last[token] < world.ours[r][f] && !model_puts_back(&next))
        sim_violation(VIOLATION_BACKWARDS, overtaken, "record %d field %d", r, f);
    else if (from_old && world.first[token] > world.ours[r][f] && !model_puts_back(&next))
        world.ours[r][f] = world.first[token]; /* at least: it may have been there twice */
    bool again =
        token >= 0 && value_equal(was->values[f], now) && world.wrote[r][f] == world.last[token];
    world.wrote[r][f] = token >= 0 ? world.last[token] : 0;
    bool decided = sim_entity.truth_count && sim_entity.truth[0].choice != TRUTH_REVIEW;
    if (was->human_at[f] && lost >= 0 && world.human[lost] && !world.blanked[r][f] &&
        token != lost && !(decided && world.traced[lost])) {
        world.owed_by[lost] = r;
        world.owed[lost] = overtaken && world.histories && !world.beyond[r];
        sim_violation(VIOLATION_BLIND, overtaken || (world.was_late[r] && world.traced[lost]),
                      "record %d field %d: token %d", r, f, lost);
    }
    return again;
}

void model_create(const struct target_record *made)
{
    for (int r = 0; r < SIM_RECORDS; r++) {
        struct row row;
        if (span_is(made->external_id, world.source[r].id) && redis_row(r, &row) && row.deleted)
            world.created_late[r] = true;
    }
    for (const struct target_record *t = world.targets; t < world.targets + world.target_count; t++)
        if (t != made && t->exists &&
            (span_equal(t->external_id, made->external_id) ||
             (t->ours && !t->human_at[F_EMAIL] &&
              value_equal(t->values[F_EMAIL], made->values[F_EMAIL]))))
            sim_violation(VIOLATION_DOUBLE, false, "targets %s and %s are one", t->id, made->id);
}

/* A twin is ended: with nothing in it that only a person in the new system entered. overtaken: edited after the process had read it. */
void model_archive(const struct target_record *was, bool overtaken)
{
    for (int r = 0; r < SIM_RECORDS; r++) {
        if (!span_is(was->external_id, world.source[r].id))
            continue;
        memset(world.ours[r], 0, sizeof world.ours[r]); /* what is created now is another record */
        memset(world.wrote[r], 0, sizeof world.wrote[r]);
        for (int f = 0; f < SIM_FIELDS; f++) {
            int token = sim_token_of(was->values[f]);
            bool persons = was->human_at[f] && token >= 0 && world.human[token];
            bool agreed = world.blanked[r][f] || sim_entity.truth_count;
            if (persons && !agreed && !overtaken)
                sim_violation(VIOLATION_BLIND, world.was_late[r], "record %d field %d: archived", r,
                              f);
        }
    }
}

/*
 * Deleted in the old system: archived, or asked, or kept as the policy says. A create that is executed when its record was deleted already
 * is beyond every condition: there is nothing to compare with.
 */
static void end_of_deleted(int r, const struct row *row, bool known)
{
    bool ends = sim_entity.deletes == DELETES_ARCHIVE || sim_entity.deletes == DELETES_DELETE;
    for (int t = 0; t < world.target_count; t++)
        if (ends && world.targets[t].exists && known && !row->held_count &&
            !world.created_late[r] && span_is(world.targets[t].external_id, world.source[r].id))
            sim_violation(VIOLATION_LOST, world.was_late[r], "record %d: %s is not archived", r,
                          world.targets[t].id);
}

/* Both sides say the same; or a person's later edit stands; or it is asked; or the truth declared decided it. */
static void end_of_field(int r, int f, const struct row *row, const struct target_record *target,
                         bool looked)
{
    struct value want = target_stores(f, world.source[r].values[f]);
    const struct truth_rule *rule = truth_rule_at(&sim_entity, f, world.now_ms);
    bool by_old = rule && rule->choice == TRUTH_OLD, by_new = rule && rule->choice == TRUTH_NEW;
    bool newest = rule && rule->choice == TRUTH_NEWEST, decided = by_old || by_new;
    int token = sim_token_of(want);
    bool asked = false, edited = target->human_at[f] > 0;
    for (int h = 0; h < row->held_count; h++)
        asked = asked ||
                (row->held[h].field == f && (!decided || row->held[h].class_ == HELD_UNCONFIRMED));
    bool later = token < 0 || target->human_at[f] > world.first[token];
    bool kept = edited && (later || (newest && world.silent[r]));
    kept = kept && !(looked && by_old && rule->enforce && want.kind == VALUE_SET);
    if (!asked && !kept && !(edited && by_new) && !value_equal(want, target->values[f]))
        sim_violation(VIOLATION_LOST, world.overtaken[r][f] && !(looked && world.histories),
                      "record %d field %d of %s", r, f, target->id);
}

void model_end(bool looked)
{
    bool open[SIM_RECORDS] = {false};
    for (int r = 0; r < SIM_RECORDS; r++) {
        struct row row = {0};
        bool found = false, known = redis_row(r, &row);
        bool whole = known && row.held_count && row.held[0].field < 0;
        open[r] = whole;
        if (known && !whole && row.deleted != !world.source[r].exists)
            sim_violation(VIOLATION_LOST, false, "record %d: deleted %d", r, row.deleted);
        bool excused = whole && (row.held[0].class_ == HELD_TWIN_GONE ? world.twin_deleted[r]
                                                                      : world.collided[r]);
        if (!world.source[r].exists)
            end_of_deleted(r, &row, known);
        excused = excused || (!looked && (world.beyond[r] || world.taken_over[r]));
        for (int t = 0; t < world.target_count && world.source[r].exists && !excused; t++)
            if (world.targets[t].exists &&
                span_is(world.targets[t].external_id, world.source[r].id) &&
                (!world.twin_deleted[r] || span_is(row.twin, world.targets[t].id))) {
                found = true;
                for (int f = 0; f < SIM_FIELDS; f++)
                    end_of_field(r, f, &row, &world.targets[t], looked);
            }
        if (world.source[r].exists && !found && !excused && !world.twin_deleted[r])
            sim_violation(VIOLATION_LOST, false, "record %d is not in the target", r);
    }
    /* A record that is a question as a whole is looked at when that is decided: its row keeps the operation. */
    for (int token = 0; looked && token < world.tokens; token++)
        if (world.owed[token] && !world.traced[token] && !open[world.owed_by[token]])
            sim_violation(VIOLATION_BLIND, false, "token %d was overtaken, and nothing tells of it",
                          token);
}
