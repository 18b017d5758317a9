/*
 * hs_normalise — the forms in which a target may store what it was given, each
 * switched on by a setting.
 */
#ifndef TANDEM_SANDBOX_HS_NORMALISE_H
#define TANDEM_SANDBOX_HS_NORMALISE_H

#include "base/buf.h"

/* "(555) 123-4567" → "+15551234567". What is no number of a known form stays as it is. */
void hs_normalise_phone(struct span text, struct buf *ret_phone);

/* A decimal rounded half away from zero to so many places, without trailing zeros. */
void hs_normalise_decimal(struct span text, int places, struct buf *ret_number);

#endif
