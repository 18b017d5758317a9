/*
 * connector_error — what a system's errors mean: the table errors of a
 * connector file. The first row that fits holds; where none fits, remote/rest
 * goes by the HTTP status.
 */
#include <string.h>

#include "remote/connector_internal.h"

const char *const OUTCOME_NAMES[] = {"later",     "quota",     "denied", "refused",
                                     "too_large", "exists",    "gone",   "mismatch",
                                     "busy",      "uncertain", NULL};
_Static_assert(sizeof(OUTCOME_NAMES) / sizeof(OUTCOME_NAMES[0]) == OUTCOME_COUNT + 1,
               "a name per outcome");

enum { ROWS_MAX = 100, MESSAGE_MAX_BYTES = 300, RETRY_MAX_MS = 24 * 3600 * 1000 };

struct row {
    int64_t status, retry_after_ms;
    const char *code, *words, *outcome, *existing_id;
};
#define AT(field) .offset = offsetof(struct row, field)
static const struct conf_option ROW_OPTIONS[] = {
    {.name = "status",
     .type = CONF_INT,
     AT(status),
     .min = 0,
     .max = 599,
     .help = "HTTP status of the answer; left out: any"},
    {.name = "code",
     .type = CONF_STRING,
     AT(code),
     .help = "the system's own code, at any of error.codes; left out: any"},
    {.name = "words",
     .type = CONF_STRING,
     AT(words),
     .help = "the message must hold these; left out: any"},
    {.name = "outcome",
     .type = CONF_STRING,
     AT(outcome),
     .required = true,
     .choices = OUTCOME_NAMES,
     .help = "what it means"},
    {.name = "retry_after_ms",
     .type = CONF_INT,
     AT(retry_after_ms),
     .min = 0,
     .max = RETRY_MAX_MS,
     .help = "later, quota: how long to wait if the answer does not say"},
    {.name = "existing_id",
     .type = CONF_STRING,
     AT(existing_id),
     .help = "exists: the words in the message before the other record's id"},
    {0}};
#undef AT

struct paths {
    const config_setting_t *codes, *messages;
};
#define AT(field) .offset = offsetof(struct paths, field)
static const struct conf_option PATH_OPTIONS[] = {
    {.name = "codes",
     .type = CONF_GROUP,
     AT(codes),
     .required = true,
     .help = "list of paths to the system's own error codes"},
    {.name = "messages",
     .type = CONF_GROUP,
     AT(messages),
     .required = true,
     .help = "list of paths to the words for people; the first that is there"},
    {0}};
#undef AT

void connector_errors_read(struct connector *connector, const config_setting_t *paths,
                           const config_setting_t *rows, struct conf_report *report)
{
    struct paths lists = {NULL, NULL};
    (void)conf_read_group(paths, PATH_OPTIONS, NULL, &lists, report);
    if (lists.codes)
        connector->code_path_count =
            connector_texts(lists.codes, CONNECTOR_CODES_MAX, connector->code_paths, report);
    if (lists.messages)
        connector->message_path_count =
            connector_texts(lists.messages, CONNECTOR_CODES_MAX, connector->message_paths, report);
    int count = rows ? config_setting_length(rows) : 0;
    if (count > ROWS_MAX) {
        conf_mistake(report, rows, NULL, "more than %d rows", ROWS_MAX);
        count = ROWS_MAX;
    }
    connector->errors = arena_new(&connector->arena, struct connector_error, count + 1);
    for (int i = 0; i < count; i++) {
        const config_setting_t *setting = config_setting_get_elem(rows, (unsigned)i);
        struct row row;
        memset(&row, 0, sizeof(row));
        if (conf_read_group(setting, ROW_OPTIONS, NULL, &row, report) != 0)
            continue;
        if (!row.status && !row.code)
            conf_mistake(report, setting, "give a status, a code or both",
                         "this row would fit every error");
        connector->errors[connector->error_count++] = (struct connector_error){
            .status = row.status,
            .code = row.code,
            .words = row.words,
            .outcome = (enum connector_outcome)connector_choice(row.outcome, OUTCOME_NAMES),
            .retry_after_ms = row.retry_after_ms,
            .existing_id = row.existing_id,
        };
    }
}

static struct span scalar(const struct json_tape *tape, uint32_t at, const char *path)
{
    uint32_t found = json_path(tape, at, path);
    if (!found || tape->tokens[found].type == JSON_ARRAY_ ||
        tape->tokens[found].type == JSON_OBJECT_ || tape->tokens[found].type == JSON_NULL_)
        return SPAN_NONE;
    return json_text(tape, found);
}

static bool fits(const struct connector_error *row, int status, const struct span *codes,
                 int code_count, struct span message)
{
    if (status && row->status && row->status != status)
        return false;
    if (row->words &&
        !(message.len && memmem(message.data, message.len, row->words, strlen(row->words))))
        return false;
    if (!row->code)
        return status != 0;
    for (int i = 0; i < code_count; i++)
        if (span_is(codes[i], row->code))
            return true;
    return false;
}

/* The id that follows words in the message: letters and digits. */
static struct span id_after(struct span message, const char *words)
{
    size_t len = words ? strlen(words) : 0;
    const char *at = len && message.len ? memmem(message.data, message.len, words, len) : NULL;
    if (!at)
        return SPAN_NONE;
    const char *start = at + len, *end = start, *limit = message.data + message.len;
    while (end < limit && ((*end >= '0' && *end <= '9') || (*end >= 'A' && *end <= 'Z') ||
                           (*end >= 'a' && *end <= 'z')))
        end++;
    return end > start ? (struct span){start, (size_t)(end - start)} : SPAN_NONE;
}

/* At most MESSAGE_MAX_BYTES, not cut inside a character. */
static struct span shorten(struct span text)
{
    if (text.len <= MESSAGE_MAX_BYTES)
        return text;
    text.len = MESSAGE_MAX_BYTES;
    while (text.len && ((unsigned char)text.data[text.len] & 0xC0) == 0x80)
        text.len--;
    return text;
}

struct connector_verdict connector_classify(const struct connector *connector, int status,
                                            const struct json_tape *tape, uint32_t at)
{
    struct connector_verdict verdict = {.found = false};
    struct span codes[CONNECTOR_CODES_MAX], message = SPAN_NONE;
    int code_count = 0;
    for (int i = 0; tape && i < connector->code_path_count; i++)
        codes[code_count++] = scalar(tape, at, connector->code_paths[i]);
    for (int i = 0; tape && !message.len && i < connector->message_path_count; i++)
        message = scalar(tape, at, connector->message_paths[i]);
    verdict.message = shorten(message);
    for (int i = 0; i < connector->error_count; i++) {
        const struct connector_error *row = &connector->errors[i];
        if (!fits(row, status, codes, code_count, message))
            continue;
        verdict.found = true;
        verdict.outcome = row->outcome;
        verdict.retry_after_ms = row->retry_after_ms;
        verdict.existing_id = id_after(message, row->existing_id);
        break;
    }
    return verdict;
}
