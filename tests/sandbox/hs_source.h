/*
 * hs_source — who changed something, as HubSpot says it: an integration by its
 * app id, a person by a user id.
 */
#ifndef TANDEM_SANDBOX_HS_SOURCE_H
#define TANDEM_SANDBOX_HS_SOURCE_H

#include "tests/sandbox/exchange.h"
#include "tests/sandbox/sandbox.h"

/* The bearer of sandbox-token is HS_FIRST_APP; other clients get ids of their own, people user ids, by their names. */
enum { HS_FIRST_APP = 1000001, HS_PORTAL = 4242424 };
int64_t hs_app_id(const char *who);
int64_t hs_user_id(const char *who);

/* "sourceType":…,"sourceId":…,"sourceLabel":…(,"updatedByUserId":…) of a writer. */
void hs_put_source(struct buf *body, const char *who);

/* Which app a token belongs to: POST /oauth/v2/private-apps/get/access-token-info, GET /oauth/v1/access-tokens/{token}. */
void hs_token_info(struct sandbox *sandbox, const struct request *request, struct reply *reply);

#endif
