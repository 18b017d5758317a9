/*
 * expression — jq expressions (libjq), compiled once per process and run where they can do no harm: in a child process that has
 * nothing but a socket to us. libjq 1.6 cannot be interrupted by any function that it has (jq_halt() is looked at between
 * two steps only, and from another thread it is a race), takes any amount of memory (gsub("^"; "x") never ends and grows) and
 * stops its process where it meets what it did not expect (1e18 | todate is an assertion). A run that uses up
 * its processor time or its memory, or stops its process, is refused as any bad value is; the next run finds a new child.
 *
 * Of a process tree, from the top: we; a helper of one thread that holds what was compiled and can therefore fork at any time
 * (we could not: librdkafka's threads); its worker, which runs the expressions and answers us directly. The worker has a
 * timer of processor time (the load of the machine is not the expression's fault) and RLIMIT_DATA; when it dies the helper
 * answers in its place and forks another. Both end when we do: their socket ends.
 *
 * The home directory's .jq, which libjq 1.6 would load into every program, is not loaded.
 */
#ifndef TANDEM_BASE_EXPRESSION_H
#define TANDEM_BASE_EXPRESSION_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum {
    EXPRESSIONS_MAX = 200,
    EXPRESSION_MAX_BYTES = 4096, /* of the text */
    EXPRESSION_INPUT_MAX_BYTES = 16 * 1024 * 1024,
    EXPRESSION_RESULT_MAX_BYTES = 128 * 1024, /* fits into a socket's buffer */
    EXPRESSION_CPU_MS = 1000,
    EXPRESSION_MEMORY_BYTES = 256 * 1024 * 1024 /* beside what the worker starts with */
};

struct expressions;

/*
 * Why a text must not be used as an expression, in words that follow "the expression"; NULL: nothing is wrong with it (that it
 * compiles is not looked at). Refused are the words that read or write anything but the input (env, $ENV, input, now, import,
 * localtime, debug, halt and their like) and those that need not end (def, repeat, while, until, recurse, range). A field of
 * such a name is fine: .now. buffer: where the words are put together.
 */
const char *expression_objection(const char *text, char *buffer, size_t size);

/*
 * Compile texts (count ≤ EXPRESSIONS_MAX; borrowed for the call) and start the helper. To be called before the process has a
 * second thread. whys[i] (count of them, ERR_INIT): ERR_REJECT where a text does not compile: then NULL is returned.
 * Returns NULL with err for any other failure (ERR_FATAL).
 */
struct expressions *expressions_open(const char *const *texts, int count, struct err *whys,
                                     struct err *err);
void expressions_close(struct expressions *expressions);

struct expression_result {
    enum json_type type; /* null, bool, number, string */
    struct span text;    /* as in json_token; in the arena */
    bool quotes;         /* after a failure: the reason may quote values of the input */
};

/*
 * Run one on a JSON text. Returns 0, or -1 with ERR_REJECT and a reason that follows "its expression":
 *   does not end (1000 ms of processor time)      gives no value
 *   stops the interpreter, or needs more than 256 MB
 *   fails: Cannot index number with "x"           gives more than one value
 *   gives more than 131072 bytes                  gives a list or an object
 *   receives more than 16777216 bytes
 * Threads take turns. Where the helper itself is gone the process is aborted, as by a failed
 * malloc: no record may become a dead letter for that, and started again it has a helper again.
 */
int expressions_run(struct expressions *expressions, int index, struct span input,
                    struct arena *arena, struct expression_result *ret_result, struct err *err);

#endif
