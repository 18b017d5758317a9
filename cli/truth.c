/*
 * tandem truth — which system is right about what: the declaration as sentences, and what it would make of the open questions.
 */
#include "cli/truth.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/columns.h"
#include "cli/command.h"
#include "cli/scan.h"

enum { FIELD_COLUMNS = 20, CLASS_COLUMNS = 15 };

struct truth_options {
    const char *entity; /* NULL: all */
    bool dry_run, redecide, as_json;
};

static bool is_wanted(const struct truth_options *options, const struct entity *entity)
{
    return !options->entity || strcmp(options->entity, entity->name) == 0;
}

/* ---- the declaration ---- */

static json_t *rule_json(const struct entity *entity, const struct truth_rule *rule)
{
    bool every = rule->field == TRUTH_EVERY_FIELD;
    json_t *object =
        json_pack("{s:s, s:s}", "field", every ? "*" : entity->fields[rule->field].name, "rule",
                  rule->enforce ? "enforce" : truth_choice_name(rule->choice));
    if (rule->from_ms != TRUTH_ALWAYS)
        (void)json_object_set_new(object, "from_ms", json_integer(rule->from_ms));
    return object;
}

static void declare(const struct migration *migration, const struct entity *entity,
                    const struct truth_options *options, json_t *all)
{
    struct buf text;
    buf_init(&text, 0);
    truth_sentences(migration, entity, &text);
    if (options->as_json) {
        json_t *rules = json_array();
        for (int i = 0; i < entity->truth_count; i++)
            (void)json_array_append_new(rules, rule_json(entity, &entity->truth[i]));
        (void)json_array_append_new(all,
                                    json_pack("{s:s, s:o, s:s}", "entity", entity->name, "rules",
                                              rules, "text", text.data ? text.data : ""));
    } else {
        (void)fputs(text.data ? text.data : "", stdout);
    }
    buf_clear(&text);
}

/* ---- the dry run ---- */

static const char *field_name(const struct entity *entity, const struct truth_group *group)
{
    return group->field < 0 ? "(the record)" : entity->fields[group->field].name;
}

static void print_group(const struct migration *migration, const struct entity *entity,
                        const struct truth_group *group)
{
    int64_t open = 0;
    struct buf line;
    buf_init(&line, 0);
    buf_puts(&line, "  ");
    columns_put(&line, span_of(field_name(entity, group)), FIELD_COLUMNS, FIELD_COLUMNS);
    columns_put(&line, span_of(held_class_name(group->class_)), CLASS_COLUMNS, CLASS_COLUMNS);
    for (int o = 0; o < TRUTH_OPEN_COUNT; o++)
        open += group->count[o];
    buf_printf(&line, "%7" PRId64 " open", open);
    if (group->count[TRUTH_OPEN_OLD])
        buf_printf(&line, "; %" PRId64 " would close with the value of %s",
                   group->count[TRUTH_OPEN_OLD], migration->old_system->name);
    if (group->count[TRUTH_OPEN_NEW])
        buf_printf(&line, "; %" PRId64 " would close with the value of %s",
                   group->count[TRUTH_OPEN_NEW], migration->new_system->name);
    for (int o = TRUTH_OPEN_NOT_BY_RULE; o < TRUTH_OPEN_COUNT; o++)
        if (group->count[o])
            buf_printf(&line, "; %" PRId64 " would stay: %s", group->count[o],
                       truth_open_words((enum truth_open)o));
    puts(line.data ? line.data : "");
    buf_clear(&line);
}

static json_t *group_json(const struct entity *entity, const struct truth_group *group)
{
    json_t *stays = json_object();
    for (int o = TRUTH_OPEN_NOT_BY_RULE; o < TRUTH_OPEN_COUNT; o++)
        if (group->count[o])
            (void)json_object_set_new(stays, truth_open_name((enum truth_open)o),
                                      json_integer(group->count[o]));
    return json_pack("{s:s?, s:s, s:I, s:I, s:o}", "field",
                     group->field < 0 ? NULL : entity->fields[group->field].name, "class",
                     held_class_name(group->class_), "closes_old",
                     (json_int_t)group->count[TRUTH_OPEN_OLD], "closes_new",
                     (json_int_t)group->count[TRUTH_OPEN_NEW], "stays", stays);
}

static int try_rules(struct migration *migration, const struct entity *entity,
                     const struct truth_options *options, json_t *all, struct err *err)
{
    struct truth_counts counts;
    struct arena arena;
    arena_init(&arena);
    int failed = truth_count(migration, entity, NULL, NULL, &arena, &counts, err);
    if (!failed && options->as_json) {
        json_t *groups = json_array();
        for (int g = 0; g < counts.group_count; g++)
            (void)json_array_append_new(groups, group_json(entity, &counts.groups[g]));
        (void)json_array_append_new(all, json_pack("{s:s, s:I, s:I, s:I, s:o}", "entity",
                                                   entity->name, "open", (json_int_t)counts.open,
                                                   "closes", (json_int_t)counts.closes, "records",
                                                   (json_int_t)counts.records, "groups", groups));
    } else if (!failed) {
        printf("%s: %" PRId64 " open question%s, %" PRId64 " would close\n", entity->name,
               counts.open, counts.open == 1 ? "" : "s", counts.closes);
        for (int g = 0; g < counts.group_count; g++)
            print_group(migration, entity, &counts.groups[g]);
    }
    arena_clear(&arena);
    return failed;
}

/* ---- the command ---- */

static int each(struct migration *migration, const struct truth_options *options, struct err *err)
{
    json_t *all = json_array();
    int failed = options->dry_run ? scan_ready(migration, err) : 0;
    for (int i = 0; i < migration->entity_count && !failed; i++) {
        const struct entity *entity = &migration->entities[i];
        if (!is_wanted(options, entity))
            continue;
        if (options->dry_run)
            failed = try_rules(migration, entity, options, all, err);
        else
            declare(migration, entity, options, all);
    }
    if (!failed && options->as_json) {
        (void)json_dumpf(all, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    }
    json_decref(all);
    return failed;
}

static int redecide(struct migration *migration, const struct truth_options *options,
                    struct err *err)
{
    int64_t records = 0;
    if (scan_ready(migration, err) != 0 ||
        truth_redecide(migration, options->entity, &records, err) != 0)
        return -1;
    printf("asked for %" PRId64 " record%s: tandem-poll reads and tandem-apply decides %s, by the "
           "rules that apply was started with\n",
           records, records == 1 ? "" : "s", records == 1 ? "it" : "them");
    return 0;
}

static int run_truth(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default();
    struct truth_options options = {0};
    const struct flag flags[] = {
        FLAG_CONFIG(&path),
        {"entity", FLAG_STRING, &options.entity, 0, 0, "NAME", "only of this entity"},
        {"dry-run", FLAG_BOOL, &options.dry_run, 0, 0, NULL,
         "how many open questions these rules would close, and why not the others"},
        {"redecide", FLAG_BOOL, &options.redecide, 0, 0, NULL,
         "have the records whose questions close looked at again, now"},
        {"json", FLAG_BOOL, &options.as_json, 0, 0, NULL, "for scripts"},
        {0}};
    int exit_code = 0;
    struct err err = ERR_INIT;
    if (command_parse(self, flags, argc, argv, &exit_code) < 0)
        return exit_code;
    if (options.redecide && (options.dry_run || options.as_json)) {
        (void)fputs("tandem: --redecide stands alone; --dry-run tells before what it would do\n",
                    stderr);
        return EX_USAGE;
    }
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    if (options.entity && !migration_entity(migration, options.entity)) {
        (void)fprintf(stderr, "tandem: %s has no entity \"%s\"\n", path, options.entity);
        exit_code = EX_USAGE;
    } else if ((options.redecide ? redecide : each)(migration, &options, &err) != 0) {
        exit_code = command_fail(&err);
    }
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_TRUTH = {
    "truth", "", "which system is right about what, and what that would decide",
    "Without a flag: the truth rules of the configuration as sentences that people can be sent.\n"
    "Asks nobody, writes nothing.\n\n"
    "--dry-run counts, per field and class, the open questions that the rules of THIS file would\n"
    "close, whatever rules they were left open under: edit a copy of the configuration and name "
    "it\n"
    "with --config. It reads <ns>.state, and where a rule says newest the histories of the new\n"
    "system (within its limits); it writes nothing. A rule holds for the moment of a change: one\n"
    "that begins tomorrow closes nothing that was asked yesterday.\n\n"
    "Rules take effect when the processes are started with them. `tandem run` has every record\n"
    "looked at again then whose question had another rule. Where systemd or Kubernetes starts the\n"
    "processes, restart tandem-apply and say --redecide: a hint to <ns>.hints.<entity> for "
    "each.\n\n"
    "  tandem truth --config acme.cfg\n"
    "  tandem truth --dry-run --config acme-new-rules.cfg\n"
    "  tandem truth --redecide --config acme.cfg --entity contact",
    run_truth};
