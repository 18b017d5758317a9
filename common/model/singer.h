/*
 * singer — what the configuration says of a singer source: which program to run as a child, and what its streams mean. producers/singer runs it.
 *
 *   sources = ( { name = "tap"; type = "singer"; system = "salesforce";
 *     command = ["venv/bin/tap-salesforce"];                 // no shell; a path, relative to the configuration file that says it
 *     config_file = "secrets/tap.json";                      // --config; mode 600. Its texts are masked in the log
 *     catalog_file = "catalog.json";                         // --catalog; or properties_file: --properties
 *     state_dir = "tap-state";                               // of this process alone
 *     environment = ["REQUESTS_CA_BUNDLE=/etc/tandem/ca.pem"];   // beside PATH, HOME, LANG; no secrets: others can read it
 *     streams = (
 *       { stream = "Contact"; entity = "contact";
 *         key = ["Id"];                                      // left out: the tap's own key_properties
 *         modified = "SystemModstamp";                       // the replication key: RFC 3339 with a zone, or s or ms since 1970
 *         deleted = "IsDeleted";                             // true, or any time: the record is deleted
 *         deletes = "activate";                              // by ACTIVATE_VERSION; "difference"; "none"
 *         absent = "unknown"; } ); } );                      // what a property means that a record does not have; or "blank"
 *
 * A field's old name is the property's path in the record. Where a stream has no time of modification, the moment of observation is.
 */
#ifndef TANDEM_MODEL_SINGER_H
#define TANDEM_MODEL_SINGER_H

#include <stdbool.h>

struct entity;

/* What of a stream says that a record is gone; see producers/singer/singer.h. */
enum singer_deletes {
    SINGER_DELETES_ACTIVATE,
    SINGER_DELETES_DIFFERENCE,
    SINGER_DELETES_NONE,
    SINGER_DELETES_COUNT
};
extern const char *const SINGER_DELETES_NAMES[]; /* NULL-terminated */

enum { SINGER_STREAMS_MAX = 64, SINGER_KEYS_MAX = 8, SINGER_WORDS_MAX = 64 };

struct singer_stream {
    const char *name;
    const struct entity *entity;
    const char *keys[SINGER_KEYS_MAX];
    int key_count;                  /* 0: the tap says */
    const char *modified, *deleted; /* NULL: none */
    enum singer_deletes deletes;
    bool absent_is_blank;
};

struct singer_settings {
    const struct singer_stream *streams;
    int stream_count;
    const char **command;     /* NULL-terminated; the first is a path */
    const char **environment; /* NULL-terminated, "NAME=value" */
    const char *state_dir;
};

#endif
