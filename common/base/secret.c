/*
 * secret — values that live in files only their owner may read, never in the
 * configuration, on a command line or in a log.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/conf_internal.h"

enum { SECRET_MAX_BYTES = 64 * 1024 };

static const char *mode_objection(const struct stat *info)
{
    if (!S_ISREG(info->st_mode))
        return "is not a regular file";
    if (info->st_mode & (S_IRWXG | S_IRWXO))
        return "can be read by others than its owner: chmod 600";
    return NULL;
}

const char *secret_objection(const char *path)
{
    struct stat info;
    if (stat(path, &info) < 0)
        return errno == ENOENT ? "does not exist" : "cannot be read";
    return mode_objection(&info);
}

/* Fills up to max bytes; the number read, or -1. */
static ssize_t read_all(int fd, char *text, size_t max)
{
    size_t len = 0;
    while (len < max) {
        ssize_t got = read(fd, text + len, max - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static int secret_take(int fd, const char *path, char *text, struct err *err)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return err_exit(err, EX_CONFIG, "secret file %s: %s", path, strerror(errno));
    const char *objection = mode_objection(&info);
    if (objection)
        return err_exit(err, EX_NOPERM, "secret file %s %s", path, objection);
    ssize_t len = read_all(fd, text, SECRET_MAX_BYTES + 1);
    if (len < 0)
        return err_exit(err, EX_CONFIG, "secret file %s: %s", path, strerror(errno));
    if (len > SECRET_MAX_BYTES)
        return err_exit(err, EX_CONFIG, "secret file %s is larger than 64 KiB", path);
    if (len > 0 && text[len - 1] == '\n')
        len--;
    text[len] = '\0';
    if (len == 0)
        return err_exit(err, EX_CONFIG, "secret file %s is empty", path);
    if (strlen(text) != (size_t)len)
        return err_exit(err, EX_CONFIG, "secret file %s holds a NUL byte", path);
    return 0;
}

int secret_read(const char *path, char **ret_text, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_exit(err, errno == EACCES ? EX_NOPERM : EX_CONFIG, "secret file %s: %s", path,
                        strerror(errno));
    char *text = calloc(1, SECRET_MAX_BYTES + 2);
    int failed = text ? secret_take(fd, path, text, err) : err_exit(err, EX_OSERR, "out of memory");
    (void)close(fd);
    if (failed) {
        free(text);
        return -1;
    }
    *ret_text = text;
    return 0;
}
