/*
 * tandem pause, tandem resume — nothing more is written to the new system for a while. Capture goes on.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/command.h"
#include "stream/kafka.h"
#include "stream/pause.h"

enum { ANSWER_TIMEOUT_MS = 4000 };

static bool has_entity(const struct migration *migration, const char *entity)
{
    for (int i = 0; entity && i < migration->entity_count; i++)
        if (strcmp(migration->entities[i].name, entity) == 0)
            return true;
    if (!entity)
        return true;
    (void)fprintf(stderr, "tandem: the migration has no entity \"%s\"; it has:", entity);
    for (int i = 0; i < migration->entity_count; i++)
        (void)fprintf(stderr, " %s", migration->entities[i].name);
    (void)fputs("\n", stderr);
    return false;
}

static int set(const struct migration *migration, const char *entity, bool on, const char *why)
{
    char who[COMMAND_WHO_BYTES];
    struct err err = ERR_INIT;
    if (!has_entity(migration, entity))
        return EX_USAGE;
    command_who(who);
    if (kafka_probe(migration, ANSWER_TIMEOUT_MS, &err) != 0 ||
        pause_set(migration, entity, on, who, why, &err) != 0)
        return command_fail(&err);
    const char *what = entity ? entity : migration->ns;
    if (on)
        printf("%s is paused: nothing more of it is written to %s; what changes meanwhile is "
               "captured.\nA batch under way is finished first; `tandem status` tells. "
               "`tandem resume%s%s` goes on.\n",
               what, migration->new_system->name, entity ? " --entity " : "", entity ? entity : "");
    else
        printf("%s goes on\n", what);
    return 0;
}

static int run(const struct command *self, int argc, char **argv, bool on)
{
    const char *path = command_config_default(), *entity = NULL, *why = "";
    const struct flag flags[] = {
        FLAG_CONFIG(&path),
        {"entity", FLAG_STRING, &entity, 0, 0, "NAME", "only this entity; else all of them"},
        {on ? "why" : NULL, FLAG_STRING, &why, 0, 0, "TEXT", "shown by status, for the others"},
        {0}};
    int exit_code = 0;
    if (command_parse(self, flags, argc, argv, &exit_code) < 0)
        return exit_code;
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    exit_code = set(migration, entity, on, why);
    migration_close(migration);
    return exit_code;
}

static int run_pause(const struct command *self, int argc, char **argv)
{
    return run(self, argc, argv, true);
}

static int run_resume(const struct command *self, int argc, char **argv)
{
    return run(self, argc, argv, false);
}

const struct command COMMAND_PAUSE = {
    "pause", "", "write nothing more to the new system until `tandem resume`",
    "Says so in <ns>.control; every tandem-apply finishes the batch under way and rests, also one\n"
    "that is started later. Capture goes on: what changes meanwhile waits on Kafka and is applied\n"
    "after resume, in order, nothing is lost. With --entity only that entity rests. Run it before\n"
    "an import, a price change or a repair in the new system that must not mix with Tandem's\n"
    "writes. Said twice it stays as it was, with the first reason. Writes one message to Kafka.\n\n"
    "  tandem pause --config acme.cfg --entity contact --why \"import of the fair's leads\"",
    run_pause};

const struct command COMMAND_RESUME = {
    "resume", "", "end what `tandem pause` began",
    "Without --entity it ends the pause of the whole migration; entities that were paused by name\n"
    "stay so until they are named. Writes one message to Kafka.\n\n"
    "  tandem resume --config acme.cfg --entity contact",
    run_resume};
