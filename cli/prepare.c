/*
 * prepare — nothing is written to the new system before somebody said --go.
 */
#include "cli/prepare.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/check.h"
#include "cli/truth.h"
#include "remote/rest.h"
#include "stream/control.h"
#include "stream/topics.h"

static int check_topics(const struct migration *migration, struct err *err)
{
    struct topics_plan plan = {NULL, 0};
    if (topics_plan(migration, &plan, err) != 0)
        return -1;
    int count = plan.count;
    char first[TOPIC_NAME_BYTES + 300] = "";
    if (count)
        (void)snprintf(first, sizeof(first), "%s: %s", plan.items[0].topic,
                       plan.items[0].missing ? "does not exist" : plan.items[0].what);
    topics_plan_clear(&plan);
    if (count)
        return err_exit(err, EX_CONFIG, "topic %s; `tandem topics plan` shows all, apply mends",
                        first);
    return 0;
}

static int create_property(struct rest *rest, const struct property_gap *gap, struct err *err)
{
    struct rest_op op;
    int64_t retry_after_ms = 0;
    rest_op_init(&op);
    op.kind = REST_CREATE_PROPERTY;
    op.object = gap->entity->new_object;
    op.property_name = gap->name;
    op.property_unique = gap->unique;
    int failed = rest_start(rest, &op, err) != 0 ||
                 rest_finish(rest, &op, &retry_after_ms, err) != REST_DONE;
    rest_op_clear(&op);
    if (failed)
        return err_wrap(err, "creating the property %s of %s", gap->name, gap->entity->new_object);
    (void)fprintf(stderr, "tandem: created the property %s of %s\n", gap->name,
                  gap->entity->new_object);
    return 0;
}

static int mend_properties(struct rest *rest, const struct migration *migration, bool create,
                           char *ret_words, struct err *err)
{
    for (int i = 0; i < migration->entity_count; i++) {
        struct property_gap gaps[2];
        int count = check_own_properties(rest, &migration->entities[i], gaps, err);
        if (count < 0)
            return -1;
        for (int g = 0; g < count; g++) {
            size_t used = strlen(ret_words);
            if (create && create_property(rest, &gaps[g], err) != 0)
                return -1;
            if (!create)
                (void)snprintf(ret_words + used, PREPARE_WORDS_BYTES - used,
                               "property %s of %s is missing and will be created; ", gaps[g].name,
                               gaps[g].entity->new_object);
        }
    }
    return 0;
}

/* Questions that a changed truth decides. */
static int look_again(struct migration *migration, char *ret_words, struct err *err)
{
    int64_t records = 0;
    if (truth_redecide_changed(migration, &records, err) != 0)
        return -1;
    if (records)
        (void)snprintf(ret_words, PREPARE_WORDS_BYTES,
                       "the truth rules changed: %lld record%s with open questions %s looked at "
                       "again",
                       (long long)records, records == 1 ? "" : "s", records == 1 ? "is" : "are");
    return 0;
}

int prepare(struct migration *migration, bool go, char ret_words[PREPARE_WORDS_BYTES],
            struct err *err)
{
    struct control control = {.exists = false};
    ret_words[0] = '\0';
    if (check_topics(migration, err) != 0 || control_read(migration, &control, err) != 0)
        return -1;
    if (control.go) /* a run that goes on: the properties are apply's daily business */
        return look_again(migration, ret_words, err);
    struct rest *rest = rest_open(migration, migration->new_system, &CLOCK_SYSTEM, err);
    if (!rest)
        return -1;
    int failed = mend_properties(rest, migration, go, ret_words, err);
    rest_close(rest);
    if (failed || (!control.exists && control_prepare(migration, err) != 0))
        return -1;
    if (go)
        return control_go(migration, err);
    size_t used = strlen(ret_words);
    (void)snprintf(ret_words + used, PREPARE_WORDS_BYTES - used,
                   "changes are captured, and nothing is written to %s before `tandem run --go`",
                   migration->new_system->name);
    return 0;
}
