/*
 * columns — see columns.h.
 */
#include "cli/columns.h"

#include <utf8proc.h>

/* The character at the start of text: its bytes, its columns; what cannot be shown is *ret_instead. */
static size_t next_of(struct span text, int *ret_columns, const char **ret_instead)
{
    utf8proc_int32_t c = -1;
    utf8proc_ssize_t len =
        utf8proc_iterate((const utf8proc_uint8_t *)text.data, (utf8proc_ssize_t)text.len, &c);
    *ret_instead = NULL;
    *ret_columns = 1;
    if (len <= 0 || c < 0) {
        *ret_instead = "\xEF\xBF\xBD";
        return 1;
    }
    if (utf8proc_category(c) == UTF8PROC_CATEGORY_CC)
        *ret_instead = " ";
    else
        *ret_columns = utf8proc_charwidth(c);
    return (size_t)len;
}

int columns_of(struct span text)
{
    int sum = 0, columns;
    const char *instead;
    for (size_t at = 0; at < text.len; sum += columns)
        at += next_of((struct span){text.data + at, text.len - at}, &columns, &instead);
    return sum;
}

void columns_put(struct buf *out, struct span text, int width, int most)
{
    bool cut = most > 0 && columns_of(text) > most;
    int used = 0;
    for (size_t at = 0; at < text.len;) {
        int columns;
        const char *instead;
        size_t len = next_of((struct span){text.data + at, text.len - at}, &columns, &instead);
        if (cut && used + columns > most - 1)
            break;
        if (instead)
            buf_puts(out, instead);
        else
            buf_put(out, text.data + at, len);
        used += columns;
        at += len;
    }
    if (cut) {
        buf_puts(out, "…");
        used++;
    }
    for (; used < width; used++)
        buf_putc(out, ' ');
}
