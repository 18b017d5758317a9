/*
 * sf_id — Salesforce record ids: 15 case-sensitive characters, and the
 * 18-character form whose last three say which of them are upper case
 * (https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/field_types.htm).
 */
#ifndef TANDEM_SANDBOX_SF_ID_H
#define TANDEM_SANDBOX_SF_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { SF_ID_BYTES = 19 };

/* The n-th record of an object ("Contact" has prefix 003); ids ascend with n. */
void sf_id_make(const char *object, int64_t n, char *ret_id);
/* Which one it is; -1: no id. */
int64_t sf_id_n(const char *id);
/* A user's id from a writer's name. */
void sf_id_user(const char *who, char *ret_id);
/* 15 or 18 characters to 18; false: neither, or the checksum is wrong. */
bool sf_id_normalise(const char *id, char ret_id[SF_ID_BYTES]);

#endif
