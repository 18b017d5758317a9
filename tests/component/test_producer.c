/*
 * test_producer — producer_run() with a probe source: it starts when the migration is prepared, goes on through what heals, and ends with a code that
 * says what to do about what does not.
 */
#include "component/process_fixture.h"

#include <sysexits.h>

#include "stream/log_reader.h"
#include "stream/producer.h"

/* ---- the probe ---- */

struct probe {
    int64_t count, step; /* options */
    const struct source_context *context;
    int64_t done;
    struct arena arena;
};

static const struct conf_option OPTIONS[] = {
    {.name = "count",
     .type = CONF_INT,
     .offset = offsetof(struct probe, count),
     .required = true,
     .min = 1,
     .max = 1000,
     .help = "events"},
    {.name = "step",
     .type = CONF_INT,
     .offset = offsetof(struct probe, step),
     .default_int = 10,
     .min = 1,
     .max = 100,
     .help = "a poll"},
    {0},
};

static int probe_open(void *self, const struct source_context *context, struct err *err)
{
    struct probe *probe = self;
    assert_int_equal(probe->done, 0); /* a fresh instance for each opening */
    probe->context = context;
    probe->done = 1;
    arena_init(&probe->arena);
    probe_note("open %s\n", context->settings->name);
    if (probe_switch("hold-open"))
        return err_set(err, ERR_RETRY, "the system does not answer");
    if (probe_switch("fail-open"))
        return err_exit(err, EX_NOPERM, "the system says no");
    probe->done = 0;
    return 0;
}

static int probe_poll(void *self, int timeout_ms, struct err *err)
{
    struct probe *probe = self;
    const struct entity *entity = &probe->context->migration->entities[0];
    if (probe_switch("hold-poll"))
        return err_set(err, ERR_RETRY, "the daily quota is spent");
    if (probe_switch("fail-poll"))
        return err_set(err, ERR_FATAL, "the probe breaks");
    for (int64_t i = 0; i < probe->step && probe->done < probe->count; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "salesforce:%lld", (long long)probe->done);
        struct event event = {.key = span_of(key),
                              .system = span_of("salesforce"),
                              .id = span_of(key + strlen("salesforce:")),
                              .op = 'r',
                              .version = {1, 2, 3, entity->generation},
                              .after = record_new(entity, &probe->arena)};
        if (source_put_event(probe->context, entity, &event, "probe", err) < 0)
            return -1;
        probe->done++;
    }
    arena_reset(&probe->arena);
    if (probe->done == probe->count && timeout_ms > 0)
        stage_pause();
    return 0;
}

static void probe_close(void *self)
{
    struct probe *probe = self;
    arena_clear(&probe->arena);
    probe_note("close\n");
}

static const struct source_type PROBE = {.name =
                                             "poll", /* the configuration knows no other type yet */
                                         .summary = "puts events",
                                         .size = sizeof(struct probe),
                                         .options = OPTIONS,
                                         .open = probe_open,
                                         .poll = probe_poll,
                                         .close = probe_close};

/* ---- the tests ---- */

#define SOURCE(name, rest) \
    "{ name = \"" name "\"; type = \"poll\"; system = \"salesforce\"; " rest " }"

static struct stage stage;

static int start(void **state)
{
    (void)state;
    return services_start(&stage.services, SERVICE_KAFKA);
}

static int stop(void **state)
{
    (void)state;
    services_stop(&stage.services);
    return 0;
}

static int count_one(void *self, const struct log_message *message, struct err *err)
{
    int *count = self;
    (void)err;
    if (log_message_header(message, "ce_id").len == HASH_HEX_BYTES - 1)
        ++*count;
    return 0;
}

static int events(void)
{
    char topic[TOPIC_NAME_BYTES];
    int count = 0;
    topic_name(stage.migration, TOPIC_CHANGES, &stage.migration->entities[0], topic);
    assert_ok(log_reader_fold(stage.migration, topic, count_one, &count, ok_));
    return count;
}

static void wait_events(int want)
{
    int64_t until_ms = stage_deadline();
    while (events() < want && clock_mono_ms(&CLOCK_SYSTEM) < until_ms)
        stage_pause();
    assert_int_equal(events(), want);
}

static void it_waits_for_the_migration_and_publishes(void **state)
{
    (void)state;
    stage_set(&stage, "publishes", "sources = ( " SOURCE("one", "count = 25;") " );");
    pid_t pid = stage_start(&stage, "a", NULL);
    stage_wait_says(&stage, "a.log", "waiting for `tandem run` to prepare");
    assert_false(stage_says(&stage, "journal", "open"));
    assert_ok(
        control_prepare(stage.migration, ok_)); /* and not --go: capture begins before apply */
    wait_events(25);
    assert_int_equal(stage_stop(&stage, pid), 0);
    char *journal = stage_read(&stage, "journal");
    assert_string_equal(journal, "open one\nclose\n");
    free(journal);
    assert_true(stage_says(&stage, "a.log", "\"process\":\"tandem-poll\""));
    stage_clear(&stage);
}

static void what_heals_is_waited_for(void **state)
{
    (void)state;
    stage_set(&stage, "heals", "sources = ( " SOURCE("one", "count = 5;") " );");
    stage_go(&stage);
    stage_switch(&stage, "hold-open", true);
    pid_t pid = stage_start(&stage, "a", NULL);
    stage_wait_says(&stage, "a.log", "the system does not answer");
    stage_switch(&stage, "hold-poll", true);
    stage_switch(&stage, "hold-open", false);
    stage_wait_says(&stage, "a.log", "the daily quota is spent");
    stage_switch(&stage, "hold-poll", false);
    wait_events(5);
    (void)kill(pid, SIGHUP);
    stage_wait_says(&stage, "a.log", "reloaded");
    assert_int_equal(stage_stop(&stage, pid), 0);
    stage_clear(&stage);
}

static void what_does_not_heal_ends_it(void **state)
{
    (void)state;
    stage_set(&stage, "ends", "sources = ( " SOURCE("one", "count = 5;") " );");
    stage_go(&stage);
    stage_switch(&stage, "fail-open", true);
    pid_t pid = stage_start(&stage, "a", NULL);
    assert_int_equal(stage_wait(&stage, pid), EX_NOPERM);
    assert_true(stage_says(&stage, "a.log", "the system says no"));
    stage_switch(&stage, "fail-open", false);
    stage_switch(&stage, "fail-poll", true);
    pid = stage_start(&stage, "a", NULL);
    assert_int_equal(stage_wait(&stage, pid), EX_SOFTWARE);
    char *journal = stage_read(&stage, "journal");
    assert_string_equal(journal,
                        "open one\nclose\nopen one\nclose\n"); /* closed also after a failed open */
    free(journal);
    stage_clear(&stage);
}

static void a_topic_that_vanished_ends_it(void **state)
{
    (void)state;
    stage_set(&stage, "no-topics", "sources = ( " SOURCE("one", "count = 5;") " );");
    stage_go(&stage);
    char *text = stage_read(&stage, "test.cfg");
    struct buf other; /* another name, whose topics nobody made */
    buf_init(&other, 0);
    char *at = strstr(text, "no-topics");
    assert_non_null(at);
    buf_put(&other, text, (size_t)(at - text));
    buf_printf(&other, "none%s", at + strlen("no-topics"));
    stage_write(stage.config, other.data);
    pid_t pid = stage_start(&stage, "a", NULL);
    assert_int_equal(stage_wait(&stage, pid), EX_CONFIG);
    assert_true(
        stage_says(&stage, "a.log", "none.control does not exist; run `tandem topics apply`"));
    free(text);
    buf_clear(&other);
    stage_clear(&stage);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *ns, *sources, *arguments[4];
        int code;
        const char *says;
    } cases[] = {
        {"good", "sources = ( " SOURCE("one", "count = 5;") " );", {"--check"}, 0, ""},
        {"named",
         "sources = ( " SOURCE("one", "count = 5;") ", " SOURCE("two", "count = 6;") " );",
         {"--check", "--source", "two"},
         0,
         ""},
        {"several",
         "sources = ( " SOURCE("one", "count = 5;") ", " SOURCE("two", "count = 6;") " );",
         {"--check"},
         EX_CONFIG,
         "2 sources have type poll; say --source NAME"},
        {"absent",
         "sources = ( " SOURCE("one", "count = 5;") " );",
         {"--check", "--source", "tow"},
         EX_CONFIG,
         "no source \"tow\""},
        {"no-source", "", {"--check"}, EX_CONFIG, "no source"},
        {"required", "sources = ( " SOURCE("one", "") " );", {"--check"}, EX_CONFIG, "count"},
        {"range",
         "sources = ( " SOURCE("one", "count = 5000;") " );",
         {"--check"},
         EX_CONFIG,
         "test.cfg:17: "},
        {"unknown",
         "sources = ( " SOURCE("one", "count = 5;\nstpe = 3;") " );",
         {"--check"},
         EX_CONFIG,
         "step"},
        {"both",
         "batsh = 1; sources = ( " SOURCE("one", "cuont = 5;") " );",
         {"--check"},
         EX_CONFIG,
         "batsh"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        stage.migration = NULL;
        stage_config(&stage, cases[i].ns, cases[i].sources);
        pid_t pid = stage_start(&stage, "a", cases[i].arguments);
        int code = stage_wait(&stage, pid);
        if (code != cases[i].code || !stage_says(&stage, "a.log", cases[i].says)) {
            char *log = stage_read(&stage, "a.log");
            fail_msg("%s: %d: %s", cases[i].ns, code, log);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--probe") == 0)
        return producer_run(&PROBE, argc - 1, argv + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_waits_for_the_migration_and_publishes),
        cmocka_unit_test(what_heals_is_waited_for),
        cmocka_unit_test(what_does_not_heal_ends_it),
        cmocka_unit_test(a_topic_that_vanished_ends_it),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
