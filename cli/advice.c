/*
 * advice — in the words of the person who reads the report.
 */
#include "cli/advice.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *class_, *words;
} ADVICE[] = {
    {"base", "both sides are as they were when they last agreed; the new system writes the value "
             "another way, or had one where the old is blank. Nothing to do."},
    {"truth", "a rule of the configuration let both values stand; <ns>.outcomes has the decision. "
              "Nothing to do."},
    {"volatile", "fields that move by themselves, and are carried with the next change. Nothing to "
                 "do."},
    {"edited-in-new", "somebody edited these in the new system after the move; the edit is kept. "
                      "Nothing to do."},
    {"first-meeting", "the record was in both systems before, with different values. Neither is "
                      "overwritten: decide per field which is right, and enter it in both."},
    {"conflict", "changed in both systems since they last agreed. Neither is overwritten: decide, "
                 "and enter it in both."},
    {"held-unconfirmed", "what we wrote was never seen stored, and the new system says otherwise: "
                         "compare by hand."},
    {"identity", "the twin belongs to another record, most often a person entered twice in the old "
                 "system: merge them there."},
    {"ambiguous", "two records of the new system match: merge them there."},
    {"twin-gone", "alive in the old system, deleted in the new one. Nothing is created again by "
                  "itself: decide."},
    {"deleted", "deleted in the old system, and edited in the new one since, or the policy is to "
                "ask: archive it "
                "there, or keep it."},
    {"duplicate-twin",
     "two records of the old system became one, and the new system has two: merge them there."},
    {"rejected", "the new system refused these; <ns>.dlq says why (kcat -t <ns>.dlq -J)."},
    {"waiting",
     "wait for another record: one that holds the same unique value, or one they refer to."},
    {"dead-letter", "a value could not be read through the mapping; <ns>.dlq names field and "
                    "reason. Mend the value or the mapping."},
    {"native", "made in the new system, never in the old one. Nothing to do."},
    {"source-gone", "the source record was deleted in the old system after it had been moved, and "
                    "Tandem knows it: delete here too, or keep."},
    {"candidate", "may be the same as a record of the old system; `tandem review list` asks."},
    {"phantom", "carries our id, and its old record is gone or was never there: a deletion nobody "
                "noticed, or a copy. See `tandem explain <record>`, then delete or detach it."},
    {"not-deleted", "its old record was deleted, and the policy says that this one goes too: it is "
                    "still there. `tandem explain <record>` says what became of the deletion."},
    {"duplicate",
     "the same person or thing as a record that has its twin already: merge the two in "
     "the new system."},
    {"link-missing", "the old system links it to something, the new one does not: somebody took "
                     "the link away there, or it was never made. Nobody "
                     "keeps a history of links. `tandem explain <record>`; then link it there, or "
                     "take the link away in the old system."},
    {"link-differs", "linked to something else than in the old system, and nothing says why. "
                     "`tandem explain <record>`; then make the two the same."},
    {"dangling",
     "refers to a record that is not in the new system any more: enter the right one in "
     "the old system once more, or mend it there."},
    {"untraced",
     "the rows say that both systems agree on two different values, and nothing says "
     "why: an update may have been lost. `tandem explain <record>`; then enter the right "
     "value in the old system once more."},
    {"late-write", "a request of ours wrote this, and the row knows another value. The next change "
                   "of the record puts it right; until then enter the right value by hand."},
    {"unknown-writer",
     "the new system's own history does not know this value: it was changed behind "
     "Tandem's back (a restore, a script, a write to its database). Find out who, "
     "then enter the right value in both."},
    {"unchecked",
     "only the new system's history can explain these, and there were too many to ask. "
     "Clear the others up first, then report again."},
    {"moving",
     "changed while they were compared. Report again, when it is quieter or with a longer "
     "--settle."},
    {"not-applied", "the old system says something else and nothing explains it. If it stays after "
                    "`tandem status` shows no lag: read the record's way in <ns>.outcomes."},
    {"unconfirmed", "written, never seen stored, and different now; the next change of the record "
                    "will ask."},
    {"unreadable-in-old", "fails its mapping, and no dead letter says so: it was not captured."},
    {"in-flight", "wait for a second try; see `tandem status`."},
    {"uncertain", "a write's outcome is unknown; it is looked up by itself. See `tandem status`."},
    {"no-row", "never reached apply. See the lag in `tandem status`, then the poll's log."},
    {"no-twin", "applied, and nothing was created. Read the record's way in <ns>.outcomes."},
    {"twin-missing", "its twin is not in the new system and no question was raised: the next "
                     "change of the record will ask."},
    {"deleted-row", "counts as deleted, and the old system has it."},
    {"shared-twin", "two records of the old system lead to one of the new."},
    {"second-twin", "carries the id of a record that has another twin: a duplicate."},
};

const char *advice_for(const char *class_)
{
    for (size_t i = 0; i < sizeof(ADVICE) / sizeof(ADVICE[0]); i++) {
        if (strcmp(ADVICE[i].class_, class_) == 0)
            return ADVICE[i].words;
    }
    return NULL;
}
