/*
 * masks — taps log their requests, bodies included, and so the secrets of their configuration. See singer.h.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "producers/singer/singer.h"

enum { MASK_LEAST_BYTES = 6, FILE_MAX_BYTES = 256 * 1024 };

void masks_clear(struct singer *singer)
{
    for (int i = 0; singer->masks[i]; i++) {
        OPENSSL_cleanse(singer->masks[i], strlen(singer->masks[i]));
        free(singer->masks[i]);
        singer->masks[i] = NULL;
    }
}

/* Every text of it, wherever it stands: which of them are secret only the tap knows. What is short (a date's year, "REST") would mask the log itself. */
static void take_texts(struct singer *singer, const struct json_tape *tape)
{
    int count = 0;
    for (uint32_t i = 0; i < tape->count && count < SINGER_MASKS_MAX; i++) {
        struct span text = json_text(tape, i);
        bool is_name = false;
        if (tape->tokens[i].type != JSON_STRING_ || text.len < MASK_LEAST_BYTES)
            continue;
        for (uint32_t k = 0; k < i && !is_name; k++)
            if (tape->tokens[k].type == JSON_OBJECT_)
                for (uint32_t m = json_first(tape, k); m < json_end(tape, k);
                     m = tape->tokens[m + 1].next)
                    is_name |= m == i;
        char *copy = is_name ? NULL : strndup(text.data, text.len);
        if (copy)
            singer->masks[count++] = copy;
    }
}

void masks_read(struct singer *singer)
{
    struct stat info;
    struct json_tape tape;
    struct err err = ERR_INIT;
    if (!singer->config_file || stat(singer->config_file, &info) < 0 ||
        info.st_size > FILE_MAX_BYTES)
        return;
    int64_t seen_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    if (seen_ns == singer->masks_seen_ns)
        return;
    int fd = open(singer->config_file, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : calloc(1, FILE_MAX_BYTES);
    ssize_t len = text ? read(fd, text, FILE_MAX_BYTES) : -1;
    json_tape_init(&tape);
    if (len > 0 && json_parse(&tape, (struct span){text, (size_t)len}, &err) == 0) {
        masks_clear(singer);
        take_texts(singer, &tape);
        singer->masks_seen_ns = seen_ns;
    }
    json_tape_clear(&tape);
    if (text)
        OPENSSL_cleanse(text, FILE_MAX_BYTES);
    free(text);
    if (fd >= 0)
        (void)close(fd);
}
