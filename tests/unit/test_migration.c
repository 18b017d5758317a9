/*
 * test_migration — a configuration without fault, value by value, and what
 * the hash of a mapping names. Mistakes are in test_check_cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/migration.h"
#include "model/record.h"
#include "model/truth.h"

static char dir[64], main_path[128];

static void write_file(const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static int make_dir(void **state)
{
    (void)state;
    char path[256];
    (void)snprintf(dir, sizeof(dir), "/tmp/tandem-migration-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(main_path, sizeof(main_path), "%s/main.cfg", dir);
    (void)snprintf(path, sizeof(path), "%s/part", dir);
    if (mkdir(path, 0700) < 0)
        return -1;
    write_file("token", "t");
    write_file("part/token", "t");
    write_file(
        "part/hubspot.inc",
        "connector = { name = \"hubspot\"; }; token_file = \"token\"; ca_file = \"ca.pem\";\n");
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const names[] = {"token", "part/token", "part/hubspot.inc", "main.cfg"};
    char path[256];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof(path), "%s/part", dir);
    return rmdir(path) || rmdir(dir);
}

/* A whole configuration around these fields. */
static struct migration *open_with(const char *head, const char *fields)
{
    struct buf text;
    buf_init(&text, 0);
    buf_printf(
        &text,
        "%s\nold = \"salesforce\"; new = \"hubspot\";\n"
        "kafka = { properties = [\"bootstrap.servers=a:1\", \"linger.ms=5\"]; replication = 1; };\n"
        "redis = { address = \"/run/redis.sock\"; user = \"u\"; password_file = \"token\"; };\n"
        "systems = {\n"
        "  salesforce = { connector = { name = \"sf\"; id_form = \"salesforce\"; }; url = "
        "\"https://a.example\"; account = "
        "\"acme\";\n"
        "    client_id = \"c\"; client_secret_file = \"token\"; };\n"
        "  hubspot = {\n@include \"part/hubspot.inc\"\n url = \"http://b.example\"; };\n};\n"
        "entities = ( { name = \"contact\"; old = { object = \"Contact\"; };\n"
        "  new = { object = \"contacts\"; external_id = \"x\"; marker = \"m\"; };\n"
        "  fields = ( %s ); } );\n"
        "sources = ( { name = \"p\"; type = \"poll\"; system = \"salesforce\"; interval_ms = 7; } "
        ");\n"
        "health_listen = \"127.0.0.1:0\";\n",
        head, fields);
    assert_false(text.failed);
    write_file("main.cfg", text.data);
    buf_clear(&text);
    struct conf_report report;
    conf_report_init(&report);
    struct migration *migration = migration_open(main_path, &report);
    if (!migration)
        fail_msg("%d: %s; %s", report.mistakes[0].line, report.mistakes[0].text,
                 report.mistakes[0].suggestion);
    conf_report_clear(&report);
    return migration;
}

#define HEAD "migration = \"acme\"; time_zone = \"America/New_York\"; kill_date = \"2027-03-01\";"
#define EMAIL                                                                                \
    "{ name = \"email\"; type = \"email\"; old = \"Email\"; new = \"email\"; match = true; " \
    "unique = true; pii = true; max_bytes = 200; }"
#define SOURCE                                                                         \
    "{ name = \"source\"; type = \"enum\"; old = \"Lead\"; new = \"lead\"; values = (" \
    "{ name = \"web\"; old = \"Web\"; new = \"WEB\"; }, { name = \"fax\"; old = \"Fax\"; } ); }"
#define SEEN "{ name = \"a_seen\"; type = \"timestamp\"; old = \"Seen\"; volatile = true; }"

static void the_whole(void **state)
{
    (void)state;
    struct migration *m = open_with(HEAD, EMAIL "," SOURCE "," SEEN);
    char path[256];
    assert_string_equal(m->ns, "acme");
    assert_string_equal(m->path, main_path);
    assert_string_equal(m->log_level, "info");
    assert_string_equal(m->health_listen, "127.0.0.1:0");
    (void)snprintf(path, sizeof(path), "%s/run", dir);
    assert_string_equal(m->run_dir, path);
    assert_int_equal(m->kill_ms, INT64_C(1803877200000)); /* 2027-03-01T05:00Z */
    assert_string_equal(m->kill_date, "2027-03-01");

    assert_int_equal(m->kafka.property_count, 2);
    assert_string_equal(m->kafka.properties[1], "linger.ms=5");
    assert_int_equal(m->kafka.partitions, 4);
    assert_int_equal(m->kafka.replication, 1);
    assert_int_equal(m->kafka.record_max_bytes, 1000000);
    (void)snprintf(path, sizeof(path), "%s/token", dir);
    assert_string_equal(m->redis.address, "/run/redis.sock");
    assert_string_equal(m->redis.password_file, path);
    assert_int_equal(m->apply.instances, 1);
    assert_int_equal(m->apply.batch_records, 1000);
    assert_false(m->apply.conditional);

    assert_int_equal(m->system_count, 2);
    assert_string_equal(m->old_system->name, "salesforce");
    assert_string_equal(m->old_system->account, "acme");
    assert_string_equal(m->old_system->client_secret_file, path);
    assert_null(m->old_system->token_file);
    assert_string_equal(m->new_system->account, "b.example");
    assert_non_null(
        config_setting_get_member((config_setting_t *)(uintptr_t)m->new_system->connector, "name"));
    /* Paths are relative to the file that says them. */
    (void)snprintf(path, sizeof(path), "%s/part/token", dir);
    assert_string_equal(m->new_system->token_file, path);
    (void)snprintf(path, sizeof(path), "%s/part/ca.pem", dir);
    assert_string_equal(m->new_system->ca_file, path);

    const struct source_settings *source = migration_source(m, "p");
    assert_non_null(source);
    assert_ptr_equal(source->system, m->old_system);
    assert_non_null(
        config_setting_get_member((config_setting_t *)(uintptr_t)source->group, "interval_ms"));
    assert_null(migration_source(m, "q"));
    migration_close(m);
    migration_close(NULL);
}

static void the_mapping(void **state)
{
    (void)state;
    struct migration *m = open_with(HEAD, EMAIL "," SOURCE "," SEEN);
    const struct entity *contact = migration_entity(m, "contact");
    assert_non_null(contact);
    assert_null(migration_entity(m, "deal"));
    assert_string_equal(contact->old_object, "Contact");
    assert_string_equal(contact->external_id, "x");
    assert_string_equal(contact->marker, "m");
    assert_int_equal(contact->field_count, 3);
    assert_int_equal(contact->sorted[0], 2);
    assert_int_equal(contact->sorted[1], 0);
    assert_int_equal(contact->sorted[2], 1);
    const struct field *email = &contact->fields[0], *source = &contact->fields[1],
                       *seen = &contact->fields[2];
    assert_true(email->match && email->unique_in_new && email->pii && !email->is_volatile);
    assert_int_equal(email->rules.max_bytes, 200);
    assert_int_equal(source->rules.type, VALUE_ENUM);
    assert_int_equal(source->rules.choice_count, 2);
    assert_null(source->rules.choices[1].new_name);
    assert_int_equal(source->rules.max_bytes, 65536);
    assert_true(seen->is_volatile && !seen->match && !seen->pii);
    assert_null(seen->new_name);
    assert_ptr_equal(seen->rules.zone, m->zone);
    assert_null(email->rules.zone);
    migration_close(m);
}

/* Does it change what a record is? Then it is another mapping. */
static void hash_of_the_mapping(void **state)
{
    (void)state;
    static const struct {
        const char *name, *head, *fields;
        bool same;
    } cases[] = {
        {"itself", HEAD, EMAIL "," SOURCE "," SEEN, true},
        {"another order", HEAD, SEEN "," SOURCE "," EMAIL, true},
        {"another name and day",
         "migration = \"b\"; time_zone = \"America/New_York\"; kill_date = \"2028-03-01\";",
         EMAIL "," SOURCE "," SEEN, true},
        {"what is masked and matched", HEAD,
         "{ name = \"email\"; type = \"email\"; old = \"Email\"; new = \"email\"; match = true; "
         "}," SOURCE "," SEEN,
         true},
        {"the table's order", HEAD,
         EMAIL "," SEEN
               ", { name = \"source\"; type = \"enum\"; old = \"Lead\"; new = \"lead\"; values = ("
               "{ name = \"fax\"; old = \"Fax\"; }, { name = \"web\"; old = \"Web\"; new = "
               "\"WEB\"; } ); }",
         true},
        {"a field less", HEAD, EMAIL "," SOURCE, false},
        {"another type", HEAD,
         "{ name = \"email\"; type = \"string\"; old = \"Email\"; new = \"email\"; match = true; "
         "}," SOURCE "," SEEN,
         false},
        {"another old name", HEAD,
         "{ name = \"email\"; type = \"email\"; old = \"Mail\"; new = \"email\"; match = true; "
         "}," SOURCE "," SEEN,
         false},
        {"another new name", HEAD,
         "{ name = \"email\"; type = \"email\"; old = \"Email\"; new = \"mail\"; match = true; "
         "}," SOURCE "," SEEN,
         false},
        {"no longer volatile", HEAD,
         EMAIL "," SOURCE ", { name = \"a_seen\"; type = \"timestamp\"; old = \"Seen\"; }", false},
        {"another value", HEAD,
         EMAIL "," SEEN
               ", { name = \"source\"; type = \"enum\"; old = \"Lead\"; new = \"lead\"; values = ("
               "{ name = \"web\"; old = \"Web\"; new = \"WEB\"; }, { name = \"fax\"; old = "
               "\"Telefax\"; } ); }",
         false},
        {"a table for several values", HEAD,
         EMAIL "," SEEN
               ", { name = \"source\"; type = \"multi\"; old = \"Lead\"; new = \"lead\"; values = ("
               "{ name = \"web\"; old = \"Web\"; new = \"WEB\"; }, { name = \"fax\"; old = "
               "\"Fax\"; } ); }",
         false},
        {"another zone",
         "migration = \"acme\"; time_zone = \"Europe/Berlin\"; kill_date = \"2027-03-01\";",
         EMAIL "," SOURCE "," SEEN, false},
    };
    char first[HASH_HEX_BYTES] = "";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct migration *m = open_with(cases[i].head, cases[i].fields);
        const char *hash = m->entities[0].hash;
        assert_int_equal(strlen(hash), 64);
        if (i == 0)
            memcpy(first, hash, sizeof(first));
        if ((strcmp(first, hash) == 0) != cases[i].same)
            fail_msg("%s", cases[i].name);
        migration_close(m);
    }
}

#define WITH(more)                                                                               \
    EMAIL ", { name = \"code\"; type = \"string\"; old = \"Code\"; new = \"code\"; }, { name = " \
          "\"x\"; " more " }"

/* Each of these is another mapping than all others. */
static void hash_of_conversions(void **state)
{
    (void)state;
    static const char *const fields[] = {
        WITH("type = \"decimal\"; old = \"X\"; new = \"y\";"),
        WITH("type = \"currency\"; old = \"X\"; new = \"y\"; code = \"USD\";"),
        WITH("type = \"currency\"; old = \"X\"; new = \"y\"; code = \"EUR\";"),
        WITH("type = \"currency\"; old = \"X\"; new = \"y\"; code_field = \"code\";"),
        WITH("type = \"reference\"; old = \"X\"; new = \"y\"; to = \"contact\";"),
        WITH("type = \"reference\"; old = \"X\"; new = \"y\"; to = \"owner\"; by = \"email\";"),
        WITH("type = \"reference\"; old = \"X\"; to = \"contact\"; association = \"1\";"),
        WITH("type = \"reference\"; old = \"X\"; to = \"contact\"; association = \"2\";"),
        WITH("type = \"reference\"; old = \"X\"; to = \"contact\"; association = "
             "\"USER_DEFINED:2\";"),
        WITH("type = \"string\"; new = \"y\"; from = [\"code\"]; jq = \".code\";"),
        WITH("type = \"string\"; new = \"y\"; from = [\"code\"]; jq = \".code | .\";"),
        WITH("type = \"string\"; new = \"y\"; from = [\"email\"]; jq = \".code\";"),
        WITH("type = \"string\"; new = \"y\"; jq = \".code\";"),
    };
    enum { FIELDS_COUNT = sizeof(fields) / sizeof(fields[0]) };
    char hashes[FIELDS_COUNT][HASH_HEX_BYTES];
    for (int i = 0; i < FIELDS_COUNT; i++) {
        struct migration *m = open_with(HEAD, fields[i]);
        memcpy(hashes[i], m->entities[0].hash, sizeof(hashes[i]));
        for (int k = 0; k < i; k++)
            if (strcmp(hashes[i], hashes[k]) == 0)
                fail_msg("%s\nand\n%s", fields[i], fields[k]);
        migration_close(m);
    }
}

#define SOURCE_TABLE(type, values) \
    EMAIL ", { name = \"source\"; type = \"" type "\"; old = \"Lead\"; new = \"lead\"; " values " }"
#define WEB "{ name = \"web\"; old = \"Web\"; new = \"WEB\"; }"
#define FAX "{ name = \"fax\"; old = \"Fax\"; }"

static char *shape_of(const char *fields)
{
    struct migration *m = open_with(HEAD, fields);
    struct buf shape;
    buf_init(&shape, 0);
    migration_shape(m, &m->entities[0], &shape);
    migration_close(m);
    char *text = buf_take(&shape);
    assert_non_null(text);
    return text;
}

/* What has to be read again when one mapping follows on another. */
static void rereads(void **state)
{
    (void)state;
    static const struct {
        const char *name, *known, *now;
        enum mapping_reread want;
    } cases[] = {
        {"nothing changed", EMAIL "," SOURCE, EMAIL "," SOURCE, REREAD_DEAD_LETTERS},
        {"another order", EMAIL "," SOURCE, SOURCE "," EMAIL, REREAD_DEAD_LETTERS},
        {"a value more", SOURCE_TABLE("enum", "values = (" WEB ");"),
         SOURCE_TABLE("enum", "values = (" FAX "," WEB ");"), REREAD_DEAD_LETTERS},
        {"a value less", SOURCE_TABLE("enum", "values = (" FAX "," WEB ");"),
         SOURCE_TABLE("enum", "values = (" WEB ");"), REREAD_EVERYTHING},
        {"another value", SOURCE_TABLE("enum", "values = (" WEB ");"),
         SOURCE_TABLE("enum", "values = (" FAX ");"), REREAD_EVERYTHING},
        {"a table at all", SOURCE_TABLE("multi", ""), SOURCE_TABLE("multi", "values = (" WEB ");"),
         REREAD_EVERYTHING},
        {"another type", SOURCE_TABLE("enum", "values = (" WEB ");"),
         SOURCE_TABLE("multi", "values = (" WEB ");"), REREAD_EVERYTHING},
        {"a field more", EMAIL, EMAIL "," SEEN, REREAD_EVERYTHING},
        {"a field less", EMAIL "," SEEN, EMAIL, REREAD_EVERYTHING},
        {"another code", WITH("type = \"currency\"; old = \"X\"; new = \"y\"; code = \"USD\";"),
         WITH("type = \"currency\"; old = \"X\"; new = \"y\"; code = \"EUR\";"), REREAD_EVERYTHING},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *known = shape_of(cases[i].known), *now = shape_of(cases[i].now);
        if (migration_compare(span_of(known), span_of(now)) != cases[i].want)
            fail_msg("%s:\n%s\n%s", cases[i].name, known, now);
        free(known);
        free(now);
    }
    static const char *const odd[] = {"", "{", "[]", "{\"email\":1}", "{\"email\":[]}"};
    char *now = shape_of(EMAIL);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        assert_int_equal(migration_compare(span_of(odd[i]), span_of(now)), REREAD_EVERYTHING);
    assert_int_equal(migration_compare(SPAN_NONE, span_of(now)), REREAD_EVERYTHING);
    free(now);
}

static void conversions(void **state)
{
    (void)state;
    struct migration *m =
        open_with(HEAD, WITH("type = \"reference\"; old = \"X\"; to = \"contact\"; association = "
                             "\"279\";") ","
                                         "{ name = \"fee\"; type = \"currency\"; old = \"Fee\"; "
                                         "new = \"fee\"; code_field = "
                                         "\"code\"; }, { name = \"line\"; type = \"string\"; new = "
                                         "\"line\"; from = [\"code\", "
                                         "\"email\"]; jq = \".code + .email\"; }");
    const struct entity *contact = migration_entity(m, "contact");
    const struct field *x = &contact->fields[2], *fee = &contact->fields[3],
                       *line = &contact->fields[4];
    assert_string_equal(x->rules.reference->to, "contact");
    assert_string_equal(x->rules.reference->association_category, "HUBSPOT_DEFINED");
    assert_int_equal(x->rules.reference->association_type, 279);
    assert_string_equal(x->rules.reference->systems[SIDE_OLD], "salesforce");
    assert_string_equal(x->rules.reference->systems[SIDE_NEW], "hubspot");
    assert_int_equal(x->rules.reference->id_forms[SIDE_OLD], VALUE_ID_SALESFORCE);
    assert_int_equal(x->rules.reference->id_forms[SIDE_NEW], VALUE_ID_TEXT);
    assert_int_equal(fee->input_count, 1);
    assert_int_equal(fee->inputs[0], 1);
    assert_int_equal(line->input_count, 2);
    assert_int_equal(line->inputs[1], 0);
    assert_int_equal(contact->computed_count, 2);
    assert_non_null(contact->expressions);
    assert_int_equal(contact->clock_skew_ms, 5000);
    assert_int_equal(contact->deletes, DELETES_REVIEW);
    assert_int_equal(contact->truth_count, 0);
    migration_close(m);
}

/* Ends the fields, and leaves the list of rules open for what open_with() puts behind. */
#define TRUTH                                                                               \
    EMAIL "); deletes = \"keep\"; truth = ( { field = \"*\"; rule = \"old\"; }, { field = " \
          "\"email\"; rule = \"enforce\"; }, { field = \"*\"; rule = \"newest\"; from = "   \
          "\"2027-02-01\"; }, { field = \"*\"; rule = \"review\"; from = "                  \
          "\"2027-02-01T12:00:00Z\"; }"

static void truths(void **state)
{
    (void)state;
    struct migration *m = open_with(HEAD " clock_skew_ms = 100;", TRUTH);
    const struct entity *contact = migration_entity(m, "contact");
    static const struct truth_rule want[] = {
        {TRUTH_EVERY_FIELD, TRUTH_OLD, false, TRUTH_ALWAYS},
        {0, TRUTH_OLD, true, TRUTH_ALWAYS},
        {TRUTH_EVERY_FIELD, TRUTH_NEWEST, false, INT64_C(1801458000000)}, /* midnight in New York */
        {TRUTH_EVERY_FIELD, TRUTH_REVIEW, false, INT64_C(1801483200000)},
    };
    assert_int_equal(contact->truth_count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(contact->truth[i].field, want[i].field);
        assert_int_equal(contact->truth[i].choice, want[i].choice);
        assert_int_equal(contact->truth[i].enforce, want[i].enforce);
        assert_int_equal(contact->truth[i].from_ms, want[i].from_ms);
    }
    assert_int_equal(contact->clock_skew_ms, 100);
    assert_int_equal(contact->deletes, DELETES_KEEP);
    migration_close(m);
    /* Rules decide about records, they do not change them: they are no part of the mapping. */
    char hash[HASH_HEX_BYTES];
    m = open_with(HEAD, EMAIL);
    memcpy(hash, m->entities[0].hash, sizeof(hash));
    migration_close(m);
    m = open_with(HEAD, TRUTH);
    assert_string_equal(m->entities[0].hash, hash);
    migration_close(m);
}

static void unreadable(void **state)
{
    (void)state;
    struct conf_report report;
    conf_report_init(&report);
    assert_null(migration_open("/nonexistent/x.cfg", &report));
    assert_int_equal(report.count, 1);
    assert_string_equal(report.mistakes[0].text, "cannot be read: No such file or directory");
    conf_report_clear(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole),
        cmocka_unit_test(the_mapping),
        cmocka_unit_test(hash_of_the_mapping),
        cmocka_unit_test(hash_of_conversions),
        cmocka_unit_test(rereads),
        cmocka_unit_test(conversions),
        cmocka_unit_test(truths),
        cmocka_unit_test(unreadable),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
