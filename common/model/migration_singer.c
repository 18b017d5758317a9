/*
 * migration_singer — the child and the streams of a singer source. See singer.h.
 */
#include "model/singer.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/migration_internal.h"

const char *const SINGER_DELETES_NAMES[] = {"activate", "difference", "none", NULL};
_Static_assert(sizeof(SINGER_DELETES_NAMES) / sizeof(SINGER_DELETES_NAMES[0]) ==
                   SINGER_DELETES_COUNT + 1,
               "a name each");

static const char *const ABSENT_NAMES[] = {"unknown", "blank", NULL};
static const char STREAMS_EXAMPLE[] =
    "streams = ( { stream = \"Contact\"; entity = \"contact\"; } );";
static const char COMMAND_EXAMPLE[] = "command = [\"venv/bin/tap-salesforce\"];";
static const char ENVIRONMENT_EXAMPLE[] = "environment = [\"NAME=value\"];";

struct stream_group {
    const char *stream, *entity, *modified, *deleted, *deletes, *absent;
    config_setting_t *key;
};

#define TEXT(member) \
    .name = #member, .type = CONF_STRING, .offset = offsetof(struct stream_group, member)

static const struct conf_option STREAM[] = {
    {TEXT(stream), .required = true, .help = "as the tap names it: stream = \"Contact\";"},
    {TEXT(entity), .required = true, .help = "what its records are: entity = \"contact\";"},
    {.name = "key",
     .type = CONF_GROUP,
     .offset = offsetof(struct stream_group, key),
     .help = "the properties that name a record: key = [\"Id\"]; left out: as the tap says"},
    {TEXT(modified), .help = "the property with the time of modification: \"SystemModstamp\""},
    {TEXT(deleted), .help = "the property that says that the record is deleted: \"IsDeleted\""},
    {TEXT(deletes), .default_text = "activate", .choices = SINGER_DELETES_NAMES,
     .help = "what else says so: ACTIVATE_VERSION, or two whole runs without the record"},
    {TEXT(absent), .default_text = "unknown", .choices = ABSENT_NAMES,
     .help = "what a property means that is not in a record"},
    {0},
};

static bool good_text(const char *text)
{
    return text[0] != '\0';
}

static bool good_variable(const char *text)
{
    return strchr(text, '=') > text;
}

/* A list of texts of which each is good(); NULL-terminated, in the arena. Returns how many. */
static int read_words(struct migration *migration, const config_setting_t *list, const char *name,
                      int max, bool (*good)(const char *text), const char *advice,
                      const char ***ret_words, struct conf_report *report)
{
    int length = list ? config_setting_length(list) : 0, count = 0;
    *ret_words = arena_new(&migration->arena, const char *, (length < max ? length : max) + 1);
    if (list &&
        (!(config_setting_is_array(list) || config_setting_is_list(list)) || length > max)) {
        conf_mistake(report, list, advice, "\"%s\" must be a list of at most %d texts", name, max);
        return 0;
    }
    for (int i = 0; i < length; i++) {
        const char *word = config_setting_get_string_elem(list, i);
        if (word && good(word))
            (*ret_words)[count++] = word;
        else
            conf_mistake(report, list, advice, "\"%.150s\" cannot stand in \"%s\"",
                         word ? word : "?", name);
    }
    return count;
}

/* ---- streams ---- */

static void check_stream(const config_setting_t *group, const struct singer_settings *settings,
                         const struct singer_stream *stream, struct conf_report *report)
{
    for (int i = 0; stream->name && i < settings->stream_count; i++) {
        const struct singer_stream *other = &settings->streams[i];
        if (strcmp(other->name, stream->name) == 0)
            conf_mistake(report, migration_at(group, "stream"), NULL,
                         "stream \"%s\" stands there twice", stream->name);
        else if (stream->entity && other->entity == stream->entity)
            conf_mistake(report, migration_at(group, "entity"), "one of them is enough",
                         "streams \"%s\" and \"%s\" are both entity %s: their ids would be mixed",
                         other->name, stream->name, stream->entity->name);
    }
    bool mapped = !stream->entity;
    for (int i = 0; stream->entity && i < stream->entity->field_count; i++)
        mapped |= stream->entity->fields[i].old_name != NULL;
    if (!mapped)
        conf_mistake(report, group, "give its fields old names: the properties of the stream",
                     "entity %s has no field of the old system", stream->entity->name);
}

static void read_stream(struct migration *migration, const config_setting_t *group,
                        const struct singer_settings *settings, struct singer_stream *stream,
                        struct conf_report *report)
{
    struct stream_group read = {0};
    (void)conf_read_group(group, STREAM, NULL, &read, report);
    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return;
    *stream =
        (struct singer_stream){.name = read.stream,
                               .modified = read.modified,
                               .deleted = read.deleted,
                               .absent_is_blank = read.absent && strcmp(read.absent, "blank") == 0};
    for (int i = 0; read.deletes && i < SINGER_DELETES_COUNT; i++)
        if (strcmp(read.deletes, SINGER_DELETES_NAMES[i]) == 0)
            stream->deletes = (enum singer_deletes)i;
    if (read.entity)
        stream->entity = migration_entity_named(migration, group, read.entity, report);
    const char **keys;
    stream->key_count = read_words(migration, read.key, "key", SINGER_KEYS_MAX, good_text,
                                   "key = [\"Id\"];", &keys, report);
    for (int i = 0; i < stream->key_count; i++)
        stream->keys[i] = keys[i];
    check_stream(group, settings, stream, report);
}

static void read_streams(struct migration *migration, const config_setting_t *group,
                         struct singer_settings *settings, struct conf_report *report)
{
    const config_setting_t *list =
        config_setting_get_member((config_setting_t *)(uintptr_t)group, "streams");
    int length = migration_list(list, "streams", STREAMS_EXAMPLE, report);
    if (!list && config_setting_type(group) == CONFIG_TYPE_GROUP)
        conf_mistake(report, group, STREAMS_EXAMPLE, "\"streams\" is missing");
    if (length > SINGER_STREAMS_MAX) {
        conf_mistake(report, list, "make two sources of it", "more than %d streams",
                     SINGER_STREAMS_MAX);
        length = 0;
    }
    struct singer_stream *streams = arena_new(&migration->arena, struct singer_stream, length);
    settings->streams = streams;
    for (int i = 0; i < length; i++) {
        struct singer_stream *stream = &streams[settings->stream_count];
        *stream = (struct singer_stream){0};
        read_stream(migration, config_setting_get_elem(list, (unsigned)i), settings, stream,
                    report);
        if (stream->name && stream->entity)
            settings->stream_count++;
    }
}

/* ---- the child ---- */

static void read_command(struct migration *migration, const config_setting_t *group,
                         struct singer_settings *settings, struct conf_report *report)
{
    const config_setting_t *list =
        config_setting_get_member((config_setting_t *)(uintptr_t)group, "command");
    int count = read_words(migration, list, "command", SINGER_WORDS_MAX, good_text, COMMAND_EXAMPLE,
                           &settings->command, report);
    if (count == 0) {
        if (config_setting_type(group) == CONFIG_TYPE_GROUP)
            conf_mistake(report, list ? list : group, COMMAND_EXAMPLE, "\"command\" %s",
                         list ? "says no program" : "is missing");
        return;
    }
    /* Nothing is looked up in a PATH that may be another's. */
    const char *program = migration_path(migration, list, settings->command[0]);
    struct stat info;
    if (stat(program, &info) != 0 || !S_ISREG(info.st_mode) || access(program, X_OK) != 0)
        conf_mistake(report, list, COMMAND_EXAMPLE, "%.200s is no program that can be run",
                     settings->command[0]);
    settings->command[0] = program;
}

struct singer_settings *migration_read_singer(struct migration *migration,
                                              const config_setting_t *group,
                                              struct conf_report *report)
{
    struct singer_settings *settings = arena_new(&migration->arena, struct singer_settings, 1);
    read_command(migration, group, settings, report);
    const config_setting_t *environment =
        config_setting_get_member((config_setting_t *)(uintptr_t)group, "environment");
    (void)read_words(migration, environment, "environment", SINGER_WORDS_MAX, good_variable,
                     ENVIRONMENT_EXAMPLE, &settings->environment, report);
    read_streams(migration, group, settings, report);
    const char *dir = NULL;
    (void)config_setting_lookup_string(group, "state_dir", &dir);
    settings->state_dir = migration_path(migration, group, dir);
    return settings;
}
