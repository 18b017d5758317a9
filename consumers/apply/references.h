/*
 * references — fields that lead to other records (and to people): what the old system refers to, said in the new system's ids; what is not
 * there yet holds its field, not the record. links — those that the new system keeps as associations: read beside the twin, merged like any
 * other field, written after the record, each with an effect of its own.
 *
 * Order: references_resolve after the rows are loaded: work.referred is what the old system said, work.event.after what the new one calls
 * it (MISSING: not there, merged with nothing). Twin found: links_read. The plan decides associations as it does properties (decide.c). The
 * record is written (write.c), then links_write. references_settle says in the row what waits.
 *
 * A crash between the record and its links leaves the operation that was begun: it is looked at like any other of unknown outcome, and a link
 * that is there already is not written again. Of a link request without answer the row keeps what was sent, and nothing of this field is
 * written until that request cannot be executed any more.
 */
#ifndef TANDEM_APPLY_REFERENCES_H
#define TANDEM_APPLY_REFERENCES_H

#include "apply.h"

/* The fields of each entity; people if they are needed. -1 with ERR_FATAL: the systems cannot do what the mapping asks for. */
int references_open(struct apply *apply, struct err *err);
void references_clear(struct apply *apply);

/* Is this field an association of the new system? */
bool references_is_link(const struct apply_entity *ae, int f);

/* Of every work that has an event, one script call for a chunk and a reference; people are looked up. -1: nothing can be decided now. */
int references_resolve(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
                       int64_t *ret_retry_after_ms, struct err *err);

/* A record without an event of its own was woken: its event is made of the references that wait. False: none does. */
bool references_wake(struct apply *apply, struct apply_entity *ae, struct work *work);

/* A woken record of which nothing can be written yet: done, the wait goes on. */
void references_wait_on(struct apply *apply, struct apply_entity *ae, struct work *work);

/* What waits, into the row that was settled; before: the row as it was. */
void references_settle(struct apply *apply, struct apply_entity *ae, struct work *work,
                       const struct row *before);

/* This field's link could not be written: its reference waits until then. */
void references_postpone(struct apply *apply, struct apply_entity *ae, struct work *work, int f,
                         int64_t look_ms);

/* ---- links.c ---- */

/* Is anything of this work's associations to be read before it can be decided? */
bool links_wanted(const struct apply_entity *ae, const struct work *work);

/* The works in WORK_LINKS: planned then. */
int links_read(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
               int64_t *ret_retry_after_ms, struct err *err);

/* Does the plan change an association? */
bool links_planned(const struct apply_entity *ae, const struct work *work);

/* Those of the works that are settled: every association that their plans change. What fails waits in the row. */
void links_write(struct apply *apply, struct apply_entity *ae, struct work **works, int n);

/* A link of this field was sent, nobody knows whether it may still be executed. */
bool links_doubtful(const struct apply *apply, const struct work *work, int f);

#endif
