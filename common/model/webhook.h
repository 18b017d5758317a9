/*
 * webhook — what the configuration says of a webhook source's endpoints, and how senders sign: one row of one table for
 * each scheme, never code. remote/signature.h verifies by a row; producers/webhook receives.
 *
 *   sources = ( { name = "hubspot-hooks"; type = "webhook"; system = "hubspot"; listen = "127.0.0.1:8480";
 *     endpoints = (
 *       { path = "/hooks/hubspot"; scheme = "hubspot-v3"; secret_files = ["secrets/hooks", "secrets/hooks-old"];
 *         public_url = "https://hooks.acme.com/hooks/hubspot";      // as the sender calls it: HubSpot signs it
 *         items = "";                            // where the list of events lies in the body: a path, or "" for the body itself
 *         type = ".subscriptionType";            // of an event: a jq expression (base/expression.h)
 *         unmapped = "dlq";                      // or "count": event types that no rule takes
 *         rules = ( { type = "contact.*"; entity = "contact"; id = ".objectId"; },
 *                   { type = "contact.merge"; entity = "contact"; id = "[.primaryObjectId] + .mergedObjectIds"; } ); },
 *       { path = "/hooks/sfdc/9f0c…"; scheme = "salesforce-soap"; organization = "00D…"; rules = ( { type = "Contact"; entity = "contact"; } ); },
 *       { path = "/hooks/erp"; scheme = "own"; secret_files = ["secrets/erp"];
 *         signature = { header = "X-Erp-Signature"; algorithm = "hmac-sha256"; encoding = "hex"; prefix = "sha256=";
 *                       time_header = "X-Erp-Time"; time = "seconds"; window_s = 300; signed = "{time}.{body}"; };
 *         rules = ( { entity = "contact"; id = ".id"; record = ".data"; modified = ".data.LastModifiedDate"; } ); } ); } );
 *
 * A rule's `type` is the whole event type, or its beginning and a '*'; left out: any. The longest rule that fits decides. Without `record` an event is a
 * hint: poll reads the record back. With it, the record's members are named as the old system's API names them; a
 * record that lacks a mapped one, or its time of modification, is a hint as well: absent is not blank. Whole records need
 * a scheme that signs its time: between the modification and that time the source said so.
 */
#ifndef TANDEM_MODEL_WEBHOOK_H
#define TANDEM_MODEL_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

enum signature_algorithm {
    SIGNATURE_HMAC_SHA256,
    SIGNATURE_HMAC_SHA1,
    SIGNATURE_HMAC_SHA512,
    SIGNATURE_SHA256, /* a bare digest of text with the secret in it */
    SIGNATURE_NONE,   /* not signed: a secret path, or mTLS before us */
    SIGNATURE_ALGORITHM_COUNT
};
extern const char *const SIGNATURE_ALGORITHM_NAMES[]; /* NULL-terminated, without the last two */

enum signature_encoding { SIGNATURE_HEX, SIGNATURE_BASE64, SIGNATURE_ENCODING_COUNT };
extern const char *const SIGNATURE_ENCODING_NAMES[];

/* How the time of signing is written. */
enum signature_time {
    SIGNATURE_TIME_NONE, /* not signed: nothing is known of the message's age */
    SIGNATURE_TIME_SECONDS,
    SIGNATURE_TIME_MILLISECONDS,
    SIGNATURE_TIME_RFC3339,
    SIGNATURE_TIME_COUNT
};
extern const char *const SIGNATURE_TIME_NAMES[];

struct signature_scheme {
    const char *name, *summary;
    const char *header; /* carries the signature or several of them */
    char separator;     /* between the items of the header; '\0': it is one item */
    const char *prefix; /* of an item that is a signature: "v1="; others do not count. "": none */
    enum signature_algorithm algorithm;
    enum signature_encoding encoding;
    const char *
        secret_prefix; /* a secret that begins so goes on in base64: "whsec_"; NULL: taken as it is */
    const char *id_header;   /* {id}; NULL: there is none */
    const char *time_header; /* {time}; NULL: none, or it stands in the header of the signature: */
    const char *time_item;   /* … behind this prefix: "t="; NULL */
    enum signature_time time;
    int64_t window_s; /* how far the signed time may lie from now, both ways */
    /* The signed bytes: text with {id} {time} {method} {url} {body} {secret}. {url} is the endpoint's public_url. */
    const char *template;
    bool
        once; /* the sender never signs the same bytes for two events: a repetition can be dropped */
    bool weak; /* only where the endpoint says allow_weak = true */
};

extern const struct signature_scheme SIGNATURE_SCHEMES[];
extern const char *const SIGNATURE_SCHEME_NAMES[]; /* NULL-terminated; "own" is the last */
const struct signature_scheme *signature_scheme_named(
    const char *name); /* NULL: "own", or unknown */
bool signature_scheme_uses(const struct signature_scheme *scheme, const char *part); /* "{url}" */

/* An expression: a plain path (.a.b) is walked, anything else is run by jq. */
struct webhook_expression {
    const char *text;    /* as configured; NULL: none */
    const char *path;    /* "a.b"; "" for "."; NULL: not a plain path */
    const char *program; /* what is compiled; NULL: nothing */
    int index;           /* in migration->expressions */
};

struct entity;

struct webhook_rule {
    const char *type; /* "contact.*"; NULL: any */
    const struct entity *entity;
    struct webhook_expression id, record, modified;
};

struct webhook_endpoint {
    const char *path;       /* "/hooks/hubspot" */
    const char *public_url; /* NULL: not signed by this scheme */
    const struct signature_scheme *scheme;
    const char **secret_files; /* absolute paths */
    int secret_count;
    const char *organization; /* salesforce-soap: its id, 15 or 18 characters */
    const char *items;        /* json_path() of the events; "" the body itself */
    struct webhook_expression type;
    bool unmapped_dlq;
    bool replay; /* repetitions are dropped: scheme->once unless the endpoint says otherwise */
    const struct webhook_rule *rules;
    int rule_count;
};

enum {
    WEBHOOK_ENDPOINTS_MAX = 64,
    WEBHOOK_RULES_MAX = 100,
    WEBHOOK_SECRETS_MAX = 8,
    WEBHOOK_SECRET_PATH_BYTES = 24 /* least length of the path of an endpoint that nothing signs */
};

struct webhook_settings {
    const struct webhook_endpoint *endpoints;
    int endpoint_count;
};

#endif
