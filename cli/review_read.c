/*
 * review_read — <ns>.review read twice: where the last message of each key stands, then only those. Memory grows with the number of
 * keys, not with what they say.
 */
#include <stdio.h>
#include <string.h>

#include "cli/latest.h"
#include "cli/review.h"
#include "cli/scan.h"
#include "stream/topics.h"

struct reading {
    struct migration *migration;
    const struct review_options *options;
    struct latest latest;
    struct json_tape tape;
    struct arena arena;
    int64_t questions;
};

static int note(void *self, const struct log_message *message, struct err *err)
{
    struct reading *reading = self;
    if (!message->key.data)
        return 0;
    struct latest_entry *entry = latest_put(&reading->latest, message->key, err);
    if (!entry)
        return -1;
    entry->offset = message->value.data ? message->offset : LATEST_NOTHING;
    return 0;
}

static bool is_wanted(const struct review_options *options, const struct review *review,
                      const struct review_question *question)
{
    return (!options->entity || span_is(review->entity, options->entity)) &&
           (!options->class_ || strcmp(held_class_name(question->class_), options->class_) == 0);
}

static int list_one(struct reading *reading, const struct review *review, struct span text,
                    struct err *err)
{
    const struct review_options *options = reading->options;
    int64_t before = reading->questions;
    for (int i = 0; i < review->question_count; i++) {
        if (!is_wanted(options, review, &review->questions[i]))
            continue;
        if (!options->as_json && reading->questions < options->limit)
            review_print_line(reading->migration, review, &review->questions[i], options->unmask);
        reading->questions++;
    }
    if (options->as_json && reading->questions > before && before < options->limit)
        return review_print_json(reading->migration, review, text, options->unmask, err);
    return 0;
}

/* "salesforce:003A" of any entity, or "contact/salesforce:003A". */
static bool is_asked_for(const char *record, struct span key)
{
    struct span entity, id;
    return span_is(key, record) || (review_key_parse(key, &entity, &id) && span_is(id, record));
}

static int meet(void *self, const struct log_message *message, struct err *err)
{
    struct reading *reading = self;
    const struct review_options *options = reading->options;
    struct review review;
    if (!message->key.data || !message->value.data ||
        (options->record && !is_asked_for(options->record, message->key)))
        return 0;
    const struct latest_entry *entry = latest_get(&reading->latest, message->key);
    if (!entry || entry->offset != message->offset)
        return 0;
    arena_reset(&reading->arena);
    if (review_decode(message->value, &reading->tape, &reading->arena, &review, err) < 0)
        return err_wrap(err, "the review message at offset %lld", (long long)message->offset);
    if (!options->record)
        return list_one(reading, &review, message->value, err);
    reading->questions += review.question_count;
    if (options->as_json)
        return review_print_json(reading->migration, &review, message->value, options->unmask, err);
    review_print_whole(reading->migration, &review, options->unmask);
    return 0;
}

int review_read(struct migration *migration, const struct review_options *options,
                int64_t *ret_count, struct err *err)
{
    char topic[TOPIC_NAME_BYTES];
    struct reading reading = {.migration = migration, .options = options};
    latest_init(&reading.latest);
    json_tape_init(&reading.tape);
    arena_init(&reading.arena);
    topic_name(migration, TOPIC_REVIEW, NULL, topic);
    int failed = scan_ready(migration, err);
    if (!failed)
        failed = scan_topic(migration, topic, note, &reading, err);
    if (!failed)
        failed = scan_topic(migration, topic, meet, &reading, err);
    latest_clear(&reading.latest);
    json_tape_clear(&reading.tape);
    arena_clear(&reading.arena);
    if (!failed)
        *ret_count = reading.questions;
    return failed;
}
