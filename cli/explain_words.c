/*
 * explain_words — messages as sentences. They are read leniently: an older mapping's message is part of the story too.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/explain.h"
#include "stream/outcome.h"

enum { EVENT_ID_SHOWN = 12 };

static struct span text_at(const struct journey *journey, const char *path)
{
    struct span text = SPAN_NONE;
    (void)json_string_at(&journey->tape, 0, path, &text);
    return text;
}

static void put_time(struct buf *out, int64_t ms)
{
    char text[TIMESTAMP_BYTES];
    timestamp_format(ms, text);
    buf_puts(out, text);
}

static void put_time_at(const struct journey *journey, struct buf *out, const char *words,
                        const char *path)
{
    int64_t ms;
    if (!json_int_at(&journey->tape, 0, path, &ms))
        return;
    buf_puts(out, words);
    put_time(out, ms);
}

static void put_text(struct buf *out, const char *words, struct span text)
{
    if (!text.len)
        return;
    buf_puts(out, words);
    buf_put_span(out, text);
}

/* ---- changes, hints, decisions ---- */

static void put_change(struct journey *journey, struct buf *out)
{
    const char *old_name = journey->migration->old_system->name;
    bool deleted = span_is(text_at(journey, "op"), "d");
    bool partial = false;
    buf_puts(out, "captured");
    put_text(out, " by ", text_at(journey, "source.connector"));
    put_text(out, " in its pass ", text_at(journey, "source.pass"));
    buf_printf(out, ": %s in %s", deleted ? "deleted" : "changed", old_name);
    put_time_at(journey, out, " at ", "source.modified_ms");
    put_text(out, " by ", text_at(journey, "source.writer"));
    put_time_at(journey, out, ", seen there between ", "source.observed_from_ms");
    put_time_at(journey, out, " and ", "source.observed_to_ms");
    if (json_bool_at(&journey->tape, 0, "source.partial", &partial) && partial)
        buf_puts(out, "; a part of the record only");
}

static void put_hint(struct journey *journey, struct buf *out)
{
    int64_t not_before_ms = 0;
    buf_printf(out, "is to be read again in %s", journey->migration->old_system->name);
    put_text(out, ", because: ", text_at(journey, "why"));
    if (json_int_at(&journey->tape, 0, "not_before_ms", &not_before_ms) && not_before_ms > 0)
        put_time_at(journey, out, "; not before ", "not_before_ms");
}

static void put_decision(struct journey *journey, struct buf *out)
{
    buf_puts(out, "decided");
    put_text(out, " by ", text_at(journey, "who"));
    put_text(out, ": field ", text_at(journey, "field"));
    put_text(out, ", ", text_at(journey, "choice"));
    put_text(out, "; ", text_at(journey, "why"));
}

/* ---- outcomes ---- */

/* %s: the target's id, where there is one. */
static const char *const OUTCOMES[] = {
    [OUTCOME_INTENT] = "about to overwrite what a person may have written",
    [OUTCOME_CREATED] = "created in the new system",
    [OUTCOME_UPDATED] = "written to its twin",
    [OUTCOME_ADOPTED] = "its twin was there already and belongs to it from now on",
    [OUTCOME_AGREED] = "both systems say the same: nothing to write",
    [OUTCOME_ADVANCED] = "same content under a newer version: nothing to write",
    [OUTCOME_STALE] = "older than what was applied: dropped",
    [OUTCOME_DUPLICATE] = "applied before: dropped",
    [OUTCOME_PARKED] = "the record waits already: this event takes the place of the one that waits",
    [OUTCOME_HINTED] = "could not be put in order: asked to be read again",
    [OUTCOME_HELD] = "a question for a person",
    [OUTCOME_WAITING] = "waits",
    [OUTCOME_UNCERTAIN] =
        "sent, and no answer tells whether it was done: looked at before anything else",
    [OUTCOME_CONFIRMED] = "the unknown request turned out done",
    [OUTCOME_NOT_EXECUTED] = "the unknown request turned out not done",
    [OUTCOME_OVERWRITTEN] = "a late request of ours wrote over something",
    [OUTCOME_REPAIRED] = "what a late request had written over was put right",
    [OUTCOME_DELETED] = "deleted in the old system: noted in its row",
    [OUTCOME_ARCHIVED] = "deleted in the old system: its twin was archived",
    [OUTCOME_REMOVED] = "deleted in the old system: its twin was removed for ever",
    [OUTCOME_MERGED] = "merged into another record of the old system: its row leads there",
    [OUTCOME_DEAD_LETTERED] = "could not be applied: put on the dead-letter topic",
    [OUTCOME_REPLAYED] = "its row was found after a process died, and is in Redis now",
};
_Static_assert(sizeof(OUTCOMES) / sizeof(OUTCOMES[0]) == OUTCOME_WHAT_COUNT, "words per outcome");

static void put_value(const struct journey *journey, struct buf *out, uint32_t at, bool mask)
{
    const struct json_token *token = &journey->tape.tokens[at];
    if (token->type == JSON_NULL_)
        buf_puts(out, "blank");
    else if (mask)
        buf_puts(out, "***");
    else
        buf_printf(out, "\"%.*s\"", (int)token->text.len, token->text.data);
}

static void put_field(const struct journey *journey, struct buf *out, uint32_t at)
{
    struct span name = SPAN_NONE, verdict = SPAN_NONE;
    const struct json_tape *tape = &journey->tape;
    uint32_t old_now = json_get(tape, at, "old_now"), new_now = json_get(tape, at, "new_now");
    (void)json_string_at(tape, at, "name", &name);
    (void)json_string_at(tape, at, "verdict", &verdict);
    int field = entity_field(journey->entity, name);
    bool mask = !journey->unmask && (field < 0 || journey->entity->fields[field].pii);
    buf_printf(out, "\n      %.*s", (int)name.len, name.data ? name.data : "");
    put_text(out, " (", verdict);
    buf_puts(out, verdict.len ? ")" : "");
    if (old_now) {
        buf_printf(out, ": %s ", journey->migration->old_system->name);
        put_value(journey, out, old_now, mask);
    }
    if (new_now) {
        buf_printf(out, "%s %s ", old_now ? "," : ":", journey->migration->new_system->name);
        put_value(journey, out, new_now, mask);
    }
}

static void put_outcome(struct journey *journey, struct buf *out)
{
    int what = outcome_what_parse(text_at(journey, "what"));
    uint32_t fields = json_get(&journey->tape, 0, "fields");
    buf_puts(out, what >= 0 ? OUTCOMES[what] : "an outcome that this Tandem does not know");
    put_text(out, ", class ", text_at(journey, "class"));
    put_text(out, "; twin ", text_at(journey, "target"));
    put_text(out, "; ", text_at(journey, "why"));
    put_text(out, "; request ", text_at(journey, "op"));
    if (!fields || journey->tape.tokens[fields].type != JSON_ARRAY_)
        return;
    for (uint32_t i = json_first(&journey->tape, fields); i < json_end(&journey->tape, fields);
         i = journey->tape.tokens[i].next)
        put_field(journey, out, i);
}

/* ---- dead letters ---- */

static void put_letter(struct buf *out, const struct log_message *message)
{
    buf_puts(out, "a dead letter");
    put_text(out, ", ", log_message_header(message, "tandem.reason"));
    put_text(out, ": ", log_message_header(message, "__connect.errors.exception.message"));
    put_text(out, "; the message of ", log_message_header(message, "__connect.errors.topic"));
    put_text(out, "/", log_message_header(message, "__connect.errors.partition"));
    put_text(out, " at ", log_message_header(message, "__connect.errors.offset"));
}

/* ---- all ---- */

static void put_parsed(struct journey *journey, enum topic_kind kind, struct buf *out)
{
    if (kind == TOPIC_CHANGES)
        put_change(journey, out);
    else if (kind == TOPIC_HINTS)
        put_hint(journey, out);
    else if (kind == TOPIC_DECISIONS)
        put_decision(journey, out);
    else
        put_outcome(journey, out);
}

const char *explain_words(struct journey *journey, enum topic_kind kind,
                          const struct log_message *message, struct span *ret_event_id)
{
    struct buf out;
    struct err err = ERR_INIT;
    struct span id = SPAN_NONE;
    buf_init(&out, 0);
    if (kind == TOPIC_DLQ) {
        put_letter(&out, message);
        id = log_message_header(message, "ce_id");
    } else if (!message->value.data || json_parse(&journey->tape, message->value, &err) < 0) {
        buf_printf(&out, "a message that cannot be read%s%s", message->value.data ? ": " : "",
                   message->value.data ? err.text : " (null)");
    } else {
        put_parsed(journey, kind, &out);
        id = text_at(journey, kind == TOPIC_CHANGES ? "source.event_id" : "event_id");
    }
    if (id.len > EVENT_ID_SHOWN)
        buf_printf(&out, "%sevent %.*s…",
                   strchr(out.data ? out.data : "", '\n') ? "\n      " : "; ", EVENT_ID_SHOWN,
                   id.data);
    *ret_event_id = arena_copy(&journey->arena, id);
    const char *text = arena_copy(&journey->arena, buf_span(&out)).data;
    buf_clear(&out);
    return text ? text : "";
}

static const char *const STATUSES[] = {
    [STATE_IDLE] = "settled: nothing is open",
    [STATE_INFLIGHT] = "a request is on its way",
    [STATE_UNCERTAIN] = "a request was sent whose outcome is unknown; it is looked at next",
    [STATE_WAITING] = "waits",
    [STATE_HELD] = "settled but for open questions; later events go through",
    [STATE_REBUILD] = "both systems are read before anything is written",
};
_Static_assert(sizeof(STATUSES) / sizeof(STATUSES[0]) == STATE_STATUS_COUNT, "words per status");

void explain_row(struct journey *journey, const struct row *row, struct buf *out)
{
    const struct migration *migration = journey->migration;
    buf_printf(out, "  %s\n", STATUSES[row->status]);
    if (row->has_version) {
        buf_printf(out, "  applied: what %s said at ", migration->old_system->name);
        put_time(out, row->version.modified_ms);
        buf_printf(out, ", mapping generation %lld\n", (long long)row->version.generation);
    }
    if (row->twin.len)
        buf_printf(out, "  twin: %.*s in %s\n", (int)row->twin.len, row->twin.data,
                   migration->new_system->name);
    if (row->deleted)
        buf_printf(out, "  deleted in %s\n", migration->old_system->name);
    put_text(out, "  merged into ", row->redirect);
    buf_puts(out, row->redirect.len ? "\n" : "");
    put_text(out, "  why: ", row->why);
    buf_puts(out, row->why.len ? "\n" : "");
    put_text(out, "  waits for the record that has ", row->waits_on);
    buf_puts(out, row->waits_on.len ? "\n" : "");
    if (row->due_ms) {
        buf_puts(out, "  tried again at ");
        put_time(out, row->due_ms);
        buf_printf(out, ", attempt %d\n", row->attempt);
    }
    for (int i = 0; i < row->await_count; i++) {
        const struct await *await = &row->awaits[i];
        buf_printf(out, "  %s waits for %.*s, everything else is there\n",
                   journey->entity->fields[await->field].name, (int)await->old_now.text.len,
                   await->old_now.text.len ? await->old_now.text.data : "nothing");
    }
    for (int i = 0; i < row->held_count; i++)
        buf_printf(out, "  open: %s, %s%s%.*s\n",
                   row->held[i].field < 0 ? "the record"
                                          : journey->entity->fields[row->held[i].field].name,
                   held_class_name(row->held[i].class_), row->held[i].detail.len ? ", about " : "",
                   (int)row->held[i].detail.len,
                   row->held[i].detail.data ? row->held[i].detail.data : "");
}
