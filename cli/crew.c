/*
 * crew — who works on a migration.
 */
#include "cli/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/command.h"

/* One more process; rest: arguments behind --config FILE, NULL-terminated. */
static int add(struct crew *crew, const struct migration *migration, const char *config,
               const char *type, const char *name, const char *const *rest, struct err *err)
{
    if (crew->count == CREW_MAX)
        return err_exit(err, EX_CONFIG, "more than %d processes", CREW_MAX);
    struct child *child = &crew->children[crew->count];
    char program[80];
    (void)snprintf(program, sizeof(program), "tandem-%s", type);
    if (command_sibling(program, child->program, sizeof(child->program), err) != 0)
        return -1;
    child->out_fd = child->log_fd = -1;
    (void)snprintf(child->name, sizeof(child->name), "%s/%s", type, name);
    (void)snprintf(child->log_path, sizeof(child->log_path), "%s/%s-%s.log", migration->run_dir,
                   type, name);
    int n = 0;
    child->args[n++] = child->program;
    child->args[n++] = "--config";
    child->args[n++] = config;
    child->args[n++] = "--listen";
    child->args[n++] = "127.0.0.1:0";
    while (*rest && n < CHILD_ARGS_MAX - 1)
        child->args[n++] = *rest++;
    child->args[n] = NULL;
    crew->count++;
    return 0;
}

int crew_init(struct crew *crew, const struct migration *migration, const char *config,
              struct err *err)
{
    memset(crew, 0, sizeof(*crew));
    (void)snprintf(crew->path, sizeof(crew->path), "%s/processes.json", migration->run_dir);
    for (int i = 0; i < migration->source_count; i++) {
        const struct source_settings *source = &migration->sources[i];
        const char *rest[] = {"--source", source->name, "--instance", source->name, NULL};
        if (add(crew, migration, config, source->type, source->name, rest, err) != 0)
            return -1;
    }
    for (int i = 0; i < migration->apply.instances && crew->count < CREW_MAX; i++) {
        char *name = crew->names[crew->count];
        (void)snprintf(name, sizeof(crew->names[0]), "%d", i + 1);
        const char *rest[] = {"--instance", name, NULL};
        if (add(crew, migration, config, "apply", name, rest, err) != 0)
            return -1;
    }
    return 0;
}

void crew_clear(struct crew *crew)
{
    for (int i = 0; i < crew->count; i++)
        child_clear(&crew->children[i]);
}

static void put_child(struct buf *out, const struct child *child)
{
    buf_puts(out, "{\"name\":");
    buf_put_json_string(out, span_of(child->name));
    buf_printf(out, ",\"pid\":%d,\"state\":\"%s\",\"address\":\"%s\",\"restarts\":%d,\"exit\":%d",
               (int)child->pid, child_state_name(child->state), child->address, child->restarts,
               child->exit_code);
    buf_puts(out, ",\"log\":");
    buf_put_json_string(out, span_of(child->log_path));
    buf_putc(out, '}');
}

static int replace_file(const char *path, struct span text, struct err *err)
{
    char part[4096 + 8];
    (void)snprintf(part, sizeof(part), "%s.part", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_exit(err, EX_CANTCREAT, "%s: %s", part, strerror(errno));
    ssize_t put = write(fd, text.data, text.len);
    if (close(fd) != 0 || put != (ssize_t)text.len || rename(part, path) != 0)
        return err_exit(err, EX_IOERR, "%s: %s", path, strerror(errno));
    return 0;
}

int crew_write(const struct crew *crew, struct err *err)
{
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text, "{\"v\":1,\"pid\":%d,\"processes\":[", (int)getpid());
    for (int i = 0; i < crew->count; i++) {
        if (i)
            buf_putc(&text, ',');
        put_child(&text, &crew->children[i]);
    }
    buf_puts(&text, "]}\n");
    int failed = text.failed ? err_exit(err, EX_OSERR, "out of memory")
                             : replace_file(crew->path, buf_span(&text), err);
    buf_clear(&text);
    return failed;
}
