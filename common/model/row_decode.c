/*
 * row_decode — the way back from Kafka and Redis: a table of members. See
 * state.h. A row that says more than this process understands is never taken: it would be
 * written again without it.
 */
#include <string.h>
#include <sysexits.h>

#include "model/row_internal.h"

int row_refuse(const struct row_reader *reader, const char *what)
{
    return err_set(reader->err, ERR_REJECT, "not a row: %s", what);
}

/* What had escapes stands in the tape, which goes with the next parse. */
struct span row_keep(const struct row_reader *reader, uint32_t at)
{
    struct span text = json_text(reader->tape, at);
    uintptr_t data = (uintptr_t)text.data, start = (uintptr_t)reader->text.data;
    bool in_text = data >= start && data < start + reader->text.len;
    return in_text ? text : arena_copy(reader->arena, text);
}

static int take_text(struct row_reader *reader, uint32_t at, void *slot)
{
    *(struct span *)slot = row_keep(reader, at);
    return 0;
}

static int take_int(struct row_reader *reader, uint32_t at, void *slot)
{
    return json_int_at(reader->tape, at, "", slot) ? 0 : row_refuse(reader, "a number");
}

static int take_bool(struct row_reader *reader, uint32_t at, void *slot)
{
    return json_bool_at(reader->tape, at, "", slot) ? 0 : -1;
}

static int take_attempt(struct row_reader *reader, uint32_t at, void *slot)
{
    int64_t attempt;
    if (!json_int_at(reader->tape, at, "", &attempt) || attempt < 0 || attempt > INT32_MAX)
        return row_refuse(reader, "its attempt");
    *(int *)slot = (int)attempt;
    return 0;
}

static int take_status(struct row_reader *reader, uint32_t at, void *slot)
{
    int status = state_status_parse(json_text(reader->tape, at));
    if (status < 0)
        return row_refuse(reader, "its status");
    *(enum state_status *)slot = (enum state_status)status;
    return 0;
}

static int take_claims(struct row_reader *reader, uint32_t at, void *slot)
{
    const struct json_tape *tape = reader->tape;
    struct span *claims = slot;
    int count = 0;
    for (uint32_t i = json_first(tape, at); i < json_end(tape, at); i = tape->tokens[i].next) {
        if (count == ROW_CLAIMS_MAX || tape->tokens[i].type != JSON_STRING_)
            return row_refuse(reader, "its claims");
        claims[count++] = row_keep(reader, i);
    }
    reader->row.claim_count = count;
    return 0;
}

static int skip(struct row_reader *reader, uint32_t at, void *slot)
{
    (void)reader;
    (void)at;
    (void)slot;
    return 0;
}

/* In the order in which row_encode writes them. */
static const struct member {
    const char *name;
    enum json_type type;
    row_taker *take;
    size_t offset;
    bool required;
} MEMBERS[] = {
    {"v", JSON_NUMBER_, skip, 0, true},
    {"key", JSON_STRING_, take_text, offsetof(struct row, key), true},
    {"status", JSON_STRING_, take_status, offsetof(struct row, status), true},
    {"epoch", JSON_NUMBER_, take_int, offsetof(struct row, epoch), true},
    {"version", JSON_OBJECT_, row_take_version, offsetof(struct row, version), false},
    {"hash", JSON_STRING_, row_take_hash, offsetof(struct row, hash), false},
    {"event_id", JSON_STRING_, row_take_hash, offsetof(struct row, event_id), false},
    {"deleted", JSON_BOOL_, take_bool, offsetof(struct row, deleted), false},
    {"redirect", JSON_STRING_, take_text, offsetof(struct row, redirect), false},
    {"twin", JSON_STRING_, take_text, offsetof(struct row, twin), false},
    {"op", JSON_STRING_, take_text, offsetof(struct row, op), false},
    {"base", JSON_OBJECT_, row_take_base, offsetof(struct row, base), false},
    {"sent", JSON_OBJECT_, row_take_sent, offsetof(struct row, sent), false},
    {"held", JSON_ARRAY_, row_take_held, offsetof(struct row, held), false},
    {"claims", JSON_ARRAY_, take_claims, offsetof(struct row, claims), false},
    {"awaits", JSON_ARRAY_, row_take_awaits, 0, false},
    {"look_ms", JSON_NUMBER_, take_int, offsetof(struct row, look_ms), false},
    {"waits_on", JSON_STRING_, take_text, offsetof(struct row, waits_on), false},
    {"due_ms", JSON_NUMBER_, take_int, offsetof(struct row, due_ms), false},
    {"attempt", JSON_NUMBER_, take_attempt, offsetof(struct row, attempt), false},
    {"why", JSON_STRING_, take_text, offsetof(struct row, why), false},
    {"pending", JSON_OBJECT_, take_text, offsetof(struct row, pending), false},
};
enum { MEMBER_COUNT = sizeof(MEMBERS) / sizeof(MEMBERS[0]) };

/* Rows are written in the order of the table: from is where to look first. MEMBER_COUNT: no such member. */
static unsigned member_of(struct span name, unsigned from)
{
    for (unsigned i = 0; i < MEMBER_COUNT; i++) {
        unsigned member = (from + i) % MEMBER_COUNT;
        if (span_is(name, MEMBERS[member].name))
            return member;
    }
    return MEMBER_COUNT;
}

static int take_members(struct row_reader *reader)
{
    const struct json_tape *tape = reader->tape;
    uint32_t seen = 0;
    unsigned member = 0;
    for (uint32_t k = json_first(tape, 0); k < json_end(tape, 0); k = tape->tokens[k + 1].next) {
        struct span name = json_text(tape, k);
        member = member_of(name, member);
        if (member == MEMBER_COUNT)
            return err_exit(
                reader->err, EX_CONFIG,
                "a row has a member that this process does not know, \"%.*s\": upgrade it "
                "first",
                (int)(name.len < 64 ? name.len : 64), name.data);
        const struct member *found = &MEMBERS[member];
        if (tape->tokens[k + 1].type != found->type || seen & 1U << member)
            return row_refuse(reader, found->name);
        if (found->take(reader, k + 1, (char *)&reader->row + found->offset) != 0)
            return -1;
        seen |= 1U << member;
    }
    for (unsigned i = 0; i < MEMBER_COUNT; i++)
        if (MEMBERS[i].required && !(seen & 1U << i))
            return err_set(reader->err, ERR_REJECT, "not a row: no %s", MEMBERS[i].name);
    return 0;
}

int row_decode(const struct entity *entity, struct span text, struct json_tape *tape,
               struct arena *arena, struct row *ret_row, struct err *err)
{
    if (json_parse(tape, text, err) != 0)
        return err_wrap(err, "not a row");
    int64_t format;
    if (!json_int_at(tape, 0, "v", &format) || format < 1)
        return err_set(err, ERR_REJECT, "not a row: no format version");
    if (format > STATE_FORMAT_VERSION)
        return err_exit(err, EX_CONFIG,
                        "a row has format version %lld, this process knows %d: upgrade it first",
                        (long long)format, STATE_FORMAT_VERSION);
    struct row_reader reader = {
        .entity = entity, .tape = tape, .arena = arena, .text = text, .err = err};
    row_init(&reader.row, entity, SPAN_NONE, arena);
    if (take_members(&reader) != 0)
        return -1;
    *ret_row = reader.row;
    return 0;
}
