/*
 * known_fill — the file of known records is not there: which records there are says <ns>.changes, whatever published them.
 */
#include <string.h>

#include "base/log.h"
#include "base/service.h"
#include "producers/singer/singer.h"
#include "stream/log_reader.h"
#include "stream/topics.h"

struct filling {
    struct singer *singer;
    const struct singer_stream *stream;
    struct json_tape tape;
    int64_t count;
};

static int take(void *self, const struct log_message *message, struct err *err)
{
    struct filling *filling = self;
    const char *system = filling->singer->context->settings->system->name;
    size_t len = strlen(system);
    struct known_row row = {0};
    struct span op;
    struct err bad = ERR_INIT;
    service_heartbeat();
    if (message->key.len <= len + 1 || memcmp(message->key.data, system, len) != 0 ||
        message->key.data[len] != ':' || message->key.len - len - 1 >= KNOWN_ID_BYTES ||
        !message->value.data || json_parse(&filling->tape, message->value, &bad) < 0 ||
        !json_string_at(&filling->tape, 0, "op", &op))
        return 0;
    struct span id = {message->key.data + len + 1, message->key.len - len - 1};
    row.gone = span_is(op, "d");
    (void)json_int_at(&filling->tape, 0, "source.modified_ms", &row.modified_ms);
    filling->count++;
    return known_put(filling->singer->known, filling->stream->name, id, &row, err);
}

int known_fill(struct singer *singer, struct err *err)
{
    struct filling filling = {.singer = singer};
    int result = known_begin(singer->known, err);
    json_tape_init(&filling.tape);
    if (result == 0)
        result = known_forget(singer->known, err);
    for (int i = 0; i < singer->flow_count && result == 0; i++) {
        char topic[TOPIC_NAME_BYTES];
        filling.stream = singer->flows[i].stream;
        topic_name(singer->context->migration, TOPIC_CHANGES, filling.stream->entity, topic);
        result = log_reader_fold(singer->context->migration, topic, take, &filling, err);
    }
    json_tape_clear(&filling.tape);
    if (result == 0)
        result = known_commit(singer->known, err);
    if (result == 0)
        log_info("the known records are filled from Kafka", log_int("events", filling.count));
    return result;
}
