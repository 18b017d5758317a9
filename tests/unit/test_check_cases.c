/*
 * test_check_cases — every file of tests/data/config: what `tandem check` must
 * say of it stands in the file, in the line it must name (see the README there).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/migration.h"

enum { CASES_LEAST = 90, WANTED_MAX = 40, LINE_BYTES = 1024 };

static char dir[64];

struct wanted {
    char file[256];
    int line, count;
    char lines[WANTED_MAX][LINE_BYTES];
};

static void path_of(const char *name, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%s", dir, name);
}

static void copy_file(const char *from_dir, const char *name)
{
    char from[PATH_MAX], to[PATH_MAX], bytes[4096];
    (void)snprintf(from, sizeof(from), "%s/%s", from_dir, name);
    path_of(name, to);
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t got; (got = fread(bytes, 1, sizeof(bytes), in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, got, out), got);
    (void)fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void write_secret(const char *name, mode_t mode)
{
    char path[PATH_MAX];
    path_of(name, path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("secret\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int make_dir(void **state)
{
    (void)state;
    char path[PATH_MAX], data[PATH_MAX];
    const char *source = getenv("SOURCE_DIR");
    (void)snprintf(data, sizeof(data), "%s/tests/data/config", source ? source : ".");
    (void)snprintf(dir, sizeof(dir), "/tmp/tandem-check-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    path_of("secrets", path);
    if (mkdir(path, 0700) < 0)
        return -1;
    write_secret("secrets/token", 0600);
    write_secret("secrets/open", 0644);
    DIR *files = opendir(data);
    if (!files)
        return -1;
    for (struct dirent *entry; (entry = readdir(files));)
        if (strstr(entry->d_name, ".cfg") || strstr(entry->d_name, ".inc"))
            copy_file(data, entry->d_name);
    return closedir(files);
}

static void remove_files(const char *path)
{
    DIR *files = opendir(path);
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files));) {
        char file[PATH_MAX];
        (void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        (void)unlink(file);
    }
    (void)closedir(files);
    assert_int_equal(rmdir(path), 0);
}

static int remove_dir(void **state)
{
    (void)state;
    char path[PATH_MAX];
    path_of("secrets", path);
    remove_files(path);
    remove_files(dir);
    return 0;
}

/* "$DIR" is the directory. */
static void put_wanted(struct wanted *wanted, const char *where, const char *text, size_t len)
{
    assert_true(wanted->count < WANTED_MAX);
    struct buf line;
    buf_init(&line, LINE_BYTES - 1);
    buf_puts(&line, where);
    for (size_t i = 0; i < len; i++) {
        if (len - i >= 4 && strncmp(text + i, "$DIR", 4) == 0) {
            buf_puts(&line, dir);
            i += 3;
        } else {
            buf_putc(&line, text[i]);
        }
    }
    assert_false(line.failed);
    memcpy(wanted->lines[wanted->count++], line.data, line.len + 1);
    buf_clear(&line);
}

static void read_line(struct wanted *wanted, const char *file, int number, const char *line)
{
    for (const char *mark = strstr(line, "//!"); mark;) {
        const char *text = mark + 3, *next = strstr(text, "//!");
        bool nowhere = *text == '0';
        text += nowhere ? 2 : 1;
        size_t len = next ? (size_t)(next - text) : strcspn(text, "\n");
        while (len && text[len - 1] == ' ')
            len--;
        char where[PATH_MAX];
        if (nowhere)
            (void)snprintf(where, sizeof(where), "%s/%s: ", dir, file);
        else
            (void)snprintf(where, sizeof(where), "%s/%s:%d: ", dir, file, number);
        put_wanted(wanted, where, text, len);
        mark = next;
    }
}

static void read_wanted(struct wanted *wanted, const char *name)
{
    char path[PATH_MAX], line[LINE_BYTES], include[128];
    path_of(name, path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    for (int number = 1; fgets(line, sizeof(line), file); number++) {
        read_line(wanted, name, number, line);
        if (sscanf(line, "@include \"%127[^\"]\"", include) == 1)
            read_wanted(wanted, include);
    }
    (void)fclose(file);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The report's lines, sorted by their text: the order of the report is test_conf's matter. */
static void compare(const char *name, const struct wanted *wanted, char *report)
{
    char *got[WANTED_MAX];
    const char *want[WANTED_MAX];
    int count = 0;
    for (char *line; (line = strsep(&report, "\n")) && *line;) {
        assert_true(count < WANTED_MAX);
        got[count++] = line;
    }
    for (int i = 0; i < wanted->count; i++)
        want[i] = wanted->lines[i];
    qsort(got, (size_t)count, sizeof(got[0]), by_text);
    qsort(want, (size_t)wanted->count, sizeof(want[0]), by_text);
    for (int i = 0; i < count || i < wanted->count; i++)
        if (i >= count || i >= wanted->count || strcmp(got[i], want[i]) != 0)
            fail_msg("%s: said\n  %s\nnot\n  %s", name, i < count ? got[i] : "(nothing)",
                     i < wanted->count ? want[i] : "(nothing)");
}

static void check_case(const char *name)
{
    static struct wanted wanted;
    wanted.count = 0;
    read_wanted(&wanted, name);
    char path[PATH_MAX];
    path_of(name, path);
    struct conf_report report;
    conf_report_init(&report);
    struct migration *migration = migration_open(path, &report);
    struct buf out;
    buf_init(&out, 0);
    conf_report_print(&report, &out);
    char *text = buf_take(&out);
    assert_non_null(text);
    compare(name, &wanted, text);
    assert_int_equal(migration != NULL, wanted.count == 0);
    free(text);
    migration_close(migration);
    conf_report_clear(&report);
}

static int is_case(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');
    return end && strcmp(end, ".cfg") == 0;
}

static void cases(void **state)
{
    (void)state;
    struct dirent **names;
    int count = scandir(dir, &names, is_case, alphasort);
    assert_true(count >= CASES_LEAST);
    for (int i = 0; i < count; i++) {
        check_case(names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases)};
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
