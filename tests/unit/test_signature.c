/*
 * test_signature — published vectors of each scheme, and what becomes of every mutation of a valid request. The sources of the
 * vectors stand beside them; Stripe publishes none that is fixed, its row was computed with another implementation (Python's hmac).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "remote/signature.h"

enum { HEADERS_MAX = 4, COPIES_MAX = 2, TEXT_BYTES = 1024, SKEW_MS = 10 * 60 * 1000 };

struct vector {
    const char *scheme, *secret, *method, *url, *body;
    const char *headers[HEADERS_MAX][2];
    int64_t now_ms;
};

#define SLACK_BODY                                                                                 \
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id="         \
    "G8PSS9T3V&channel_name="                                                                      \
    "foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=" \
    "https%3A%2F%2Fhooks."                                                                         \
    "slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id="       \
    "398738663015.47445629121."                                                                    \
    "803a0bc887a14d10d2c447fce8b6703c"

static const struct vector VECTORS[] = {
    /* standard-webhooks/standard-webhooks, libraries/javascript/src/webhook.test.ts */
    {"standard",
     "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     "POST",
     "",
     "{\"test\": 2432232314}",
     {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
      {"webhook-timestamp", "1614265330"},
      {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
     1614265330000},
    /* docs.github.com, "Testing the webhook payload validation" */
    {"github",
     "It's a Secret to Everybody",
     "POST",
     "",
     "Hello, World!",
     {{"X-Hub-Signature-256",
       "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
     1},
    /* api.slack.com/authentication/verifying-requests-from-slack */
    {"slack",
     "8f742231b10e8888abcd99yyyzzz85a5",
     "POST",
     "",
     SLACK_BODY,
     {{"X-Slack-Request-Timestamp", "1531420618"},
      {"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"}},
     1531420618000},
    /* slickteam/hubspot-api, HubSpotWebHookSignatureUtilsTest */
    {"hubspot-v3",
     "3da21a3d-5964-494c-a638-c56abb76d825",
     "POST",
     "https://api.beta/webhooks",
     "[{\"eventId\":100,\"subscriptionId\":2439752,\"portalId\":8136442,\"occurredAt\":"
     "1704970386905,"
     "\"subscriptionType\":\"deal.propertyChange\",\"attemptNumber\":0,\"objectId\":123,"
     "\"changeSource\":\"CRM\","
     "\"propertyName\":\"dealstage\",\"propertyValue\":\"sample-value\"}]",
     {{"X-HubSpot-Request-Timestamp", "1704975585199"},
      {"X-HubSpot-Signature-v3", "IirHW2rKOnmjwy3EF7Czp86mGntxQZVDVhKTlGj5jx8="}},
     1704975585199},
    /* developers.hubspot.com/docs/faq/v1-request-validation, /v2-request-validation */
    {"hubspot-v1",
     "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
     "POST",
     "",
     "[{\"eventId\":1,\"subscriptionId\":12345,\"portalId\":62515,\"occurredAt\":1564113600000,"
     "\"subscriptionType\":"
     "\"contact.creation\",\"attemptNumber\":0,\"objectId\":123,\"changeSource\":\"CRM\","
     "\"changeFlag\":\"NEW\","
     "\"appId\":54321}]",
     {{"X-HubSpot-Signature", "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"}},
     1},
    {"hubspot-v2",
     "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
     "GET",
     "https://www.example.com/webhook_uri",
     "",
     {{"X-HubSpot-Signature", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"}},
     1},
    {"stripe",
     "whsec_test_secret",
     "POST",
     "",
     "{\"id\":\"evt_1\",\"object\":\"event\"}",
     {{"Stripe-Signature",
       "t=1492774577,v1=654b43d3508ecadb3f8cefc4bc7d3d2bdc5ba9e03bf2c89b2d0657a8e24e4543,"
       "v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"}},
     1492774577000},
    /* computed as developer.zendesk.com/documentation/webhooks/verifying writes it */
    {"zendesk",
     "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==",
     "POST",
     "",
     "{\"webhook\":{\"id\":\"01F1KRNWVZGKAT7QXGF3BHEGKS\"}}",
     {{"X-Zendesk-Webhook-Signature-Timestamp", "2021-03-25T05:09:27Z"},
      {"X-Zendesk-Webhook-Signature", "MkNFHarbK69T7Gwtt5HoFejMRfM8mvZDKrrjKnD1pQk="}},
     1616648967000},
};
enum { VECTOR_COUNT = sizeof(VECTORS) / sizeof(VECTORS[0]) };

/* A request whose headers can be changed. */
struct request {
    char headers[HEADERS_MAX][2][TEXT_BYTES];
    int copies[HEADERS_MAX];
    char body[TEXT_BYTES];
    int64_t now_ms;
    const char *secrets[2];
    char name[HASH_HEX_BYTES];
};

static int look(void *self, const char *name, struct span *ret_value)
{
    const struct request *request = self;
    int found = 0;
    for (int i = 0; i < HEADERS_MAX; i++) {
        if (!request->headers[i][0][0] || strcasecmp(request->headers[i][0], name) != 0)
            continue;
        *ret_value = span_of(request->headers[i][1]);
        found += request->copies[i];
    }
    return found;
}

static void request_of(struct request *request, const struct vector *vector)
{
    memset(request, 0, sizeof(*request));
    for (int i = 0; i < HEADERS_MAX && vector->headers[i][0]; i++) {
        (void)snprintf(request->headers[i][0], TEXT_BYTES, "%s", vector->headers[i][0]);
        (void)snprintf(request->headers[i][1], TEXT_BYTES, "%s", vector->headers[i][1]);
        request->copies[i] = 1;
    }
    (void)snprintf(request->body, TEXT_BYTES, "%s", vector->body);
    request->now_ms = vector->now_ms;
    request->secrets[0] = vector->secret;
}

static enum signature_verdict judge(struct request *request, const struct vector *vector)
{
    const struct signature_scheme *scheme = signature_scheme_named(vector->scheme);
    struct signature_keys keys;
    struct err err = ERR_INIT;
    assert_non_null(scheme);
    assert_int_equal(
        signature_keys_init(&keys, scheme, request->secrets, request->secrets[1] ? 2 : 1, &err), 0);
    const struct signature_request asked = {.method = span_of(vector->method),
                                            .url = span_of(vector->url),
                                            .body = span_of(request->body),
                                            .header = look,
                                            .self = request};
    enum signature_verdict verdict =
        signature_verify(scheme, &keys, &asked, request->now_ms, request->name, NULL);
    signature_keys_clear(&keys);
    return verdict;
}

static void expect(struct request *request, const struct vector *vector,
                   enum signature_verdict want, const char *what)
{
    enum signature_verdict got = judge(request, vector);
    if (got != want)
        fail_msg("%s, %s: %s, not %s", vector->scheme, what, signature_verdict_name(got),
                 signature_verdict_name(want));
}

static void refused(struct request *request, const struct vector *vector, const char *what)
{
    if (judge(request, vector) == SIGNATURE_GOOD)
        fail_msg("%s, %s: accepted", vector->scheme, what);
}

static void vectors(void **state)
{
    (void)state;
    struct request request;
    for (int i = 0; i < VECTOR_COUNT; i++) {
        request_of(&request, &VECTORS[i]);
        expect(&request, &VECTORS[i], SIGNATURE_GOOD, "as published");
    }
}

static void several_secrets(void **state)
{
    (void)state;
    struct request request;
    for (int i = 0; i < VECTOR_COUNT; i++) {
        const struct vector *vector = &VECTORS[i];
        request_of(&request, vector);
        request.secrets[0] = "another";
        expect(&request, vector, SIGNATURE_WRONG, "with another secret");
        request.secrets[1] = vector->secret;
        expect(&request, vector, SIGNATURE_GOOD, "with the second secret");
    }
}

static void each_header(void **state)
{
    (void)state;
    struct request request;
    for (int i = 0; i < VECTOR_COUNT; i++) {
        const struct vector *vector = &VECTORS[i];
        for (int h = 0; h < HEADERS_MAX && vector->headers[h][0]; h++) {
            request_of(&request, vector);
            request.copies[h] = 0;
            expect(&request, vector, SIGNATURE_MISSING, "a header dropped");
            request_of(&request, vector);
            request.copies[h] = COPIES_MAX;
            expect(&request, vector, SIGNATURE_MISSING, "a header doubled");
            request_of(&request, vector);
            request.headers[h][1][0] = '\0';
            expect(&request, vector, SIGNATURE_MISSING, "a header emptied");
            /* A name in another case is the same name (RFC 9110 §5.1). */
            request_of(&request, vector);
            for (char *c = request.headers[h][0]; *c; c++)
                *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
            expect(&request, vector, SIGNATURE_GOOD, "a header's name in capitals");
        }
    }
}

/* Stripe's v0 item says nothing: what happens to it changes nothing. */
static bool matters(const struct vector *vector, size_t at, int h)
{
    const char *ignored = strstr(vector->headers[h][1], ",v0=");
    return !ignored || at < (size_t)(ignored - vector->headers[h][1]);
}

static void each_byte_of_a_header(void **state)
{
    (void)state;
    struct request request;
    for (int i = 0; i < VECTOR_COUNT; i++) {
        const struct vector *vector = &VECTORS[i];
        for (int h = 0; h < HEADERS_MAX && vector->headers[h][0]; h++) {
            size_t len = strlen(vector->headers[h][1]);
            for (size_t at = 0; at < len && matters(vector, at, h); at++) {
                request_of(&request, vector);
                request.headers[h][1][at] = '\0';
                refused(&request, vector, "a header truncated");
                request_of(&request, vector);
                request.headers[h][1][at] ^= 1;
                refused(&request, vector, "a bit of a header turned");
                request_of(&request, vector);
                char c = request.headers[h][1][at];
                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
                    continue;
                request.headers[h][1][at] = (char)(c ^ 0x20);
                refused(&request, vector, "a letter of a header in the other case");
            }
        }
    }
}

static void each_bit_of_a_body(void **state)
{
    (void)state;
    struct request request;
    for (int i = 0; i < VECTOR_COUNT; i++) {
        const struct vector *vector = &VECTORS[i];
        for (size_t at = 0; at < strlen(vector->body); at++) {
            for (unsigned bit = 0; bit < 7; bit++) {
                request_of(&request, vector);
                request.body[at] = (char)(request.body[at] ^ (1 << bit));
                expect(&request, vector, SIGNATURE_WRONG, "a bit of the body turned");
            }
        }
        request_of(&request, vector);
        size_t len = strlen(request.body);
        request.body[len] = ' ';
        expect(&request, vector, SIGNATURE_WRONG, "a byte more");
        if (len) {
            request.body[len - 1] = '\0';
            expect(&request, vector, SIGNATURE_WRONG, "a byte less");
        }
    }
}

static void time_window(void **state)
{
    (void)state;
    struct request request;
    for (int i = 0; i < VECTOR_COUNT; i++) {
        const struct vector *vector = &VECTORS[i];
        const struct signature_scheme *scheme = signature_scheme_named(vector->scheme);
        bool timed = scheme->time != SIGNATURE_TIME_NONE;
        static const int64_t OFF[] = {SKEW_MS, -SKEW_MS, 300001, -300001};
        for (size_t k = 0; k < sizeof(OFF) / sizeof(OFF[0]); k++) {
            request_of(&request, vector);
            request.now_ms += OFF[k];
            expect(&request, vector, timed ? SIGNATURE_EXPIRED : SIGNATURE_GOOD,
                   "out of the window");
        }
        request_of(&request, vector);
        request.now_ms += 300000;
        expect(&request, vector, SIGNATURE_GOOD, "at the window's end");
        /* An old message is refused as wrong, not as old, when nobody signed it. */
        request.now_ms += SKEW_MS;
        request.secrets[0] = "another";
        expect(&request, vector, SIGNATURE_WRONG, "old and wrong");
    }
}

/* What a replay is known by is made of what was signed: of nothing else, and of all of it. */
static void replay_names(void **state)
{
    (void)state;
    struct request request;
    char names[VECTOR_COUNT][HASH_HEX_BYTES];
    for (int i = 0; i < VECTOR_COUNT; i++) {
        request_of(&request, &VECTORS[i]);
        (void)snprintf(request.headers[3][0], TEXT_BYTES, "X-GitHub-Delivery");
        (void)snprintf(request.headers[3][1], TEXT_BYTES, "anything");
        request.copies[3] = 1;
        expect(&request, &VECTORS[i], SIGNATURE_GOOD, "with a header that is not signed");
        memcpy(names[i], request.name, HASH_HEX_BYTES);
        request_of(&request, &VECTORS[i]);
        expect(&request, &VECTORS[i], SIGNATURE_GOOD, "without it");
        assert_string_equal(names[i], request.name);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(names[k], names[i]);
    }
}

/* Senders that rotate send a signature a secret; what is no signature of ours does not disturb. */
static void several_signatures(void **state)
{
    (void)state;
    struct request request;
    static const struct {
        const char *what, *format;
        enum signature_verdict want;
    } CASES[] = {
        {"ours is the second", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= %s",
         SIGNATURE_GOOD},
        {"another version first", "v2,xyz %s", SIGNATURE_GOOD},
        {"blanks", "  %s  ", SIGNATURE_GOOD},
        {"another version only", "v2,xyz", SIGNATURE_MALFORMED},
        {"seventeen, ours is the last",
         "v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A %s",
         SIGNATURE_MALFORMED},
        {"no padding", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", SIGNATURE_MALFORMED},
        {"other bits behind the last byte",
         "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=", SIGNATURE_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char *value = request.headers[2][1];
        request_of(&request, &VECTORS[0]);
        const char *ours = strstr(CASES[i].format, "%s");
        int before = ours ? (int)(ours - CASES[i].format) : (int)strlen(CASES[i].format);
        (void)snprintf(value, TEXT_BYTES, "%.*s%s%s", before, CASES[i].format,
                       ours ? VECTORS[0].headers[2][1] : "", ours ? ours + 2 : "");
        expect(&request, &VECTORS[0], CASES[i].want, CASES[i].what);
    }
    request_of(&request, &VECTORS[6]);
    (void)snprintf(request.headers[0][1], TEXT_BYTES, "t=1,%s", VECTORS[6].headers[0][1]);
    expect(&request, &VECTORS[6], SIGNATURE_MALFORMED, "two times");
}

static void bad_secret(void **state)
{
    (void)state;
    struct signature_keys keys;
    struct err err = ERR_INIT;
    const char *texts[] = {"whsec_no base64!"};
    assert_int_equal(signature_keys_init(&keys, signature_scheme_named("standard"), texts, 1, &err),
                     -1);
    assert_int_equal(err.kind, ERR_FATAL);
    assert_null(strstr(err.text, "no base64!"));
    signature_keys_clear(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(several_secrets),
        cmocka_unit_test(each_header),
        cmocka_unit_test(each_byte_of_a_header),
        cmocka_unit_test(each_bit_of_a_body),
        cmocka_unit_test(time_window),
        cmocka_unit_test(replay_names),
        cmocka_unit_test(several_signatures),
        cmocka_unit_test(bad_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
