/*
 * test_form_spool — entries on disk: their order, what a crash leaves behind, limits, damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "producers/form/spool.h"

enum { MAX_BYTES = 64 * 1024 };

struct place {
    char dir[64], spool[96], place[96];
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    (void)snprintf(place->dir, sizeof(place->dir), "/tmp/tandem-spool-XXXXXX");
    assert_non_null(place && mkdtemp(place->dir) ? place : NULL);
    (void)snprintf(place->spool, sizeof(place->spool), "%s/s.spool", place->dir);
    (void)snprintf(place->place, sizeof(place->place), "%s/s.place", place->dir);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    (void)unlink(place->spool);
    (void)unlink(place->place);
    (void)rmdir(place->dir);
    free(place);
    return 0;
}

static struct spool *open_one(const struct place *place)
{
    struct err err = ERR_INIT;
    struct spool *spool = spool_open(place->dir, "s", MAX_BYTES, &err);
    assert_string_equal(err.text, "");
    assert_non_null(spool);
    return spool;
}

static void append(struct spool *spool, const char *text)
{
    struct err err = ERR_INIT;
    struct span entry = span_of(text);
    assert_int_equal(spool_append(spool, &entry, 1, &err), 0);
}

/* The next entry is text; NULL: there is none. */
static void expect(struct spool *spool, int64_t *at, const char *text)
{
    struct err err = ERR_INIT;
    struct span entry;
    assert_int_equal(spool_next(spool, at, &entry, &err), text ? 1 : 0);
    if (text)
        assert_true(span_is(entry, text));
}

static void advance(struct spool *spool, int64_t at)
{
    struct err err = ERR_INIT;
    assert_int_equal(spool_advance(spool, at, &err), 0);
}

static off_t size_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void entries_keep_their_order(void **state)
{
    struct place *place = *state;
    struct spool *spool = open_one(place);
    int64_t at = 0;
    assert_int_equal(spool_waiting_bytes(spool), 0);
    expect(spool, &at, NULL);
    append(spool, "one");
    append(spool, "two\nTS1 lines\n");
    append(spool, "");
    expect(spool, &at, "one");
    advance(spool, at);
    spool_close(spool);
    spool = open_one(place); /* as after a crash: nothing is written at the closing */
    at = 0;
    expect(spool, &at, "two\nTS1 lines\n");
    append(spool, "four");
    expect(spool, &at, "");
    expect(spool, &at, "four");
    expect(spool, &at, NULL);
    advance(spool, at);
    assert_int_equal(spool_waiting_bytes(spool), 0);
    assert_int_equal(size_of(place->spool), 0);
    append(spool, "five");
    spool_close(spool);
    spool = open_one(place);
    at = 0;
    expect(spool, &at, "five");
    spool_close(spool);
}

/* Killed between the emptying and the place: the place leads nowhere. */
static void a_place_behind_the_end_is_a_beginning(void **state)
{
    struct place *place = *state;
    struct spool *spool = open_one(place);
    int64_t at = 0;
    append(spool, "one");
    append(spool, "two");
    expect(spool, &at, "one");
    advance(spool, at);
    spool_close(spool);
    assert_int_equal(truncate(place->spool, 0), 0);
    spool = open_one(place);
    assert_int_equal(spool_waiting_bytes(spool), 0);
    append(spool, "three");
    spool_close(spool);
    spool = open_one(place);
    at = 0;
    expect(spool, &at, "three");
    spool_close(spool);
}

/* Killed in the middle of an append, at any byte. */
static void half_an_entry_never_was(void **state)
{
    struct place *place = *state;
    struct spool *spool = open_one(place);
    int64_t at = 0;
    append(spool, "one");
    off_t whole = size_of(place->spool);
    append(spool, "two and more");
    off_t all = size_of(place->spool);
    spool_close(spool);
    for (off_t cut = all - 1; cut > whole; cut -= 7) {
        assert_int_equal(truncate(place->spool, cut), 0);
        spool = open_one(place);
        at = 0;
        expect(spool, &at, "one");
        expect(spool, &at, NULL);
        assert_int_equal(size_of(place->spool), whole);
        append(spool, "two and more");
        spool_close(spool);
    }
}

/* Bits that turned while it was open are not handed out. */
static void damage_is_told(void **state)
{
    struct place *place = *state;
    struct spool *spool = open_one(place);
    struct err err = ERR_INIT;
    struct span entry;
    int64_t at = 0;
    append(spool, "one");
    int fd = open(place->spool, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, size_of(place->spool) - 2), 1);
    (void)close(fd);
    assert_int_equal(spool_next(spool, &at, &entry, &err), -1);
    assert_int_equal(err.kind, ERR_FATAL);
    spool_close(spool);
}

static void it_has_a_limit(void **state)
{
    struct place *place = *state;
    struct spool *spool = open_one(place);
    struct err err = ERR_INIT;
    char large[MAX_BYTES / 4];
    memset(large, 'x', sizeof(large));
    struct span entries[2] = {{large, sizeof(large)}, {large, sizeof(large)}};
    assert_int_equal(spool_append(spool, entries, 1, &err), 0);
    assert_int_equal(spool_append(spool, entries, 1, &err), 0);
    off_t before = size_of(place->spool);
    assert_int_equal(spool_append(spool, entries, 2, &err), -1); /* all or none */
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(size_of(place->spool), before);
    append(spool, "small");
    spool_close(spool);
}

/* A disk without room takes half an entry: it is refused, and what comes once there is room follows the last whole one. */
static void a_full_disk_loses_nothing(void **state)
{
    struct place *place = *state;
    struct spool *spool = open_one(place);
    struct err err = ERR_INIT;
    struct rlimit before, full;
    int64_t at = 0;
    append(spool, "one");
    off_t whole = size_of(place->spool);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = (struct rlimit){(rlim_t)whole + 80, before.rlim_max};
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full),
                     0); /* write() says EFBIG where a disk says ENOSPC */
    struct span entry =
        span_of("refused, because a part of this entry finds no room behind the first one");
    assert_int_equal(spool_append(spool, &entry, 1, &err), -1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(err.kind, ERR_RETRY);
    assert_non_null(strstr(err.text, "it cannot be written: File too large"));
    assert_int_equal(size_of(place->spool), whole);
    append(spool, "two");
    spool_close(spool);
    spool = open_one(place);
    expect(spool, &at, "one");
    expect(spool, &at, "two");
    expect(spool, &at, NULL);
    spool_close(spool);
}

static void one_process_has_it(void **state)
{
    struct place *place = *state;
    struct spool *spool = open_one(place);
    struct err err = ERR_INIT;
    assert_null(spool_open(place->dir, "s", MAX_BYTES, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    spool_close(spool);
    err_clear(&err);
    assert_null(spool_open("/nowhere/at/all", "s", MAX_BYTES, &err));
    assert_int_equal(err.kind, ERR_FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_keep_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_behind_the_end_is_a_beginning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_an_entry_never_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_process_has_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
