/*
 * spool — see spool.h.
 */
#include "producers/form/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"

enum { PATH_BYTES = 512, HEAD_MAX_BYTES = 128, PLACE_BYTES = 21 };

struct spool {
    int fd, place_fd;
    char path[PATH_BYTES];
    int64_t max_bytes, len, done; /* bytes in the file; done with */
    bool place_stale; /* the place on disk is not `done`: nothing is added before it is */
    struct buf entry, out;
};

static int failed(const struct spool *spool, const char *what, struct err *err)
{
    return err_set(err, ERR_RETRY, "spool %s: %s: %s", spool->path, what, strerror(errno));
}

/* ---- reading and writing all of it ---- */

static int write_all(int fd, const char *data, size_t len, int64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static size_t read_some(int fd, char *data, size_t len, int64_t at)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(fd, data + got, len - got, at + (int64_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return got;
}

static void hash_of(struct span entry, char ret_hex[HASH_HEX_BYTES])
{
    hash_start();
    hash_put(entry.data, entry.len);
    hash_hex(ret_hex);
}

/* "TS1 <bytes> <hash>\n": its length; 0: it is none. */
static int64_t read_head(const char *head, int64_t *ret_bytes, const char **ret_hash)
{
    char *end = NULL;
    if (strncmp(head, "TS1 ", 4) != 0 || head[4] < '0' || head[4] > '9')
        return 0;
    *ret_bytes = strtoll(head + 4, &end, 10);
    if (*end != ' ' || *ret_bytes < 0 || *ret_bytes > SPOOL_ENTRY_MAX_BYTES)
        return 0;
    *ret_hash = end + 1;
    const char *line_end = strchr(*ret_hash, '\n');
    return line_end && line_end - *ret_hash == HASH_HEX_BYTES - 1 ? line_end + 1 - head : 0;
}

/* The entry at `at` into spool->entry and where it ends; false: there is no whole one. */
static bool read_entry(struct spool *spool, int64_t at, int64_t *ret_end)
{
    char head[HEAD_MAX_BYTES + 1], found[HASH_HEX_BYTES];
    const char *hash = NULL;
    int64_t bytes = 0;
    head[read_some(spool->fd, head, HEAD_MAX_BYTES, at)] = '\0';
    int64_t from = at + read_head(head, &bytes, &hash);
    if (from == at || from + bytes + 1 > spool->len)
        return false;
    buf_reset(&spool->entry);
    if (!buf_room(&spool->entry, (size_t)bytes + 1) ||
        read_some(spool->fd, spool->entry.data, (size_t)bytes + 1, from) != (size_t)bytes + 1)
        return false;
    spool->entry.len = (size_t)bytes;
    hash_of(buf_span(&spool->entry), found);
    *ret_end = from + bytes + 1;
    return memcmp(hash, found, HASH_HEX_BYTES - 1) == 0 && spool->entry.data[bytes] == '\n';
}

/* ---- opening ---- */

static int open_file(const char *dir, const char *name, const char *end, char *path)
{
    (void)snprintf(path, PATH_BYTES, "%s/%s.%s", dir, name, end);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        (void)close(fd);
    return result;
}

/* Where the whole entries end. What is behind them was being written when the process ended. */
static int find_end(struct spool *spool, struct err *err)
{
    int64_t at = spool->done, end = 0;
    while (at < spool->len && read_entry(spool, at, &end))
        at = end;
    if (at == spool->len)
        return 0;
    if (spool->len - at > SPOOL_ENTRY_MAX_BYTES + HEAD_MAX_BYTES)
        return err_exit(err, EX_DATAERR, "spool %s is damaged at byte %" PRId64, spool->path, at);
    log_warn("the end of the spool was never whole and is cut off", log_str("file", spool->path),
             log_int("bytes", spool->len - at));
    if (ftruncate(spool->fd, at) < 0 || fsync(spool->fd) < 0)
        return failed(spool, "it cannot be cut", err);
    spool->len = at;
    return 0;
}

static int open_both(struct spool *spool, const char *dir, const char *name, struct err *err)
{
    char place_path[PATH_BYTES], text[PLACE_BYTES + 1] = "";
    struct stat status;
    spool->place_fd = open_file(dir, name, "place", place_path);
    spool->fd = open_file(dir, name, "spool", spool->path);
    if (spool->fd < 0 || spool->place_fd < 0)
        return err_exit(err, EX_CONFIG, "spool %s: %s", spool->path, strerror(errno));
    if (flock(spool->fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_RETRY, "spool %s: another process has it", spool->path);
    if (sync_dir(dir) < 0 || fstat(spool->fd, &status) < 0)
        return failed(spool, "it cannot be read", err);
    spool->len = status.st_size;
    (void)read_some(spool->place_fd, text, PLACE_BYTES, 0);
    spool->done = strtoll(text, NULL, 10);
    spool->place_stale = spool->done < 0 || spool->done > spool->len;
    if (spool->place_stale)
        spool->done = 0; /* it was emptied, and its place was about to be */
    return find_end(spool, err);
}

struct spool *spool_open(const char *dir, const char *name, int64_t max_bytes, struct err *err)
{
    struct spool *spool = calloc(1, sizeof(*spool));
    if (!spool) {
        (void)err_set(err, ERR_RETRY, "out of memory");
        return NULL;
    }
    spool->fd = spool->place_fd = -1;
    spool->max_bytes = max_bytes;
    buf_init(&spool->entry, SPOOL_ENTRY_MAX_BYTES + 64);
    buf_init(&spool->out, 0);
    if (open_both(spool, dir, name, err) == 0)
        return spool;
    spool_close(spool);
    return NULL;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    if (spool->fd >= 0)
        (void)close(spool->fd);
    if (spool->place_fd >= 0)
        (void)close(spool->place_fd);
    buf_clear(&spool->entry);
    buf_clear(&spool->out);
    free(spool);
}

/* ---- entries ---- */

static int write_place(struct spool *spool, struct err *err)
{
    char text[PLACE_BYTES + 1];
    (void)snprintf(text, sizeof(text), "%020" PRId64 "\n", spool->done);
    spool->place_stale =
        write_all(spool->place_fd, text, PLACE_BYTES, 0) < 0 || fdatasync(spool->place_fd) < 0;
    return spool->place_stale ? failed(spool, "its place cannot be written", err) : 0;
}

int spool_append(struct spool *spool, const struct span *entries, int count, struct err *err)
{
    if (spool->place_stale && write_place(spool, err) < 0)
        return -1;
    buf_reset(&spool->out);
    for (int i = 0; i < count; i++) {
        char hash[HASH_HEX_BYTES];
        if (entries[i].len > SPOOL_ENTRY_MAX_BYTES)
            return err_set(err, ERR_RETRY, "spool %s: an entry is too large", spool->path);
        hash_of(entries[i], hash);
        buf_printf(&spool->out, "TS1 %zu %s\n", entries[i].len, hash);
        buf_put_span(&spool->out, entries[i]);
        buf_putc(&spool->out, '\n');
    }
    struct span out = buf_span(&spool->out);
    if (spool->out.failed || spool->len + (int64_t)out.len > spool->max_bytes)
        return err_set(err, ERR_RETRY, "spool %s is full: %" PRId64 " bytes", spool->path,
                       spool->len);
    if (write_all(spool->fd, out.data, out.len, spool->len) < 0 || fdatasync(spool->fd) < 0) {
        (void)failed(spool, "it cannot be written", err);
        /* Bytes that cannot be cut off are overwritten by the next entry, which is written at len. */
        if (ftruncate(spool->fd, spool->len) < 0)
            log_warn("the end of a failed write cannot be cut off", log_str("file", spool->path));
        return -1;
    }
    spool->len += (int64_t)out.len;
    return 0;
}

int spool_next(struct spool *spool, int64_t *at, struct span *ret_entry, struct err *err)
{
    int64_t from = *at ? *at : spool->done, end = 0;
    if (from >= spool->len)
        return 0;
    if (!read_entry(spool, from, &end))
        return err_exit(err, EX_DATAERR, "spool %s is damaged at byte %" PRId64, spool->path, from);
    *ret_entry = buf_span(&spool->entry);
    *at = end;
    return 1;
}

int spool_advance(struct spool *spool, int64_t at, struct err *err)
{
    spool->place_stale = true;
    spool->done = at;
    /* Empty first: a place beyond the end is known as a beginning, a place within other entries would lose them. */
    if (at >= spool->len) {
        if (ftruncate(spool->fd, 0) < 0)
            return failed(spool, "it cannot be emptied", err);
        spool->len = spool->done = 0;
        if (fsync(spool->fd) < 0)
            return failed(spool, "it cannot be emptied", err);
    }
    return write_place(spool, err);
}

int64_t spool_waiting_bytes(const struct spool *spool)
{
    return spool->len - spool->done;
}
