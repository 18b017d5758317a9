/*
 * tandem — the command by which people run a migration. It stands on common/
 * only; the producers and consumers it starts are programs of their own.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/conf.h"
#include "base/log.h"
#include "cli/command.h"

/* In the order in which a newcomer needs them. */
static const struct command *const COMMANDS[] = {
    &COMMAND_CHECK,  &COMMAND_CONFIG, &COMMAND_TOPICS, &COMMAND_PREVIEW,   &COMMAND_RUN,
    &COMMAND_STATUS, &COMMAND_REPORT, &COMMAND_REVIEW, &COMMAND_TRUTH,     &COMMAND_EXPLAIN,
    &COMMAND_PAUSE,  &COMMAND_RESUME, &COMMAND_RESET,  &COMMAND_CONNECTOR, &COMMAND_SWEEP};
enum { COMMAND_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]) };

static void print_help(FILE *out)
{
    (void)fputs("Tandem carries a company through the parallel period of a data migration.\n\n"
                "usage: tandem <command> [--config FILE] ...\n\n"
                "commands, in the order in which you need them:\n",
                out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        (void)fprintf(out, "  %-9s %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    (void)fputs(
        "\n`tandem <command> --help` teaches each of them. The configuration is --config,\n"
        "else $TANDEM_CONFIG, else ./tandem.cfg; deploy/quickstart.cfg is a model of one.\n"
        "Exit codes: 0 fine, 64 usage, 65 something is unexplained (report), 66 nothing is known\n"
        "of what was asked for, 69 something is away or missing, 70 a run lost a process,\n"
        "75 try again later, 77 no permission, 78 the configuration is wrong.\n",
        out);
}

static int unknown(const char *name)
{
    const char *names[COMMAND_COUNT + 1] = {NULL};
    for (int i = 0; i < COMMAND_COUNT; i++)
        names[i] = COMMANDS[i]->name;
    const char *near = conf_nearest(name, names);
    (void)fprintf(stderr, "tandem: there is no command \"%s\"; ", name);
    if (near)
        (void)fprintf(stderr, "did you mean \"%s\"?\n", near);
    else
        (void)fputs("`tandem --help` lists them\n", stderr);
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    /* A reader that went away (`tandem status | head`) shows as a failed write, not as a signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    log_init("tandem", "", LOG_ERROR_); /* what a command has to say it prints itself */
    if (argc < 2) {
        print_help(stderr);
        return EX_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("tandem %s\n", TANDEM_VERSION);
        return 0;
    }
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], COMMANDS[i]->name) == 0)
            return COMMANDS[i]->run(COMMANDS[i], argc - 1, argv + 1);
    }
    return unknown(argv[1]);
}
