/*
 * judge — what is to be said of one record that both systems may hold: the
 * same, different and explained, or different and unexplained. Explanations come from apply's own
 * row and from dead letters only; "it is probably still on its way" is none.
 * Pure functions; the whole policy is judge.c and its table in tests/unit/test_judge.c.
 *
 * How one field that differs is judged, first match wins:
 *   the row holds a question about it            → that question's class                explained
 *   both sides say what the base says of them    → "base": agreed although not the same
 *                                                  text (the new system normalises, or had a
 *                                                  value where the old one is blank)     explained
 *   old says what the base says, new does not    → "edited-in-new": a person's edit there,
 *                                                  which apply keeps and which moves no
 *                                                  base; not for an unconfirmed base     explained
 *   a question about the whole record            → that question's class                explained
 *   the row waits for another record             → "waiting"                            explained
 *   anything else: old moved and new did not follow, no base, no row, …               unexplained
 */
#ifndef TANDEM_VERIFY_JUDGE_H
#define TANDEM_VERIFY_JUDGE_H

#include "model/state.h"

/* In rising rank: a record gets the highest of its fields' classes. */
enum judge_class {
    JUDGE_IDENTICAL,
    /* explained */
    JUDGE_BASE,
    JUDGE_EDITED_IN_NEW,
    JUDGE_FIRST_MEETING,
    JUDGE_CONFLICT,
    JUDGE_HELD_UNCONFIRMED,
    JUDGE_IDENTITY,
    JUDGE_AMBIGUOUS,
    JUDGE_TWIN_GONE,
    JUDGE_REJECTED,
    JUDGE_DELETED,        /* deleted in old; the question is what becomes of the twin */
    JUDGE_DUPLICATE_TWIN, /* merged in old into a record that has a twin of its own */
    JUDGE_WAITING,
    JUDGE_DEAD_LETTER,
    /* unexplained */
    JUDGE_NOT_APPLIED, /* the old side moved on, or the field never met: the new side did not follow
                        */
    JUDGE_UNCONFIRMED, /* the base is what we sent, and the new side says otherwise */
    JUDGE_UNREADABLE_OLD, /* the old record fails its mapping, and no dead letter says so */
    JUDGE_IN_FLIGHT,      /* the row waits for a time: it will be tried again */
    JUDGE_UNCERTAIN,      /* a write's outcome is unknown, or the row is being rebuilt */
    JUDGE_NO_ROW,         /* never reached apply */
    JUDGE_NO_TWIN,        /* applied, it says, but nothing was created */
    JUDGE_TWIN_MISSING,   /* the twin the row names is not there, and nobody asks */
    JUDGE_DELETED_ROW,    /* the row says the source deleted it, the source has it */
    JUDGE_SHARED_TWIN,    /* two rows name one twin */
    JUDGE_CLASS_COUNT
};
const char *judge_class_name(enum judge_class class_); /* "first-meeting", … */
bool judge_explained(enum judge_class class_);         /* also true for identical */

enum judge_letter { LETTER_NONE, LETTER_MAPPING, LETTER_OTHER };

struct judge_facts {
    const struct row *row;           /* NULL: none */
    const struct record *old_record; /* NULL: it fails its mapping */
    const struct record *new_record; /* the twin as read; NULL: not there */
    enum judge_letter letter;        /* a dead letter with this record's key */
    bool shared_twin;
};

/*
 * The class of a record that the old system has. ret_fields (entity->field_count of them, may be
 * NULL): the class of each field where both sides could be compared, IDENTICAL elsewhere.
 */
enum judge_class judge_record(const struct entity *entity, const struct judge_facts *facts,
                              enum judge_class *ret_fields);

#endif
