/*
 * alike — two texts that differ and say the same. Targets normalise what they store (design §6): a phone number gets its
 * country code, an e-mail its small letters, a number its two decimals. Pure functions.
 */
#ifndef TANDEM_VERIFY_ALIKE_H
#define TANDEM_VERIFY_ALIKE_H

#include "model/value.h"

/*
 * The same whatever anybody agreed on, so that it is no difference: an e-mail but for case; a phone number by its digits, one of
 * them perhaps without the other's country code ("(555) 123-4567", "+15551234567"; at least 7 digits); a text but for the blanks
 * around it. Case in a text, and rounding, are differences.
 */
bool alike(enum value_type type, struct value a, struct value b, struct arena *arena);

/*
 * What a target may have made of the one when it stored it, where a base says that both agree: alike, or the same but for case
 * and inner blanks, or for numbers (and amounts of one currency) one is the other rounded to its own decimals.
 */
bool alike_normalised(enum value_type type, struct value a, struct value b, struct arena *arena);

#endif
