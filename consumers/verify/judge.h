/*
 * judge — what is to be said of one record that both systems may hold: the
 * same, different and explained, or different and unexplained. Explanations come from apply's own
 * row and from dead letters only; "it is probably still on its way" is none.
 * Pure functions; the whole policy is judge.c and its table in tests/unit/test_judge.c.
 *
 * How one field that both systems have is judged, first match wins:
 *   the same; an e-mail but for case, a phone number but for its form, a text
 *   but for blanks around it                                                       identical
 *   a reference: old is compared by the twin of the record that it leads to; one in new that leads
 *       nowhere                                                          → "dangling"
 *   the row holds a question about it, and old says what it said when it was asked → that question's
 *                                                  class                          explained
 *   both sides say what the base says of them, and something says why that is so:
 *       the texts are the same but for case and blanks, or one number is the other
 *       rounded; or what stands in new was written by us (it stores it another way), or
 *       it was somebody else's where the old side is blank                → "base"    explained
 *       an outcome names this record, field and both values: a declared truth → "truth"  explained
 *       nothing says why: a row that agrees with a lost update           → "untraced"
 *   old says what the base says, new does not, and the field's history knows who wrote
 *   that: a person (or what is not us)                          → "edited-in-new"    explained
 *       we did, and nobody before us: a late request                     → "late-write"
 *       nobody: it changed behind everybody's back                       → "unknown-writer"
 *   a system that keeps no history is believed what the base cannot tell.
 *   an association, of which no system keeps a history: only an open question, a reference that
 *       waits (below) or a truth outcome explains that the one of old is missing or another
 *                                             → "link-missing", "link-differs"
 *       one where old has none, and the row agrees on none  → "edited-in-new"        explained
 *   a question about the whole record            → that question's class                explained
 *   the row waits for another record; the reference waits, and what it leads to has no twin
 *                                                → "waiting"                            explained
 *   the field is volatile: it moves without a change → "volatile"                       explained
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
    JUDGE_TRUTH,
    JUDGE_VOLATILE,
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
    JUDGE_LINK_MISSING, /* old refers to something, and new has no association of the field's type */
    JUDGE_LINK_DIFFERS,   /* new is associated with something else, or still with what old left */
    JUDGE_DANGLING,       /* a reference in new to a record that is not there */
    JUDGE_UNTRACED,       /* the row says that both agree on different values; nothing says why */
    JUDGE_LATE_WRITE,     /* we wrote what stands in new, and the row knows another value */
    JUDGE_UNKNOWN_WRITER, /* the field's history does not know what stands in new */
    JUDGE_UNCHECKED, /* only the field's history could tell, and it was not asked: too many differences */
    JUDGE_MOVING,      /* it changed while it was looked at, again and again (compare.h says so) */
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

/* A field that the new system keeps as an association. */
enum judge_link {
    LINK_NO, /* it is a property */
    LINK_READ,
    LINK_CUT /* there are more of them than the system told */
};

enum judge_letter { LETTER_NONE, LETTER_MAPPING, LETTER_OTHER };

/* Who wrote what stands in a field of the new system, by the field's history. */
enum judge_writer {
    WRITER_NOT_ASKED = '-',
    WRITER_NOT_TOLD = '?', /* the system keeps no history */
    WRITER_OTHER = 'o', /* a person, an import, a workflow; also if we wrote the same again later */
    WRITER_US = 'u',
    WRITER_NOBODY = 'n' /* its last entry is another value */
};

struct judge_facts {
    const struct row *row;           /* NULL: none */
    const struct record *old_record; /* NULL: it fails its mapping */
    const struct record *new_record; /* the twin as read; NULL: not there */
    enum judge_letter letter;        /* a dead letter with this record's key */
    bool shared_twin;
    const char *writers; /* enum judge_writer a field; NULL: not asked */
    const bool *truths; /* a field: an outcome names the two values as they stand now; NULL: none */
    /*
     * A field: references in terms of the new system. old_record has "hubspot:<twin>" where the record
     * it leads to has a twin; what the old system itself said stands here. NULL: there are none.
     */
    const struct value *said;
    const bool *dangling; /* a field: what the new side refers to is not there; NULL: none */
    const enum judge_link *links; /* a field; NULL: none */
    struct arena *arena;          /* for the work of comparing */
};

/*
 * The class of a record that the old system has. ret_fields (entity->field_count of them, may be
 * NULL): the class of each field where both sides could be compared, IDENTICAL elsewhere.
 */
enum judge_class judge_record(const struct entity *entity, const struct judge_facts *facts,
                              enum judge_class *ret_fields);

/* Records that only the new system has. */
enum orphan_class {
    ORPHAN_NATIVE,      /* was there before, or was made there: never ours            explained */
    ORPHAN_SOURCE_GONE, /* deleted or merged in the old system, and its row says so   explained */
    ORPHAN_CANDIDATE,   /* somebody in old may be the same: an open question says so    explained */
    ORPHAN_PHANTOM, /* carries our external id or marker, and its old record is gone or unknown, and nobody says why */
    ORPHAN_NOT_DELETED, /* its old record is gone, and it should be too: the policy says archive or delete */
    ORPHAN_SECOND_TWIN, /* two in new for one in old: carries the id of a record that has another twin */
    ORPHAN_DUPLICATE, /* two in new for one in old: the same by its match fields, without our id */
    ORPHAN_CLASS_COUNT
};
const char *orphan_class_name(enum orphan_class class_);
bool orphan_explained(enum orphan_class class_);

struct orphan_facts {
    bool external_id, marker; /* it carries one of ours */
    bool source_here;         /* the record that its external id names is in the old system */
    bool row;                 /* a row names it as its twin; the next ones are that row's: */
    bool row_gone;            /* deleted or merged in the old system */
    bool row_asks;            /* holds a question about the whole record, or is at work on it */
    bool matched; /* a record of the old system has the same match values (none that differ): */
    bool matched_asks;    /* its row holds a question about who it is */
    bool matched_twinned; /* its row names another twin */
    enum delete_policy deletes;
};
enum orphan_class judge_orphan(const struct orphan_facts *facts);

#endif
