"""The power fails during a run: python3 tests/faults/power.py [STATES]

Needs Linux and strace. Three stories are recorded, again and again: the first run of a lake, the second one over a
corrected export, and a run after one that was killed, whose unsynced changes are still the kernel's alone. Each is cut
at random moments on the disk of `disk.py`, and of every state it insists that
- the lake answers as before the run or as after it, restores that report, and `assay verify` finds nothing;
- the report is the old one or the new one, whole, and the new one only if its run is in the lake;
- both are the new ones if the run had ended with exit code 0;
- the next run needs no help, publishes what an undisturbed run publishes, and leaves nothing behind.
"""

import collections
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from disk import FOLDERS, MOVES, SYNCS, Disk, record

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = ROOT / "pipelines" / "flat.toml"
STORIES = ["second run", "first run", "second run", "after a killed run"]
STATES_A_RECORDING = 10


def digest(out, record_too=True):
    sums = hashlib.sha256()
    for file in sorted(out.iterdir()) if out.is_dir() else []:
        if record_too or file.name != "run.json":
            sums.update(file.name.encode())
            sums.update(file.read_bytes())
    return sums.hexdigest()


def main():
    states = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = str((ROOT / target / "release" / "assay").resolve())
    home = Path(tempfile.mkdtemp(prefix="assay-power-"))
    work, log = home / "work", home / "log"
    out, lake = work / "out", work / "lake"
    work.mkdir()

    def call(*command):
        return subprocess.run([program, *command], cwd=work, capture_output=True, text=True)

    def run(seed):
        return "run", str(PIPELINE), "--param", f"file={home / seed / 'flat.csv'}", "--quiet"

    def answers():
        """What the lake says, and what it complains of."""
        shutil.rmtree(home / "restored", ignore_errors=True)
        last = str(len(list(lake.glob("ledger/*.json"))))
        asked = {
            "history": call("history"),
            "indicator": call("indicator", "food_pass_rate", "--by", "region"),
            "restore": call("restore", last, "--out", str(home / "restored")),
            "verify": call("verify", "--quiet"),
        }
        said = [(own.returncode, own.stdout) for own in asked.values()]
        faults = [f"{name}: exit {own.returncode}, {own.stderr}" for name, own in asked.items() if own.returncode]
        return (*said, digest(home / "restored", False)), faults

    for seed in "34":
        call("simulate", "--seed", seed, "--samples", "40", "--layout", "flat", "--out", str(home / seed), "--quiet")
    nothing = {answers()[0]}
    (lake / "ledger").mkdir(parents=True)
    nothing.add(answers()[0])
    shutil.rmtree(lake)

    def story(kind, chance):
        """The recorded disk, first and last moment, and what there is to say before and after."""
        shutil.rmtree(work)
        work.mkdir()
        old = nothing
        if kind != "first run":
            assert call(*run("3")).returncode == 0
            old = {answers()[0]}
        reports, disk, begin = {digest(out): "old"}, Disk(work), 0
        calls = record([program, *run("4")], work, log)
        if kind == "after a killed run":
            begin = chance.choice([own.start + 1 for own in calls if own.name in MOVES | FOLDERS])
            for own in calls:
                # What was under way when it was killed: a change happened, a sync did not.
                if own.start < begin and (own.end < begin or own.name not in SYNCS):
                    disk.play(own)
            disk.lay_out(disk.now)
            reports.setdefault(digest(out), "new")
            calls = record([program, *run("4")], work, log)
        for own in calls:
            own.start, own.end = own.start + begin, own.end + begin
            disk.play(own)
        found = Disk(work)
        assert dict(disk.files(disk.now)) == dict(found.files(found.before)), "the model is not what happened"
        reports[digest(out)] = "new"
        end = max(own.end for own in calls if own.result() >= 0) + 1
        return disk, (begin, end), old, answers()[0], reports, digest(out, False)

    def look(disk, moment, end, old, new, reports, final, chance):
        """How a state answers, and what is wrong with it."""
        nodes, lost = disk.cut(moment, chance)
        disk.lay_out(nodes)
        wrong = []
        found, faults = answers()
        lake_is = "new" if found == new else "old" if found in old else "neither"
        report_is = reports.get(digest(out), "neither")
        if "neither" in (lake_is, report_is):
            wrong.append(f"lake {lake_is}, report {report_is}: {faults}")
        if (report_is == "new" and lake_is != "new") or (moment == end and (lake_is, report_is) != ("new", "new")):
            wrong.append("a published run is lost")
        again = call(*run("4"))
        if again.returncode != 0 or digest(out, False) != final:
            wrong.append(f"the next run: exit {again.returncode}, {again.stderr[-300:]}")
        verified = call("verify", "--quiet")
        if verified.returncode != 0:
            wrong.append(f"verify: exit {verified.returncode}, {verified.stderr[-300:]}")
        if call("history").stdout.count("\n") != new[0][1].count("\n"):
            wrong.append("another number of runs")
        left = {path.name for path in work.iterdir()} - {"out", "lake"} | set(os.listdir(lake / "tmp"))
        if left:
            wrong.append(f"left behind: {left}")
        seen = hash(tuple(file for file in disk.files(nodes) if not file[0].startswith("/lake/tmp/")))
        return f"lake {lake_is}, report {report_is}", wrong, lost, seen

    ends, bad, different = collections.Counter(), [], set()
    for number in range(states):
        chance = random.Random(number)
        kind = STORIES[number // STATES_A_RECORDING % len(STORIES)]
        if number % STATES_A_RECORDING == 0:
            disk, (begin, end), *promised = story(kind, chance)
        moment = end if chance.random() < 0.2 else chance.randrange(begin, end)
        state, wrong, lost, seen = look(disk, moment, end, *promised, chance)
        ends[kind, state] += 1
        different.add((kind, seen))
        if wrong:
            lost = [what for what in lost if ".tmp" not in what]
            bad.append((kind, f"state {number}, cut at {moment} of {begin}..{end}", *wrong, f"lost: {lost}"))
    for (kind, state), times in sorted(ends.items()):
        print(f"{kind:18} {state:28} {times:5} times")
    print(f"{states} states, {len(different)} of them different, {len(bad)} bad")
    for case in bad[:20]:
        print(*case, sep="\n  ")
    shutil.rmtree(home)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
