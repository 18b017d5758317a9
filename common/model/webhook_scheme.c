/*
 * webhook_scheme — how senders sign, a row each; beside it the page it was read from. See webhook.h.
 */
#include <string.h>

#include "model/webhook.h"

const char *const SIGNATURE_ALGORITHM_NAMES[] = {"hmac-sha256", "hmac-sha1", "hmac-sha512", NULL};
const char *const SIGNATURE_ENCODING_NAMES[] = {"hex", "base64", NULL};
const char *const SIGNATURE_TIME_NAMES[] = {"none", "seconds", "milliseconds", "rfc3339", NULL};
_Static_assert(sizeof(SIGNATURE_ENCODING_NAMES) / sizeof(char *) == SIGNATURE_ENCODING_COUNT + 1,
               "a name per encoding");
_Static_assert(sizeof(SIGNATURE_TIME_NAMES) / sizeof(char *) == SIGNATURE_TIME_COUNT + 1,
               "a name per way to write a time");

const struct signature_scheme SIGNATURE_SCHEMES[] = {
    /* standard-webhooks/standard-webhooks spec/standard-webhooks.md */
    {.name = "standard",
     .summary = "Standard Webhooks",
     .header = "webhook-signature",
     .separator = ' ',
     .prefix = "v1,",
     .algorithm = SIGNATURE_HMAC_SHA256,
     .encoding = SIGNATURE_BASE64,
     .secret_prefix = "whsec_",
     .id_header = "webhook-id",
     .time_header = "webhook-timestamp",
     .time = SIGNATURE_TIME_SECONDS,
     .window_s = 300,
     .template = "{id}.{time}.{body}",
     .once = true},
    /* developers.hubspot.com, "Introducing version 3 of webhook signatures" */
    {.name = "hubspot-v3",
     .summary = "HubSpot, version 3",
     .header = "X-HubSpot-Signature-v3",
     .prefix = "",
     .algorithm = SIGNATURE_HMAC_SHA256,
     .encoding = SIGNATURE_BASE64,
     .time_header = "X-HubSpot-Request-Timestamp",
     .time = SIGNATURE_TIME_MILLISECONDS,
     .window_s = 300,
     .template = "{method}{url}{body}{time}",
     .once = true},
    /* docs.stripe.com/webhooks/signature: other schemes than v1 are to be ignored */
    {.name = "stripe",
     .summary = "Stripe",
     .header = "Stripe-Signature",
     .separator = ',',
     .prefix = "v1=",
     .algorithm = SIGNATURE_HMAC_SHA256,
     .encoding = SIGNATURE_HEX,
     .time_item = "t=",
     .time = SIGNATURE_TIME_SECONDS,
     .window_s = 300,
     .template = "{time}.{body}",
     .once = true},
    /* docs.github.com/webhooks/securing: only the body is signed, never X-GitHub-Delivery */
    {.name = "github",
     .summary = "GitHub",
     .header = "X-Hub-Signature-256",
     .prefix = "sha256=",
     .algorithm = SIGNATURE_HMAC_SHA256,
     .encoding = SIGNATURE_HEX,
     .template = "{body}"},
    /* developer.zendesk.com/documentation/webhooks/verifying: the time as it stands, "2021-03-25T05:09:27Z" */
    {.name = "zendesk",
     .summary = "Zendesk",
     .header = "X-Zendesk-Webhook-Signature",
     .prefix = "",
     .algorithm = SIGNATURE_HMAC_SHA256,
     .encoding = SIGNATURE_BASE64,
     .time_header = "X-Zendesk-Webhook-Signature-Timestamp",
     .time = SIGNATURE_TIME_RFC3339,
     .window_s = 300,
     .template = "{time}{body}",
     .once = true},
    /* api.slack.com/authentication/verifying-requests-from-slack */
    {.name = "slack",
     .summary = "Slack",
     .header = "X-Slack-Signature",
     .prefix = "v0=",
     .algorithm = SIGNATURE_HMAC_SHA256,
     .encoding = SIGNATURE_HEX,
     .time_header = "X-Slack-Request-Timestamp",
     .time = SIGNATURE_TIME_SECONDS,
     .window_s = 300,
     .template = "v0:{time}:{body}",
     .once = true},
    /* developers.hubspot.com/docs/faq/v1-request-validation: a bare digest, and of no age */
    {.name = "hubspot-v1",
     .summary = "HubSpot, version 1",
     .header = "X-HubSpot-Signature",
     .prefix = "",
     .algorithm = SIGNATURE_SHA256,
     .encoding = SIGNATURE_HEX,
     .template = "{secret}{body}",
     .weak = true},
    {.name = "hubspot-v2",
     .summary = "HubSpot, version 2",
     .header = "X-HubSpot-Signature",
     .prefix = "",
     .algorithm = SIGNATURE_SHA256,
     .encoding = SIGNATURE_HEX,
     .template = "{secret}{method}{url}{body}",
     .weak = true},
    /* Salesforce outbound messages are not signed: a path that nobody guesses, and the organization's id in the message. A message that was not
     * acknowledged comes again as it was; its notifications carry ids of their own. */
    {.name = "salesforce-soap",
     .summary = "Salesforce outbound messages",
     .header = "",
     .prefix = "",
     .algorithm = SIGNATURE_NONE,
     .template = "{body}",
     .once = true},
    {0},
};

const char *const SIGNATURE_SCHEME_NAMES[] = {
    "standard",   "hubspot-v3", "stripe",          "github", "zendesk", "slack",
    "hubspot-v1", "hubspot-v2", "salesforce-soap", "own",    NULL};
_Static_assert(sizeof(SIGNATURE_SCHEME_NAMES) / sizeof(char *) ==
                   sizeof(SIGNATURE_SCHEMES) / sizeof(SIGNATURE_SCHEMES[0]) + 1,
               "a name per scheme, and own");

const struct signature_scheme *signature_scheme_named(const char *name)
{
    for (const struct signature_scheme *scheme = SIGNATURE_SCHEMES; scheme->name; scheme++)
        if (strcmp(scheme->name, name) == 0)
            return scheme;
    return NULL;
}

bool signature_scheme_uses(const struct signature_scheme *scheme, const char *part)
{
    return strstr(scheme->template, part) != NULL;
}
