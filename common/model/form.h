/*
 * form — what the configuration says of the forms that a form source takes over: whose old address, what its inputs mean, where the visitor goes
 * afterwards. producers/form receives.
 *
 *   sources = ( { name = "forms"; type = "form"; system = "salesforce"; listen = "127.0.0.1:8481"; spool_dir = "spool";
 *     forms = (
 *       { name = "contact-us"; path = "/servlet/servlet.WebToLead"; entity = "contact";
 *         thank_you = "https://www.acme.com/thanks";             // 303; JSON posts get it as "redirectUri"
 *         return_input = "retURL";                               // an input with another address, honoured only
 *         return_urls = ["https://www.acme.com/"];               // below one of these (or exactly one that has no '/' at its end)
 *         inputs = ( { name = "email"; field = "email"; }, { name = "00N5g00000AbCdE"; field = "job_title"; } );
 *         consent = ["emailOptIn"];                              // inputs that are carried with the event as they came
 *         origins = ["https://www.acme.com"];                    // whose pages may post; others 403. Left out: anybody's
 *         honeypot = "website";                                  // an input that only bots fill in
 *         visitor = "none";                                      // or "truncated" (/24, /48), "hashed" (visitor_key_file), "whole"
 *         forward_url = "https://webto.salesforce.com/servlet/servlet.WebToLead?encoding=UTF-8"; } ); } );  // dual write
 *
 * An input is a text as the old system would take it (its field's old names and forms hold); one that is left empty says nothing. Inputs of a JSON
 * post are named by their path: "legalConsentOptions.consent.consentToProcess"; HubSpot's "fields": [{"name":…,"value":…}] by their name.
 * The event's record is "<form>:<id minted at acceptance>", partial, and of the moment of acceptance.
 */
#ifndef TANDEM_MODEL_FORM_H
#define TANDEM_MODEL_FORM_H

#include <stdbool.h>
#include <stdint.h>

struct entity;

/* What is kept of the visitor's address. */
enum form_visitor {
    FORM_VISITOR_NONE,
    FORM_VISITOR_TRUNCATED,
    FORM_VISITOR_HASHED,
    FORM_VISITOR_WHOLE,
    FORM_VISITOR_COUNT
};
extern const char *const FORM_VISITOR_NAMES[]; /* NULL-terminated */

struct form_input {
    const char *name;
    int field; /* of the entity */
};

/* A list of texts in the configuration. */
struct form_texts {
    const char **texts;
    int count;
};

struct form {
    const char *name, *path, *thank_you;
    const struct entity *entity;
    const struct form_input *inputs;
    int input_count;
    const char *return_input, *honeypot, *forward_url; /* NULL: none */
    struct form_texts return_urls, origins, consent;
    enum form_visitor visitor;
};

enum { FORMS_MAX = 64, FORM_INPUTS_MAX = 250, FORM_TEXTS_MAX = 50 };

struct form_settings {
    const struct form *forms;
    int form_count;
    const char *spool_dir; /* of the source; relative to the configuration file that says it */
};

#endif
