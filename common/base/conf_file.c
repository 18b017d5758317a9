/*
 * conf_file — reading a configuration file: libconfig parses it, and a scan
 * of the text finds what libconfig 1.5 lets pass silently (it reads integers
 * with atoi, so that 3000000000 becomes -1294967296).
 */
#include "base/conf_internal.h"

#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 4 * 1024 * 1024, INCLUDE_DEPTH_MAX = 10 };

struct scan {
    const char *path, *include_dir;
    const char *at;
    int line, depth;
    struct conf_report *report;
};

static void scan_file(const char *path, const char *include_dir, int depth,
                      struct conf_report *report);

/* A quoted string, from its quote to behind the closing one. */
static struct span skip_string(struct scan *scan)
{
    const char *start = ++scan->at;
    while (*scan->at && *scan->at != '"') {
        if (*scan->at == '\\' && scan->at[1])
            scan->at++;
        scan->line += *scan->at == '\n';
        scan->at++;
    }
    struct span text = {start, (size_t)(scan->at - start)};
    if (*scan->at)
        scan->at++;
    return text;
}

static void skip_to_line_end(struct scan *scan)
{
    while (*scan->at && *scan->at != '\n')
        scan->at++;
}

static void skip_block_comment(struct scan *scan)
{
    scan->at += 2;
    while (*scan->at && !(scan->at[0] == '*' && scan->at[1] == '/')) {
        scan->line += *scan->at == '\n';
        scan->at++;
    }
    if (*scan->at)
        scan->at += 2;
}

static void scan_include(struct scan *scan)
{
    scan->at += strcspn(scan->at, "\"\n");
    if (*scan->at != '"')
        return;
    struct span name = skip_string(scan);
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%.*s", scan->include_dir, (int)name.len, name.data);
    if (scan->depth < INCLUDE_DEPTH_MAX)
        scan_file(path, scan->include_dir, scan->depth + 1, scan->report);
}

static void scan_number(struct scan *scan)
{
    const char *start = scan->at;
    scan->at += *scan->at == '-' || *scan->at == '+';
    while (isalnum((unsigned char)*scan->at) || *scan->at == '.' ||
           ((*scan->at == '-' || *scan->at == '+') && tolower((unsigned char)scan->at[-1]) == 'e' &&
            strncasecmp(start, "0x", 2) != 0))
        scan->at++;
    int len = (int)(scan->at - start);
    bool hex = len > 2 && start[0] == '0' && tolower((unsigned char)start[1]) == 'x';
    char *end = NULL;
    errno = 0;
    long long value = strtoll(start, &end, hex ? 16 : 10);
    bool out_of_64 = errno == ERANGE;
    bool is_long = end < scan->at && *end == 'L';
    if (end < scan->at && !is_long)
        return; /* a float; what is neither, libconfig has refused already */
    if (out_of_64)
        conf_mistake_at(scan->report, scan->path, scan->line, "ids are strings: put it in quotes",
                        "the number %.*s does not fit 64 bits", len, start);
    else if (!is_long && (value > INT32_MAX || value < INT32_MIN))
        conf_mistake_at(scan->report, scan->path, scan->line,
                        "append L, or put it in quotes if it is an id",
                        "the number %.*s does not fit 32 bits", len, start);
}

/* One token, comment or blank. */
static void scan_step(struct scan *scan)
{
    char c = *scan->at, next = scan->at[1];
    if (c == '"') {
        skip_string(scan);
    } else if (c == '#' || (c == '/' && next == '/')) {
        skip_to_line_end(scan);
    } else if (c == '/' && next == '*') {
        skip_block_comment(scan);
    } else if (c == '@' && strncmp(scan->at, "@include", 8) == 0) {
        scan_include(scan);
    } else if (isalpha((unsigned char)c) || c == '*') {
        while (isalnum((unsigned char)*scan->at) || strchr("-_*", *scan->at)) {
            if (!*scan->at)
                break;
            scan->at++;
        }
    } else if (isdigit((unsigned char)c) ||
               ((c == '-' || c == '+') && isdigit((unsigned char)next))) {
        scan_number(scan);
    } else {
        scan->line += c == '\n';
        scan->at++;
    }
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    struct buf text;
    buf_init(&text, FILE_MAX_BYTES);
    char chunk[8192];
    size_t got;
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_put(&text, chunk, got);
    (void)fclose(file);
    return buf_take(&text);
}

static void scan_file(const char *path, const char *include_dir, int depth,
                      struct conf_report *report)
{
    char *text = read_text(path);
    if (!text) {
        conf_mistake_at(report, path, 0, NULL, "cannot be read, or is larger than 4 MiB");
        return;
    }
    struct scan scan = {path, include_dir, text, 1, depth, report};
    while (*scan.at)
        scan_step(&scan);
    free(text);
}

void conf_scan_literals(const char *path, const char *include_dir, struct conf_report *report)
{
    scan_file(path, include_dir, 0, report);
}

/* file, found in dir unless it is the configuration itself or absolute. */
static const char *found_in(const char *dir, const char *main_file, const char *file, char *path)
{
    if (!file || !dir || file[0] == '/' || (main_file && strcmp(file, main_file) == 0))
        return file;
    (void)snprintf(path, PATH_MAX, "%s/%s", dir, file);
    return path;
}

const char *conf_setting_file(const config_setting_t *setting, char *path)
{
    const config_t *config = setting->config;
    return found_in(config_get_include_dir(config),
                    config_setting_source_file(config_root_setting(config)),
                    config_setting_source_file(setting), path);
}

/* The name in the @include of this line, or of the last before it: libconfig says where it stands, not what. */
static bool find_include(const char *path, int line, char name[PATH_MAX])
{
    char *text = read_text(path);
    bool found = false;
    int at_line = 1;
    for (char *at = text; at && *at && at_line <= line; at++) {
        at_line += *at == '\n';
        if (strncmp(at, "@include", 8) != 0)
            continue;
        const char *quote = at + strcspn(at, "\"\n"), *end = *quote == '"' ? quote + 1 : quote;
        end += strcspn(end, "\"\n");
        found = *quote == '"' && *end == '"' && end - quote < PATH_MAX;
        if (found)
            (void)snprintf(name, PATH_MAX, "%.*s", (int)(end - quote - 1), quote + 1);
    }
    free(text);
    return found;
}

static void syntax_mistake(const config_t *config, const char *dir, const char *path,
                           struct conf_report *report)
{
    char found[PATH_MAX], name[PATH_MAX], full[PATH_MAX], advice[PATH_MAX + 32];
    const char *file = found_in(dir, path, config_error_file(config), found);
    const char *text = config_error_text(config);
    int line = config_error_line(config);
    if (!file)
        file = path;
    if (!strstr(text, "include") || !find_include(file, line, name)) {
        conf_mistake_at(report, file, line, NULL, "%s", text);
        return;
    }
    (void)snprintf(advice, sizeof(advice), "it is looked for as %s",
                   found_in(dir, NULL, name, full));
    conf_mistake_at(report, file, line, advice, "%s: \"%s\"", text, name);
}

int conf_read_file(config_t *config, const char *path, struct conf_report *report)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof(copy)) {
        conf_mistake_at(report, path, 0, NULL, "the path is too long");
        return -1;
    }
    (void)snprintf(copy, sizeof(copy), "%s", path);
    char *dir = strdup(dirname(copy));
    if (!dir) {
        conf_mistake_at(report, path, 0, NULL, "out of memory");
        return -1;
    }
    config_set_include_dir(config, dir);
    int failed = 0;
    if (config_read_file(config, path)) {
        conf_scan_literals(path, dir, report);
    } else if (config_error_type(config) == CONFIG_ERR_FILE_IO) {
        struct stat info;
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            conf_mistake_at(report, path, 0, "name the file in it", "is a directory");
        else
            conf_mistake_at(report, path, 0, NULL, "cannot be read: %s", strerror(errno));
        failed = -1;
    } else {
        syntax_mistake(config, dir, path, report);
        failed = -1;
    }
    free(dir);
    return failed;
}
