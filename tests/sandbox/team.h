/*
 * team — the people who are users of the old system and owners in the new one
 * from the start, by one e-mail address each: NAME@team.example.com. Their ids
 * do not come from the counter of records: a Salesforce user's id is
 * sf_id_user("person:NAME"), so that LastModifiedById names a User.
 */
#ifndef TANDEM_SANDBOX_TEAM_H
#define TANDEM_SANDBOX_TEAM_H

#include "tests/sandbox/store.h"

enum { TEAM_OWNERS = 5 }; /* the first five are users and owners, active on both sides */

/* Those who are missing, without effects in the ledger. Inside store_begin/store_end. */
void team_open(struct store *store);

/* The i-th member's id in this CRM: a User's or an owner's. */
void team_id(const struct store *store, int i, char ret_id[ID_BYTES]);

#endif
