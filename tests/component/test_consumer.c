/*
 * test_consumer — consumer_run() with a probe handler: each message worked on, in order, by the owner of its partition, however often the world is ill.
 */
#include "component/process_fixture.h"

#include <sysexits.h>

#include "base/service.h"
#include "stream/consumer.h"
#include "stream/kafka.h"
#include "stream/pause.h"

/* ---- the probe ---- */

struct probe {
    const char *instance;
    bool owned[FIXTURE_PARTITIONS];
};

static int probe_open(void *self, const struct handler_context *context, struct err *err)
{
    struct probe *probe = self;
    probe->instance = context->instance;
    if (probe_switch("hold-open"))
        return err_set(err, ERR_RETRY, "the probe does not open");
    probe_note("%s open - - -\n", probe->instance);
    return 0;
}

static int probe_assigned(void *self, const struct entity *entity, int32_t partition,
                          struct err *err)
{
    struct probe *probe = self;
    if (probe_switch("hold-assign") && partition == 0)
        return err_set(err, ERR_RETRY, "the probe is not ready for partition 0");
    probe->owned[partition] = true;
    probe_note("%s assigned %s %d -\n", probe->instance, entity->name, (int)partition);
    return 0;
}

static void probe_revoked(void *self, const struct entity *entity, int32_t partition)
{
    struct probe *probe = self;
    probe->owned[partition] = false;
    probe_note("%s revoked %s %d -\n", probe->instance, entity->name, (int)partition);
}

static int probe_batch(void *self, const struct message *messages, int n,
                       int64_t *ret_retry_after_ms, struct err *err)
{
    struct probe *probe = self;
    if (n > 50)
        return err_set(err, ERR_FATAL, "a batch of %d", n);
    if (probe_switch("hold-batch")) {
        *ret_retry_after_ms = 50;
        probe_note("%s tried %d %d %lld\n", probe->instance, n, (int)messages[0].partition,
                   (long long)messages[0].offset);
        return err_set(err, ERR_RETRY, "the target is away");
    }
    for (int i = 0; i < n; i++) {
        const struct message *message = &messages[i];
        if (!probe->owned[message->partition])
            return err_set(err, ERR_FATAL, "a message of partition %d before it was assigned",
                           (int)message->partition);
        probe_note("%s %s %.*s %d %lld\n", probe->instance,
                   message->kind == TOPIC_CHANGES ? "change" : "decision", (int)message->key.len,
                   message->key.data, (int)message->partition, (long long)message->offset);
    }
    if (probe_switch("die-batch"))
        (void)kill(getpid(), SIGKILL);
    if (probe_switch("fail-batch"))
        return err_set(err, ERR_FATAL, "the probe breaks");
    return 0;
}

static int probe_idle(void *self, int64_t *ret_retry_after_ms, struct err *err)
{
    struct probe *probe = self;
    (void)ret_retry_after_ms;
    (void)err;
    if (probe_switch("note-idle"))
        probe_note("%s idle - - -\n", probe->instance);
    return 0;
}

static void probe_close(void *self)
{
    struct probe *probe = self;
    if (probe->instance)
        probe_note("%s close - - -\n", probe->instance);
}

static const struct handler_type PROBE = {
    .name = "probe",
    .summary = "notes what it is given",
    .size = sizeof(struct probe),
    .topics = {TOPIC_CHANGES, TOPIC_DECISIONS, TOPIC_KIND_COUNT},
    .open = probe_open,
    .assigned = probe_assigned,
    .revoked = probe_revoked,
    .batch = probe_batch,
    .idle = probe_idle,
    .close = probe_close};

/* ---- the tests ---- */

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

/* The key says kind, partition and number, so that a journal line says what should have been. */
static void put(enum topic_kind kind, int32_t partition, int from, int to)
{
    struct err err = ERR_INIT;
    char topic[TOPIC_NAME_BYTES], key[64];
    struct sink *sink = sink_open(stage.migration, "test", "1", 0, &err);
    assert_non_null(sink);
    topic_name(stage.migration, kind, &stage.migration->entities[0], topic);
    for (int i = from; i < to; i++) {
        (void)snprintf(key, sizeof(key), "%c%d-%d", kind == TOPIC_CHANGES ? 'c' : 'd',
                       (int)partition, i);
        const struct sink_message message = {
            .topic = topic, .partition = partition, .key = span_of(key), .value = span_of("{}")};
        assert_ok(sink_put(sink, &message, NULL, ok_));
    }
    assert_ok(sink_settle(sink, FIXTURE_WAIT_MS, ok_));
    sink_close(sink);
}

static void put_all(int from, int to)
{
    for (int p = 0; p < FIXTURE_PARTITIONS; p++) {
        put(TOPIC_CHANGES, p, from, to);
        put(TOPIC_DECISIONS, p, from, to);
    }
}

enum { SEEN_MAX = 4000 };

/* What the journal says: how often each message was worked on, and that each owner saw its partitions in order. */
struct seen {
    int times[2][FIXTURE_PARTITIONS][SEEN_MAX];
    int distinct, total,
        repeats; /* repeats: seen again by the same instance without a start between */
};

struct owner {
    char instance[16];
    long long last[2][FIXTURE_PARTITIONS];
    bool owns[FIXTURE_PARTITIONS];
};

static struct owner *owner_of(struct owner *owners, const char *instance)
{
    int i = 0;
    while (owners[i].instance[0] && strcmp(owners[i].instance, instance) != 0)
        i++;
    if (!owners[i].instance[0]) {
        (void)snprintf(owners[i].instance, sizeof(owners[i].instance), "%s", instance);
        memset(owners[i].last, -1, sizeof(owners[i].last));
    }
    return &owners[i];
}

static void see_message(struct seen *seen, struct owner *owner, int kind, const char *key,
                        int partition, long long offset)
{
    char *end = NULL;
    assert_int_equal(key[0], kind ? 'd' : 'c');
    assert_int_equal(strtol(key + 1, &end, 10), partition);
    long number = strtol(end + 1, NULL, 10);
    assert_in_range(number, 0, SEEN_MAX - 1);
    assert_true(owner->owns[partition]);
    if (offset <= owner->last[kind][partition])
        seen->repeats++;
    owner->last[kind][partition] = offset;
    seen->total++;
    if (seen->times[kind][partition][number]++ == 0)
        seen->distinct++;
}

/* "instance what key partition offset" */
static void see_line(struct seen *seen, struct owner *owners, char *line)
{
    char *save = NULL, *words[5] = {0};
    for (int i = 0; i < 5; i++) {
        words[i] = strtok_r(i ? NULL : line, " ", &save);
        assert_non_null(words[i]);
    }
    struct owner *owner = owner_of(owners, words[0]);
    const char *what = words[1];
    long partition = strtol(words[3], NULL, 10);
    assert_in_range(partition, 0, FIXTURE_PARTITIONS - 1);
    if (strcmp(what, "open") == 0) {
        memset(owner->last, -1, sizeof(owner->last));
    } else if (strcmp(what, "assigned") == 0 || strcmp(what, "revoked") == 0) {
        owner->owns[partition] = what[0] == 'a';
        owner->last[0][partition] = owner->last[1][partition] = -1;
    } else if (strcmp(what, "change") == 0 || strcmp(what, "decision") == 0) {
        see_message(seen, owner, what[0] == 'd', words[2], (int)partition,
                    strtoll(words[4], NULL, 10));
    }
}

static void see(struct seen *seen)
{
    struct owner owners[8] = {0};
    char *text = stage_read(&stage, "journal"), *save = NULL;
    *seen = (struct seen){.distinct = 0};
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        see_line(seen, owners, line);
    free(text);
}

static struct seen seen;

static void wait_distinct(int count)
{
    int64_t until_ms = stage_deadline();
    for (see(&seen); seen.distinct < count; see(&seen)) {
        if (clock_mono_ms(&CLOCK_SYSTEM) > until_ms)
            fail_msg("%d of %d messages after %d ms", seen.distinct, count, FIXTURE_WAIT_MS);
        stage_pause();
    }
    assert_int_equal(seen.distinct, count);
}

/* The sum of the group's committed offsets. */
static int64_t committed(void)
{
    struct err err = ERR_INIT;
    char group[64];
    (void)snprintf(group, sizeof(group), "%s.probe", stage.migration->ns);
    const struct kafka_property ours[] = {{"group.id", group}, {0}};
    rd_kafka_conf_t *conf = kafka_conf_new(stage.migration, "test", "1", NULL, ours, &err);
    rd_kafka_t *handle = kafka_new(RD_KAFKA_CONSUMER, conf, &err);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (int p = 0; p < FIXTURE_PARTITIONS; p++) {
        char topic[TOPIC_NAME_BYTES];
        topic_name(stage.migration, TOPIC_CHANGES, &stage.migration->entities[0], topic);
        rd_kafka_topic_partition_list_add(list, topic, p);
        topic_name(stage.migration, TOPIC_DECISIONS, &stage.migration->entities[0], topic);
        rd_kafka_topic_partition_list_add(list, topic, p);
    }
    int64_t sum = 0;
    if (rd_kafka_committed(handle, list, FIXTURE_WAIT_MS) != 0)
        sum = -1;
    for (int i = 0; i < list->cnt && sum >= 0; i++)
        sum += list->elems[i].offset > 0 ? list->elems[i].offset : 0;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(handle);
    return sum;
}

static void wait_committed(int64_t count)
{
    int64_t until_ms = stage_deadline(), sum;
    while ((sum = committed()) < count) {
        if (clock_mono_ms(&CLOCK_SYSTEM) > until_ms)
            fail_msg("%lld of %lld offsets committed", (long long)sum, (long long)count);
        stage_pause();
    }
    assert_int_equal(sum, count);
}

static void it_waits_for_go_and_works_in_order(void **state)
{
    (void)state;
    stage_set(&stage, "order", "");
    put_all(0, 300);
    pid_t pid = stage_start(&stage, "a", NULL);
    stage_wait_says(&stage, "a.log", "waiting for `tandem run` to prepare");
    assert_ok(control_prepare(stage.migration, ok_));
    stage_wait_says(&stage, "a.log", "waiting for `tandem run --go`");
    assert_false(stage_says(&stage, "journal", "open"));
    assert_ok(control_go(stage.migration, ok_));
    wait_distinct(2400);
    assert_int_equal(seen.total, 2400); /* each once */
    assert_int_equal(seen.repeats, 0);
    wait_committed(2400);
    stage_switch(&stage, "note-idle", true);
    stage_wait_says(&stage, "journal", "a idle");
    assert_int_equal(stage_stop(&stage, pid), 0);
    stage_wait_says(&stage, "journal", "a close");

    /* Started again it goes on where it was. */
    put_all(300, 310);
    pid = stage_start(&stage, "a", NULL);
    wait_distinct(2480);
    assert_int_equal(seen.total, 2480);
    assert_int_equal(stage_stop(&stage, pid), 0);
    wait_committed(2480);
    stage_clear(&stage);
}

/* An owner sees nothing twice; the next owner may (a slow machine loses a session of six seconds). */
static void assert_once(int total)
{
    assert_int_equal(seen.repeats, 0);
    assert_true(seen.total == total || stage_says(&stage, "journal", "revoked"));
}

static void a_batch_that_waits_comes_again(void **state)
{
    (void)state;
    stage_set(&stage, "waits", "");
    stage_go(&stage);
    stage_switch(&stage, "hold-batch", true);
    put_all(0, 100);
    pid_t pid = stage_start(&stage, "a", NULL);
    stage_wait_says(&stage, "a.log", "the target is away");
    /* Longer than the session: an owner that stopped polling would lose its partitions. */
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + 8000;
    while (clock_mono_ms(&CLOCK_SYSTEM) < until_ms)
        stage_pause();
    see(&seen);
    assert_int_equal(seen.total, 0);
    assert_int_equal(committed(), 0);
    assert_false(stage_says(&stage, "journal", "revoked"));
    stage_switch(&stage, "hold-batch", false);
    wait_distinct(800);
    assert_once(800);
    for (int i = 0; i < 20; i++) { /* again and again, and nothing is skipped or repeated */
        stage_switch(&stage, "hold-batch", i % 2);
        put(TOPIC_CHANGES, i % FIXTURE_PARTITIONS, 100 + i, 101 + i);
    }
    stage_switch(&stage, "hold-batch", false);
    wait_distinct(820);
    assert_once(820);
    assert_int_equal(stage_stop(&stage, pid), 0);
    wait_committed(820);
    stage_clear(&stage);
}

static void nothing_comes_before_the_handler_is_ready(void **state)
{
    (void)state;
    stage_set(&stage, "ready", "");
    stage_go(&stage);
    stage_switch(&stage, "hold-open", true);
    stage_switch(&stage, "hold-assign", true);
    put_all(0, 50);
    pid_t pid = stage_start(&stage, "a", NULL);
    stage_wait_says(&stage, "a.log", "the probe does not open");
    stage_switch(&stage, "hold-open", false);
    wait_distinct(300); /* three partitions of two topics */
    assert_false(stage_says(&stage, "journal", "assigned contact 0"));
    stage_switch(&stage, "hold-assign", false);
    wait_distinct(400);
    assert_int_equal(seen.total, 400);
    assert_int_equal(stage_stop(&stage, pid), 0);
    stage_clear(&stage);
}

static int count(const char *words)
{
    int found = 0;
    char *text = stage_read(&stage, "journal");
    for (char *at = strstr(text, words); at; at = strstr(at + 1, words))
        found++;
    free(text);
    return found;
}

static void partitions_are_shared_and_handed_over(void **state)
{
    (void)state;
    stage_set(&stage, "shared", "");
    stage_go(&stage);
    put_all(0, 100);
    pid_t a = stage_start(&stage, "a", NULL);
    wait_distinct(800);
    pid_t b = stage_start(&stage, "b", NULL);
    stage_wait_says(&stage, "journal", "b assigned");
    put_all(100, 200); /* while they part */
    wait_distinct(1600);
    int64_t until_ms = stage_deadline();
    while (count("b assigned") < 2 && clock_mono_ms(&CLOCK_SYSTEM) < until_ms)
        stage_pause();
    assert_int_equal(count("b assigned"), 2); /* two of four, changes and decisions together */
    assert_int_equal(seen.repeats, 0);

    /* a is killed: its partitions go to b when its session is over, nothing is lost */
    (void)kill(a, SIGKILL);
    assert_int_equal(stage_wait(&stage, a), -SIGKILL);
    put_all(200, 250);
    wait_distinct(2000);
    assert_int_equal(stage_stop(&stage, b), 0);
    wait_committed(2000);
    stage_clear(&stage);
}

static void what_was_not_stored_comes_again(void **state)
{
    (void)state;
    stage_set(&stage, "dies", "");
    stage_go(&stage);
    put(TOPIC_CHANGES, 1, 0, 40);
    stage_switch(&stage, "die-batch", true);
    pid_t pid = stage_start(&stage, "a", NULL);
    assert_int_equal(stage_wait(&stage, pid), -SIGKILL);
    assert_int_equal(committed(), 0);
    stage_switch(&stage, "die-batch", false);
    stage_switch(&stage, "fail-batch", true);
    pid = stage_start(&stage, "a", NULL);
    assert_int_equal(stage_wait(&stage, pid), EX_SOFTWARE);
    assert_int_equal(committed(), 0);
    assert_true(stage_says(&stage, "a.log", "the probe breaks"));
    stage_switch(&stage, "fail-batch", false);
    pid = stage_start(&stage, "a", NULL);
    wait_distinct(40);
    wait_committed(40);
    assert_true(seen.total > 40);
    assert_int_equal(stage_stop(&stage, pid), 0);
    stage_clear(&stage);
}

static void the_second_of_an_instance_fences_the_first(void **state)
{
    (void)state;
    stage_set(&stage, "fenced", "");
    stage_go(&stage);
    pid_t first = stage_start(&stage, "a", NULL);
    stage_wait_says(&stage, "journal", "a assigned contact 3");
    pid_t second = stage_start(&stage, "a", NULL);
    assert_int_equal(stage_wait(&stage, first), EXIT_FENCED);
    put(TOPIC_CHANGES, 0, 0, 10);
    wait_distinct(10);
    assert_int_equal(stage_stop(&stage, second), 0);
    stage_clear(&stage);
}

/* The broker hung longer than a session: whoever is fenced then was so by a join of its own, as far as it can know, and joins anew. */
static void a_lost_session_is_joined_anew(void **state)
{
    (void)state;
    stage_set(&stage, "rejoin", "");
    stage_go(&stage);
    pid_t first = stage_start(&stage, "a", NULL), broker = services_kafka_pid(&stage.services);
    stage_wait_says(&stage, "journal", "a assigned contact 3");
    assert_int_equal(kill(broker, SIGSTOP), 0);
    stage_wait_says(&stage, "a.log", "SESSTMOUT");
    stage_switch(&stage, "journal", false);
    assert_int_equal(kill(broker, SIGCONT), 0);
    stage_wait_says(&stage, "journal", "a assigned contact 3");
    pid_t second = stage_start(&stage, "a", NULL);
    stage_wait_says(&stage, "a.log", "joining anew");
    assert_int_equal(stage_wait(&stage, second), EXIT_FENCED);
    put(TOPIC_CHANGES, 0, 0, 10);
    wait_distinct(10);
    wait_committed(10);
    assert_int_equal(stage_stop(&stage, first), 0);
    stage_clear(&stage);
}

/* What is paused rests, also in a process that starts then; the migration's pause and the entity's are two. */
static void what_is_paused_rests(void **state)
{
    (void)state;
    stage_set(&stage, "pause", "");
    stage_go(&stage);
    put_all(0, 10);
    pid_t pid = stage_start(&stage, "a", NULL);
    wait_distinct(80);
    assert_ok(pause_set(stage.migration, NULL, true, "ann@host", "month end", ok_));
    stage_wait_says(&stage, "a.log", "\"paused\"");
    put_all(10, 20);
    assert_int_equal(stage_stop(&stage, pid), 0);
    pid = stage_start(&stage, "b", NULL);
    stage_wait_says(&stage, "b.log", "\"paused\"");
    stage_wait_says(&stage, "b.log", "partitions assigned");

    struct pauses pauses;
    assert_ok(pause_set(stage.migration, "contact", true, "bob@host", "", ok_));
    assert_ok(pause_set(stage.migration, NULL, false, "ann@host", "", ok_));
    assert_ok(pauses_read(stage.migration, &pauses, ok_));
    assert_true(!pauses.all.on && pauses.entities[0].on && pauses.entities[0].since_ms > 0);
    assert_string_equal(pauses.entities[0].who, "bob@host");
    stage_switch(&stage, "note-idle", true);
    stage_wait_says(&stage, "journal", "b idle"); /* what is not of one entity goes on */
    see(&seen);
    assert_int_equal(seen.total, 80);
    assert_ok(pause_set(stage.migration, "contact", false, "bob@host", "", ok_));
    wait_distinct(160);
    assert_int_equal(seen.total, 160);
    assert_int_equal(stage_stop(&stage, pid), 0);

    struct err err = ERR_INIT;
    assert_int_equal(pause_set(stage.migration, "contct", true, "", "", &err), -1);
    assert_string_equal(err.text, "the migration has no entity \"contct\"");
    stage_clear(&stage);
}

static void arguments_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[3];
        int code;
        const char *says;
    } cases[] = {
        {{"--help"}, 0, ""},
        {{"--version"}, 0, ""},
        {{"--nonsense"}, EX_USAGE, "try `tandem-probe --help`"},
        {{"--source", "x"}, EX_USAGE, "does not take"},
        {{"extra"}, EX_USAGE, "does not take"},
        {{"--instance", "a b"}, EX_USAGE, "--instance takes"},
        {{"--config", "/nonexistent"}, EX_CONFIG, "/nonexistent"},
        {{"--check"}, 0, ""},
    };
    stage_set(&stage, "usage", "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        stage_switch(&stage, "a.log", false);
        pid_t pid = stage_start(&stage, "a", cases[i].arguments);
        assert_int_equal(stage_wait(&stage, pid), cases[i].code);
        assert_true(stage_says(&stage, "a.log", cases[i].says));
    }
    stage_clear(&stage);
}

static void a_wrong_configuration_is_explained(void **state)
{
    (void)state;
    stage_set(&stage, "wrong", "");
    char *text = stage_read(&stage, "test.cfg");
    struct buf wrong;
    buf_init(&wrong, 0);
    buf_printf(&wrong, "%s\nbatsh = 5;\n", text);
    stage_write(stage.config, wrong.data);
    pid_t pid = stage_start(&stage, "a", (const char *const[]){"--check", NULL});
    assert_int_equal(stage_wait(&stage, pid), EX_CONFIG);
    assert_true(stage_says(&stage, "a.log", "test.cfg:"));
    assert_true(stage_says(&stage, "a.log", "batsh"));
    free(text);
    buf_clear(&wrong);
    stage_clear(&stage);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--probe") == 0)
        return consumer_run(&PROBE, argc - 1, argv + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_waits_for_go_and_works_in_order),
        cmocka_unit_test(a_batch_that_waits_comes_again),
        cmocka_unit_test(nothing_comes_before_the_handler_is_ready),
        cmocka_unit_test(partitions_are_shared_and_handed_over),
        cmocka_unit_test(what_was_not_stored_comes_again),
        cmocka_unit_test(the_second_of_an_instance_fences_the_first),
        cmocka_unit_test(a_lost_session_is_joined_anew),
        cmocka_unit_test(what_is_paused_rests),
        cmocka_unit_test(arguments_are_explained),
        cmocka_unit_test(a_wrong_configuration_is_explained),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
