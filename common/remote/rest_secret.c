/*
 * rest_secret — what is sent to a token endpoint, and the file of a rotating
 * refresh token. The old token is dead the moment the new one was issued, so the
 * new one is on disk, whole, before it is used; and only one process renews at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/rest_internal.h"

int rest_secret_lock(const char *path)
{
    char lock_path[PATH_MAX];
    if (snprintf(lock_path, sizeof(lock_path), "%s.lock", path) >= (int)sizeof(lock_path))
        return -2;
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return -2;
    if (flock(lock, LOCK_EX | LOCK_NB) == 0)
        return lock;
    int busy = errno == EWOULDBLOCK;
    (void)close(lock);
    return busy ? -1 : -2;
}

static bool write_all(int file, struct span text)
{
    while (text.len) {
        ssize_t written = write(file, text.data, text.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text.data += written;
        text.len -= (size_t)written;
    }
    return fsync(file) == 0;
}

static bool sync_folder(const char *path)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return false;
    bool ok = fsync(folder) == 0;
    (void)close(folder);
    return ok;
}

int rest_secret_write(const char *path, struct span text, struct err *err)
{
    char fresh[PATH_MAX];
    if (snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path) >= (int)sizeof(fresh))
        return err_set(err, ERR_FATAL, "the path is too long: %.200s", path);
    int file = mkostemp(fresh, O_CLOEXEC); /* mode 0600 */
    if (file < 0)
        return err_set(err, ERR_FATAL, "cannot write beside %.200s: %s", path, strerror(errno));
    bool ok = fchmod(file, 0600) == 0 && write_all(file, text);
    int why = errno;
    ok = close(file) == 0 && ok;
    if (ok && rename(fresh, path) == 0 && sync_folder(path))
        return 0;
    why = ok ? errno : why;
    (void)unlink(fresh);
    return err_set(err, ERR_FATAL, "cannot replace %.200s: %s", path, strerror(why));
}

static void put_pair(struct buf *out, const char *name, const char *value)
{
    if (out->len)
        buf_putc(out, '&');
    buf_puts(out, name);
    buf_putc(out, '=');
    buf_put_url(out, span_of(value));
}

int rest_secret_form(struct rest *rest, struct err *err)
{
    struct rest_auth *auth = &rest->auth;
    const struct system_settings *settings = rest->settings;
    char *secret, *refresh = NULL;
    if (auth->type == AUTH_JWT_BEARER) {
        buf_reset(&auth->body);
        put_pair(&auth->body, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        buf_puts(&auth->body, "&assertion=");
        return rest_assertion_put(rest, &auth->body, err);
    }
    if (secret_read(settings->client_secret_file, &secret, err) != 0)
        return -1;
    buf_reset(&auth->body);
    if (auth->type == AUTH_REFRESH_TOKEN) {
        if (auth->kept_refresh_token)
            refresh = strdup(auth->kept_refresh_token);
        else if (secret_read(settings->refresh_token_file, &refresh, err) != 0)
            refresh = NULL;
        if (!refresh) {
            free(secret);
            return err_set(err, ERR_FATAL, "out of memory");
        }
        put_pair(&auth->body, "grant_type", "refresh_token");
        put_pair(&auth->body, "refresh_token", refresh);
    } else {
        put_pair(&auth->body, "grant_type", "client_credentials");
    }
    put_pair(&auth->body, "client_id", settings->client_id);
    put_pair(&auth->body, "client_secret", secret);
    free(secret);
    free(refresh);
    return auth->body.failed ? err_set(err, ERR_FATAL, "the secrets are too large") : 0;
}
