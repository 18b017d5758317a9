/*
 * marker — the name of one operation, which travels with what it writes and stands in the target's marker property: who wrote last,
 * and which version of the record that was. Whoever reads the twin knows by it whether his event is newer than what stands there,
 * even when no row says what a former owner has written (design §4.7: version + read marker + conditional write).
 *
 *   <partition>.<epoch>.<number>.<op><modified>-<observed from>-<width>-<generation>.<16 digits of the content hash>
 *   0.42.7.u19b7a1c0400-19b7a1c0464-44c-1.1e15e1c64b34c499
 *
 * op: d where it ends the twin, else u. The four numbers are the event's version in hexadecimal digits, the width that of the observed
 * interval, empty where that is open-ended. Of a partial event, whose version is not compared with those of full records, there is the op
 * alone. A Tandem before this one wrote neither op nor version.
 */
#ifndef TANDEM_MODEL_MARKER_H
#define TANDEM_MODEL_MARKER_H

#include "base/buf.h"
#include "model/version.h"

enum {
    MARKER_BYTES = 192,     /* with its NUL */
    MARKER_HASH_DIGITS = 16 /* of the event's content hash */
};

struct marker {
    int32_t partition;
    int64_t epoch, number; /* of two of one partition the greater (epoch, number) is the later */
    bool deletes;
    bool has_version;
    struct version version;
    struct span content; /* borrowed from the text; empty: it names none */
};

/* hash: of the event's content, at least MARKER_HASH_DIGITS long. ret_text holds MARKER_BYTES; returns its length. */
size_t marker_print(const struct marker *marker, const char *hash, char *ret_text);
/* False: not a marker of ours. */
bool marker_parse(struct span text, struct marker *ret_marker);
/* Was a begun after b? */
bool marker_later(const struct marker *a, const struct marker *b);
/* Does it name the content of this hash; do both name the same one? */
bool marker_names(struct span text, const char *hash);
bool marker_same_content(struct span a, struct span b);
/* How an event of this version and content stands to what the operation has written; VERSION_NEWER where the marker names no version. */
enum version_order marker_order(const struct marker *marker, const struct version *version,
                                const char *hash);

#endif
