/*
 * command — flags, manuals and the few things that every command does.
 */
#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/service.h"

enum { FLAGS_MAX = 16, FLAG_WIDTH = 22 };

const char *command_config_default(void)
{
    const char *path = getenv("TANDEM_CONFIG");
    return path && *path ? path : "tandem.cfg";
}

static void print_manual(const struct command *self, const struct flag *flags)
{
    printf("usage: tandem %s %s%s[--flags]\n\n%s\n\n%s\n\nflags:\n", self->name, self->arguments,
           *self->arguments ? " " : "", self->summary, self->help);
    for (const struct flag *flag = flags; flag->name; flag++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "--%s%s%s", flag->name, flag->argument ? " " : "",
                       flag->argument ? flag->argument : "");
        printf("  %-*s %s\n", FLAG_WIDTH, text, flag->help);
    }
    printf("  %-*s %s\n", FLAG_WIDTH, "--help", "this text");
}

static int usage(const struct command *self, int *ret_exit)
{
    (void)fprintf(stderr, "tandem: `tandem %s --help` tells what there is\n", self->name);
    *ret_exit = EX_USAGE;
    return -1;
}

static bool take_int(const struct flag *flag, const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < flag->min || value > flag->max) {
        (void)fprintf(stderr, "tandem: --%s wants a number from %" PRId64 " to %" PRId64 "\n",
                      flag->name, flag->min, flag->max);
        return false;
    }
    *(int64_t *)flag->target = value;
    return true;
}

static bool take(const struct flag *flag, const char *text)
{
    switch (flag->type) {
    case FLAG_BOOL:
        *(bool *)flag->target = true;
        return true;
    case FLAG_STRING:
        *(const char **)flag->target = text;
        return true;
    case FLAG_INT:
        return take_int(flag, text);
    }
    return false;
}

/* What is left after the flags: as many arguments as the manual names words. */
static bool take_rest(const struct command *self, int argc, char **argv)
{
    int surplus = optind + (*self->arguments ? 1 : 0);
    for (const char *word = strchr(self->arguments, ' '); word; word = strchr(word + 1, ' '))
        surplus++;
    if (argc <= surplus)
        return true;
    (void)fprintf(stderr, "tandem: %s does not take the argument \"%s\"\n", self->name,
                  argv[surplus]);
    return false;
}

static int parse(const struct command *self, const struct flag *flags, int argc, char **argv,
                 int *ret_exit)
{
    struct option options[FLAGS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
    int count = 0;
    for (; flags[count].name && count < FLAGS_MAX; count++)
        options[count + 1] = (struct option){
            flags[count].name, flags[count].type == FLAG_BOOL ? no_argument : required_argument,
            NULL, 0};
    optind = 0; /* glibc: begin anew */
    int index = 0;
    for (;;) {
        int c = getopt_long(argc, argv, "h", options, &index);
        if (c == -1)
            return take_rest(self, argc, argv) ? optind : usage(self, ret_exit);
        if (c == 'h') {
            print_manual(self, flags);
            *ret_exit = 0;
            return -1;
        }
        if (c != 0 || !take(&flags[index - 1], optarg))
            return usage(self, ret_exit);
    }
}

int command_parse(const struct command *self, const struct flag *flags, int argc, char **argv,
                  int *ret_exit)
{
    char *given = argv[0], name[64]; /* getopt begins its complaints with argv[0] */
    (void)snprintf(name, sizeof(name), "tandem: %s", self->name);
    argv[0] = name;
    int first = parse(self, flags, argc, argv, ret_exit);
    argv[0] = given;
    return first;
}

struct migration *command_migration(const char *path, int *ret_exit)
{
    struct conf_report report;
    conf_report_init(&report);
    struct migration *migration = migration_open(path, &report);
    if (!migration) {
        struct buf text;
        buf_init(&text, 0);
        conf_report_print(&report, &text);
        (void)fputs(text.data ? text.data : "tandem: out of memory\n", stderr);
        buf_clear(&text);
        *ret_exit = EX_CONFIG;
    }
    conf_report_clear(&report);
    return migration;
}

int command_fail(const struct err *err)
{
    (void)fprintf(stderr, "tandem: %s\n", err->text);
    return service_exit_code(err);
}

int command_sibling(const char *name, char *ret_path, size_t size, struct err *err)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len < 0)
        return err_exit(err, EX_OSERR, "where this program lies cannot be read");
    self[len] = '\0';
    if ((size_t)snprintf(ret_path, size, "%s/%s", dirname(self), name) >= size)
        return err_exit(err, EX_OSERR, "the path of %s is too long", name);
    if (access(ret_path, X_OK) != 0)
        return err_exit(err, EX_UNAVAILABLE, "%s is missing: it is installed beside tandem",
                        ret_path);
    return 0;
}
