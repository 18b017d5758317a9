/*
 * review_decode — a message of <ns>.review on its way back; see review.h. Members that are not known are skipped: a reader writes
 * nothing back.
 */
#include <string.h>
#include <sysexits.h>

#include "model/review.h"

static struct span text_at(const struct json_tape *tape, uint32_t at, const char *name)
{
    struct span text = SPAN_NONE;
    (void)json_string_at(tape, at, name, &text);
    return text;
}

static int refuse(struct err *err, const char *what)
{
    return err_set(err, ERR_REJECT, "not an open question: %s", what);
}

/* index 0: not said. */
static int take_value(const struct json_tape *tape, uint32_t at, struct review_value *ret_value,
                      struct err *err)
{
    if (!at)
        return 0;
    switch ((enum json_type)tape->tokens[at].type) {
    case JSON_OBJECT_: {
        struct review_value value = {VALUE_SET, text_at(tape, at, "sha256"), 0};
        if (!value.text.len || !json_int_at(tape, at, "bytes", &value.bytes) || value.bytes < 1)
            return refuse(err, "a long base");
        *ret_value = value;
        return 0;
    }
    case JSON_NULL_:
        *ret_value = (struct review_value){VALUE_BLANK, SPAN_NONE, 0};
        return 0;
    case JSON_BOOL_:
    case JSON_NUMBER_:
    case JSON_STRING_:
        *ret_value = (struct review_value){VALUE_SET, json_text(tape, at), 0};
        return 0;
    case JSON_ARRAY_: /* several values: as they stand there */
        *ret_value = (struct review_value){VALUE_SET, json_text(tape, at), 0};
        return 0;
    case JSON_NONE_:
        break;
    }
    return refuse(err, "a value");
}

static int take_base(const struct json_tape *tape, uint32_t at, struct review_question *question,
                     struct err *err)
{
    if (!at)
        return 0;
    uint32_t old_side = json_get(tape, at, "old"), new_side = json_get(tape, at, "new");
    if (!old_side)
        return refuse(err, "a base");
    question->has_base = true;
    (void)json_bool_at(tape, at, "unconfirmed", &question->unconfirmed);
    if (take_value(tape, old_side, &question->base_old, err) < 0)
        return -1;
    return take_value(tape, new_side ? new_side : old_side, &question->base_new, err);
}

static int take_question(const struct json_tape *tape, uint32_t at,
                         struct review_question *ret_question, struct err *err)
{
    struct review_question question = {.field = text_at(tape, at, "field"),
                                       .detail = text_at(tape, at, "detail"),
                                       .who = text_at(tape, at, "who"),
                                       .rule = text_at(tape, at, "rule")};
    int class_ = held_class_parse(text_at(tape, at, "class"));
    if (class_ < 0)
        return refuse(err, "its class");
    question.class_ = (enum held_class)class_;
    (void)json_int_at(tape, at, "since_ms", &question.since_ms);
    if (take_base(tape, json_get(tape, at, "base"), &question, err) < 0 ||
        take_value(tape, json_get(tape, at, "old"), &question.old_now, err) < 0 ||
        take_value(tape, json_get(tape, at, "new"), &question.new_now, err) < 0)
        return -1;
    *ret_question = question;
    return 0;
}

static int take_version(const struct json_tape *tape, struct err *err)
{
    int64_t version;
    if (!json_int_at(tape, 0, "v", &version))
        return refuse(err, "no format version");
    if (version > REVIEW_FORMAT_VERSION)
        return err_exit(err, EX_CONFIG,
                        "a question of format version %lld, this Tandem knows %d: upgrade it first",
                        (long long)version, REVIEW_FORMAT_VERSION);
    return 0;
}

int review_decode(struct span text, struct json_tape *tape, struct arena *arena,
                  struct review *ret_review, struct err *err)
{
    if (json_parse(tape, text, err) < 0 || take_version(tape, err) < 0)
        return -1;
    struct review review = {.entity = text_at(tape, 0, "entity"),
                            .key = text_at(tape, 0, "key"),
                            .twin = text_at(tape, 0, "twin")};
    uint32_t held = json_get(tape, 0, "held");
    if (!review.entity.len || !review.key.len || !held || tape->tokens[held].type != JSON_ARRAY_)
        return refuse(err, "a member is missing");
    (void)json_int_at(tape, 0, "ts_ms", &review.ts_ms);
    (void)json_int_at(tape, 0, "modified_ms", &review.modified_ms);
    (void)json_bool_at(tape, 0, "deleted", &review.deleted);
    review.question_count = json_count(tape, held);
    review.questions = arena_new(arena, struct review_question, review.question_count + 1);
    int count = 0;
    for (uint32_t i = json_first(tape, held); i < json_end(tape, held); i = tape->tokens[i].next)
        if (take_question(tape, i, &review.questions[count++], err) < 0)
            return -1;
    *ret_review = review;
    return 0;
}
