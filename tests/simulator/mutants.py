"""
mutants — each rule of the model, broken one at a time: the simulator or a table test must notice. A mutant is one text of one
file in common/model replaced by another, compiled and linked beside the rest of the build as it is; the product's sources know
nothing of it. A rule whose text is not found any more fails too: say it anew here.

    BUILD_DIR=build/dev python3 tests/simulator/mutants.py [part of a rule ...]
"""
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD_DIR", os.path.join(SOURCE, "build/dev")))
RUNS = 700  # schedules per tier

# (rule, file, text, what stands there instead, who notices)
SIMULATOR, MERGE, RECORD, TRUTH, STATE, VERSION = "simulator", "merge", "merge_record", "truth", "state", "version"
MARKER = "marker"
MUTANTS = [
    # ---- what is newer
    ("an older modified-at is older", "version.c",
     "return candidate < known ? VERSION_OLDER : VERSION_NEWER;", "return VERSION_NEWER;", SIMULATOR),
    ("of one modified-at the later mapping generation is newer", "version.c",
     "if (order == VERSION_SAME)\n        order = by_number(known->generation, candidate->generation);", "", VERSION),
    ("disjoint intervals decide", "version.c",
     "if (candidate->observed_from_ms > known->observed_to_ms)\n        return VERSION_NEWER;", "", SIMULATOR),
    ("an interval before the known one is older", "version.c",
     "if (candidate->observed_to_ms < known->observed_from_ms)\n        return VERSION_OLDER;", "", VERSION),
    ("overlapping intervals with different content are unordered", "version.c",
     "return VERSION_UNORDERED;", "return VERSION_NEWER;", SIMULATOR),
    ("the same content seen later is newer", "version.c",
     "return later ? VERSION_NEWER : VERSION_SAME;", "return VERSION_SAME;", VERSION),
    ("a Date names a whole second", "version.c",
     "version.observed_to_ms = date_ms + DATE_STEP_MS;", "version.observed_to_ms = date_ms;", VERSION),
    ("what is read again is disjoint from both", "version.c",
     "return last + 1 + DATE_STEP_MS + duration_ms;", "return last;", VERSION),
    ("a marker says which version stands there", "marker.c",
     "return marker->has_version ? version_compare(&marker->version, version, same) : VERSION_NEWER;",
     "return (void)same, (void)version, VERSION_NEWER;", MARKER),
    ("a marker says that the twin was ended", "marker.c",
     "marker.deletes = dot[1] == 'd';", "marker.deletes = false;", MARKER),
    # ---- the machine of one record
    ("an older event is dropped", "state.c",
     "if (facts->order == VERSION_OLDER)\n        return EVENT_STALE;",
     "if (facts->order == VERSION_OLDER)\n        return EVENT_APPLY;", SIMULATOR),
    ("an unordered event is read again, not applied", "state.c",
     "if (facts->order != VERSION_NEWER)\n        return EVENT_READ_AGAIN;", "", SIMULATOR),
    ("the same content moves the version on", "state.c",
     "return EVENT_ADVANCE;", "return EVENT_DUPLICATE;", STATE),
    ("only a read that was asked for reopens a deleted record", "state.c",
     "facts->row_deleted && !facts->confirmed ? EVENT_CONFIRM : EVENT_APPLY", "EVENT_APPLY", STATE),
    ("a repair looks at the target even if nothing is newer", "state.c",
     "bool repairs = facts->repair && !facts->row_deleted;", "bool repairs = false;", STATE),
    ("an unknown outcome is looked at before anything else", "state.c",
     "if (uncertain)\n        return EVENT_LOOK_FIRST;", "", STATE),
    ("an unknown outcome is not looked at before nothing can be executed any more", "state.c",
     "if (waits && !facts->due)\n        return while_waiting(facts);", "", STATE),
    ("who looks for an unknown outcome does not go on with an older event", "state.c",
     "(facts->order == VERSION_OLDER || facts->order == VERSION_UNORDERED))\n        return by_version(facts);",
     "false)\n        return by_version(facts);", STATE),
    ("an operation that was begun makes the wait longer", "state.c",
     "return verdict == EVENT_PARK && facts->begun ? EVENT_LOOK_FIRST : verdict;", "return verdict;", STATE),
    ("what a refused row tells of is looked for", "state.c",
     "|| !marker_later(&theirs, &ours);", "|| true;", STATE),
    ("an operation that was begun is looked at first", "state.c",
     "return newer || own ? EVENT_LOOK_FIRST : by_version(facts);", "return newer || own ? EVENT_APPLY : by_version(facts);", STATE),
    ("an event older than the operation's is not written over it", "state.c",
     "bool newer = goes_ahead(facts) || facts->order == VERSION_NEWER;", "bool newer = true;", STATE),
    ("an event older than the one that waits is dropped", "state.c",
     "if (facts->has_pending && facts->pending_order == VERSION_OLDER)\n        return EVENT_STALE;", "", SIMULATOR),
    ("what waits goes on with the newest event", "state.c",
     "return facts->pending_order == VERSION_SAME ? EVENT_DUPLICATE : EVENT_PARK;", "return EVENT_DUPLICATE;",
     SIMULATOR),
    ("a write without an answer is uncertain", "state.c", "return AFTER_UNCERTAIN;", "return AFTER_DONE;", SIMULATOR),
    ("a refused condition is read again", "state.c",
     "case WRITE_MISMATCH:\n", "case WRITE_MISMATCH:\n        return AFTER_DONE;\n", STATE),
    ("a record with our unique value is read, not lost", "state.c",
     "case WRITE_EXISTS:\n        return AFTER_READ_AGAIN;", "case WRITE_EXISTS:\n        return AFTER_DONE;", STATE),
    ("a twin that is gone is a question", "state.c", "return AFTER_HOLD;", "return AFTER_DONE;", STATE),
    ("a former owner's row is refused", "state.c",
     "if (row_epoch >= highest_epoch)\n        return FOLD_ACCEPT;", "return FOLD_ACCEPT;", STATE),  # the simulator: one schedule in 5,000
    ("a refused row that stands alone is not nothing", "state.c",
     "return accepted_exists ? FOLD_REFUSE : FOLD_REFUSE_UNCERTAIN;", "return FOLD_REFUSE;", STATE),
    # ---- three-way
    ("what old does not say is unknown", "merge.c",
     "if (old_now.kind == VALUE_MISSING)\n        return MERGE_NOTHING;", "", MERGE),
    ("an edit in new alone is kept", "merge.c",
     "return old_moved ? MERGE_HOLD_CONFLICT : MERGE_KEEP;", "return old_moved ? MERGE_HOLD_CONFLICT : MERGE_WRITE;",
     SIMULATOR),
    ("both changed: a question", "merge.c",
     "return old_moved ? MERGE_HOLD_CONFLICT : MERGE_KEEP;", "return old_moved ? MERGE_WRITE : MERGE_KEEP;", SIMULATOR),
    ("a conflict is no edit in new", "merge.c",
     "return old_moved ? MERGE_HOLD_CONFLICT : MERGE_KEEP;", "return MERGE_KEEP;", SIMULATOR),
    ("only old moved: it is written", "merge.c",
     "if (!new_moved)\n        return MERGE_WRITE;", "if (!new_moved)\n        return MERGE_NOTHING;", SIMULATOR),
    ("a first meeting of two values is a question", "merge.c",
     "return new_now.kind == VALUE_BLANK ? MERGE_WRITE : MERGE_HOLD_FIRST;", "return MERGE_WRITE;", SIMULATOR),
    ("a first meeting fills a blank", "merge.c",
     "return new_now.kind == VALUE_BLANK ? MERGE_WRITE : MERGE_HOLD_FIRST;", "return MERGE_HOLD_FIRST;", MERGE),
    ("a first meeting with a blank clears nothing", "merge.c",
     "|| old_now.kind == VALUE_BLANK)\n        return MERGE_AGREE;", ")\n        return MERGE_AGREE;", MERGE),
    ("each side is compared with its own last form", "merge.c",
     "!base_is(base->new_side, new_now);\n    if (!old_moved", "!base_is(base->old_side, new_now);\n    if (!old_moved",
     SIMULATOR),
    ("what nobody saw stored is a question when something else stands there", "merge.c",
     "if (base->unconfirmed)\n        return MERGE_HOLD_UNCONFIRMED;", "", SIMULATOR),
    ("the same change on both sides is an agreement", "merge.c",
     "if (value_equal(old_now, new_now))\n        return MERGE_AGREE;\n    if (!new_moved)", "if (!new_moved)", MERGE),
    ("blank and set are different", "merge.c",
     "if (base.kind != value.kind)\n        return false;", "", MERGE),
    ("a long value is compared by its digest", "merge.c", "return span_is(base.text, hex);", "return true;", MERGE),
    ("deleted here and edited there is a question", "merge.c",
     "return edited ? DELETES_REVIEW : policy;", "return policy;", MERGE),
    # ---- truth
    ("the rule of the moment holds", "truth.c", "&& entity->truth[i].from_ms <= moment_ms)", ")", TRUTH),
    ("a field's own rules come before those for all", "truth.c",
     "return rule ? rule : in_scope(entity, TRUTH_EVERY_FIELD, moment_ms);",
     "return in_scope(entity, TRUTH_EVERY_FIELD, moment_ms);", TRUTH),
    ("old is right where it was declared so", "truth.c",
     "return choice == TRUTH_OLD ? MERGE_TRUTH_OLD : MERGE_TRUTH_NEW;", "return MERGE_TRUTH_NEW;", TRUTH),
    ("review asks", "truth.c", "if (choice == TRUTH_REVIEW)\n        return verdict;", "", TRUTH),
    ("an edit in new alone is written over only where enforced", "truth.c",
     "return rule->enforce && rule->choice == TRUTH_OLD ?", "return rule->choice == TRUTH_OLD ?", TRUTH),
    ("newest decides only beyond the clocks' skew", "truth.c",
     "later.after_ms >= earlier.until_ms + skew_ms", "later.after_ms >= earlier.until_ms - skew_ms", TRUTH),
    ("newest asks where a time is unknown", "truth.c", "if (!is_known(facts->new_time))\n        return TRUTH_REVIEW;",
     "", TRUTH),
    ("our own writes are no edits", "truth.c", "if (!edits[i].ours &&", "if (", TRUTH),
    ("a silent change does not move modified-at", "truth.c",
     "if (!seen_before && now->modified_ms != applied->modified_ms)", "if (!seen_before)", TRUTH),
    ("a question of before changed before", "truth.c", "if (!seen_before && now", "if (now", TRUTH),
    ("a volatile field's beginning is unknown", "truth.c", "if (!applied || is_volatile)", "if (!applied)", TRUTH),
    ("nothing is decided about an unconfirmed base", "truth.c",
     "if (!question && verdict != MERGE_KEEP)\n        return verdict;", "", TRUTH),
]


def ninja(*words):
    done = subprocess.run(["ninja", "-C", BUILD, "-t", *words], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip().splitlines()


def compile_of(target, file):
    """The command that compiles common/model/<file> for a target."""
    for line in ninja("commands", target):
        if line.endswith(f"/common/model/{file}"):
            return shlex.split(line)
    raise SystemExit(f"mutants: {BUILD} does not build common/model/{file} for {target}")


class Judge:
    """A program of the build that can be linked again with one other object."""
    def __init__(self, name):
        self.name = name
        self.target = f"tests/simulator/{name}" if name == SIMULATOR else f"tests/unit/test_{name}"
        line = [line for line in ninja("commands", self.target) if f" -o {self.target} " in line][-1]
        self.link = shlex.split(line.split("&&")[-2] if "&&" in line else line)
        self.allowed = 0  # bad schedules of the product itself

    def command(self, program):
        if self.name == SIMULATOR:
            return [program, "--runs", str(RUNS), "--keep-going"]
        return [program]

    def verdict(self, program):
        """What it says of this program; empty: it noticed nothing."""
        done = subprocess.run(self.command(program), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=300, check=False, cwd=SOURCE)
        if self.name != SIMULATOR:
            failed = re.findall(r"\[  FAILED  \] (\w+)$", done.stdout, re.M)
            return "fails " + ", ".join(sorted(set(failed))) if done.returncode else ""
        bad = sum(int(n) for n in re.findall(r"(\d+) with a violation", done.stdout))
        if bad <= 2 * self.allowed and done.returncode in (0, 1):
            return ""
        kinds = sorted(set(re.findall(r"^(\w+) with --tier", done.stdout, re.M)))
        return f"{', '.join(kinds) or 'crashes'} in {bad} of {2 * RUNS} schedules"


def try_mutant(mutant, judges, folder):
    rule, file, text, instead, who = mutant
    judge = judges[who]
    with open(os.path.join(SOURCE, "common/model", file), encoding="utf-8") as source:
        product = source.read()
    if product.count(text) != 1:
        return f"the text of this rule stands {product.count(text)} times in {file}"
    here = tempfile.mkdtemp(dir=folder)
    mutated, thing, program = (os.path.join(here, name) for name in (file, "mutant.o", "program"))
    with open(mutated, "w", encoding="utf-8") as out:
        out.write(product.replace(text, instead))
    command = compile_of(judge.target, file)
    command[command.index("-c") + 1] = mutated
    command[command.index("-o") + 1] = thing
    command = [word for word in command if word != "-Werror"] + ["-w"]
    subprocess.run(command, cwd=BUILD, check=True)
    link = list(judge.link)
    link[link.index("-o") + 1] = program
    link.insert(link.index("-o"), thing)
    subprocess.run(link, cwd=BUILD, check=True)
    found = judge.verdict(program)
    print(f"{'caught' if found else 'NOT CAUGHT'}: {rule}: {judge.name} {found or 'notices nothing'}", flush=True)
    os.unlink(program)
    return "" if found else f"{judge.name} does not notice it"


def main():
    wanted = [mutant for mutant in MUTANTS if not sys.argv[1:] or any(word in mutant[0] for word in sys.argv[1:])]
    judges = {name: Judge(name) for name in {mutant[4] for mutant in wanted}}
    if SIMULATOR in judges:
        sane = judges[SIMULATOR].verdict(os.path.join(BUILD, judges[SIMULATOR].target))
        numbers = re.search(r"in (\d+) of", sane)
        judges[SIMULATOR].allowed = int(numbers.group(1)) if numbers else 0
        print(f"without a mutant: {sane or 'no violation'}", flush=True)
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        tried = pool.map(lambda mutant: (mutant[0], try_mutant(mutant, judges, folder)), wanted)
        missed = [f"{rule}: {why}" for rule, why in tried if why]
    print(f"{len(wanted) - len(missed)} of {len(wanted)} mutants caught")
    for line in missed:
        print("MISSED", line)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
