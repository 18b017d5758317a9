/*
 * screen — lines above, one live line below.
 */
#include "cli/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 80 };

void screen_init(struct screen *screen, bool verbose)
{
    memset(screen, 0, sizeof(*screen));
    screen->terminal = isatty(STDERR_FILENO) == 1;
    screen->verbose = verbose;
    json_tape_init(&screen->tape);
}

int screen_width(const struct screen *screen)
{
    struct winsize size;
    if (!screen->terminal)
        return 0;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_DEFAULT;
    return size.ws_col;
}

static void hide_live(struct screen *screen)
{
    if (screen->live_shown)
        (void)fputs("\r\033[K", stderr);
    screen->live_shown = false;
}

static void show_live(struct screen *screen)
{
    if (screen->terminal && *screen->live) {
        (void)fputs(screen->live, stderr);
        screen->live_shown = true;
    }
    (void)fflush(stderr);
}

void screen_clear(struct screen *screen)
{
    hide_live(screen);
    *screen->live = '\0';
    json_tape_clear(&screen->tape);
}

void screen_live(struct screen *screen, const char *text)
{
    if (!screen->terminal) {
        (void)fprintf(stderr, "tandem: %s\n", text);
        return;
    }
    hide_live(screen);
    (void)snprintf(screen->live, sizeof(screen->live), "%s", text);
    show_live(screen);
}

void screen_say(struct screen *screen, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    hide_live(screen);
    (void)fputs("tandem: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    show_live(screen);
    va_end(args);
}

struct span screen_member(struct screen *screen, const char *line, size_t len, const char *member)
{
    struct span text = SPAN_NONE;
    if (len < 2 || line[0] != '{' ||
        json_parse(&screen->tape, (struct span){line, len}, NULL) != 0 ||
        !json_string_at(&screen->tape, 0, member, &text))
        return SPAN_NONE;
    return text;
}

static bool is_worth_showing(struct screen *screen, const char *line, size_t len)
{
    if (!screen->terminal || screen->verbose)
        return true;
    struct span level = screen_member(screen, line, len, "level");
    if (span_is(level, "info") || span_is(level, "debug"))
        return false;
    /* The live line says what is waited for, and for how long. */
    return !span_is(screen_member(screen, line, len, "msg"), "waiting");
}

/* "12:00:01 warn  waiting why=…": members behind msg as they come. */
static void print_members(const struct json_tape *tape)
{
    static const char *const SHOWN[] = {"ts", "level", "process", "instance", "msg"};
    for (uint32_t k = json_first(tape, 0); k < json_end(tape, 0); k = tape->tokens[k + 1].next) {
        struct span key = json_text(tape, k), value = json_text(tape, k + 1);
        bool shown = false;
        for (size_t i = 0; i < sizeof(SHOWN) / sizeof(SHOWN[0]); i++)
            shown |= span_is(key, SHOWN[i]);
        if (!shown)
            (void)fprintf(stderr, " %.*s=%.*s", (int)key.len, key.data, (int)value.len, value.data);
    }
}

static void print_as_text(struct screen *screen, const char *name, const char *line, size_t len)
{
    struct span msg = screen_member(screen, line, len, "msg");
    struct span level = SPAN_NONE;
    if (!msg.data || !json_string_at(&screen->tape, 0, "level", &level)) {
        (void)fprintf(stderr, "%s: %.*s\n", name, (int)len, line);
        return;
    }
    (void)fprintf(stderr, "%s: %.*s: %.*s", name, (int)level.len, level.data, (int)msg.len,
                  msg.data);
    print_members(&screen->tape);
    (void)fputc('\n', stderr);
}

void screen_process_line(struct screen *screen, const char *name, const char *line, size_t len)
{
    if (!is_worth_showing(screen, line, len))
        return;
    hide_live(screen);
    if (screen->terminal)
        print_as_text(screen, name, line, len);
    else
        (void)fprintf(stderr, "%s: %.*s\n", name, (int)len, line);
    show_live(screen);
}
