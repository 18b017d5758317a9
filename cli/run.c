/*
 * tandem run — every process of a migration under one roof: started, watched,
 * started again, stopped. Where systemd or Kubernetes does that, run the processes there instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/prepare.h"
#include "cli/supervisor.h"
#include "stream/control.h"

struct run_options {
    const char *config, *remap;
    bool go, verbose;
};

/* One run at a time. *ret_taken: another one holds the lock. */
static int lock_run_dir(const struct migration *migration, int *ret_fd, bool *ret_taken,
                        struct err *err)
{
    char path[4096];
    if (mkdir(migration->run_dir, 0750) != 0 && errno != EEXIST)
        return err_exit(err, EX_CANTCREAT, "run_dir %s: %s", migration->run_dir, strerror(errno));
    (void)snprintf(path, sizeof(path), "%s/lock", migration->run_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_exit(err, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    *ret_taken = flock(fd, LOCK_EX | LOCK_NB) != 0;
    *ret_fd = fd;
    return 0;
}

/* The lock is ours: until the end. */
static int run_locked(struct migration *migration, const struct run_options *options,
                      bool *ret_clean, struct err *err)
{
    char words[PREPARE_WORDS_BYTES];
    if (options->remap && control_remap(migration, options->remap, err) != 0)
        return -1;
    if (prepare(migration, options->go, words, err) != 0)
        return -1;
    return supervise(migration, options->config, words, options->verbose, ret_clean, err);
}

/* Somebody else runs it: all that can be said to it from here is go. */
static int say_go(struct migration *migration, const struct run_options *options, struct err *err)
{
    char words[PREPARE_WORDS_BYTES];
    if (!options->go || options->remap)
        return err_exit(err, EX_UNAVAILABLE,
                        "this migration runs already; %s/processes.json says who",
                        migration->run_dir);
    if (prepare(migration, true, words, err) != 0)
        return -1;
    printf("said go to the `tandem run` that is at work\n");
    return 0;
}

static int work(struct migration *migration, const struct run_options *options)
{
    struct err err = ERR_INIT;
    int lock_fd = -1;
    bool taken = false, clean = true;
    if (lock_run_dir(migration, &lock_fd, &taken, &err) != 0)
        return command_fail(&err);
    int failed =
        taken ? say_go(migration, options, &err) : run_locked(migration, options, &clean, &err);
    (void)close(lock_fd);
    if (failed)
        return command_fail(&err);
    return clean ? 0 : EX_SOFTWARE;
}

static int run_run(const struct command *self, int argc, char **argv)
{
    struct run_options options = {.config = command_config_default()};
    const struct flag flags[] = {
        FLAG_CONFIG(&options.config),
        {"go", FLAG_BOOL, &options.go, 0, 0, NULL, "write to the new system from now on"},
        {"remap", FLAG_STRING, &options.remap, 0, 0, "ENTITY",
         "the mapping of this entity was changed on purpose: its next generation"},
        {"verbose", FLAG_BOOL, &options.verbose, 0, 0, NULL, "show info lines on a terminal too"},
        {0}};
    int exit_code = 0;
    if (command_parse(self, flags, argc, argv, &exit_code) < 0)
        return exit_code;
    struct migration *migration = command_migration(options.config, &exit_code);
    if (!migration)
        return exit_code;
    exit_code = work(migration, &options);
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_RUN = {
    "run", "", "start every process of the migration and keep them running",
    "Starts one tandem-<type> per source and apply.instances tandem-apply, shows their log lines\n"
    "with the process's name in front and keeps them in run_dir. A process that dies is started\n"
    "again after a pause; one that ends with 64, 77 or 78 (arguments, rights, configuration) or\n"
    "dies too often is given up and its log named. SIGTERM or Ctrl-C stops all in good order.\n\n"
    "A new migration captures and does not write: say --go once, when preview and check look\n"
    "right. --go also creates the external-id and marker properties in the new system. It may be\n"
    "said beside a run that is at work.\n\n"
    "Where the truth rules are others than those that left questions open, these records are "
    "looked\n"
    "at again (`tandem truth --help`). Exits 70 when a process was given up.\n\n"
    "  tandem run --config acme.cfg --go",
    run_run};
