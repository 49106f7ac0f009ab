"""Files of a lake cut short, lost, exchanged, or back from a backup: python3 tests/faults/restored.py [CASES]

A lake with three published runs over three exports. Each case damages it, and `assay verify` must exit with 12 and name
what was damaged, or the head if entries are lost and none is left behind them. Every file is in turn cut short, emptied,
deleted, continued, doubled, replaced by another of its kind and exchanged with it; parts of the lake come back as they
were after an earlier run. No damage, and so left out, are
- a file that ends up with the bytes it had;
- a whole lake, or a whole ledger with its head, from a backup: that is how it was then, perhaps with a run under way
  that was never published, and nothing inside can tell;
- a head that is older by one run: a crash between an entry and its head leaves just that;
- `lock` and `tmp`, which hold nothing.
"""

import collections
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = ROOT / "pipelines" / "flat.toml"
WAYS = ["cut short", "emptied", "deleted", "continued", "doubled", "replaced", "exchanged"]
RESTORED = [  # what comes back as it was after which run, and what does not
    ("raw", 1), ("raw", 2), ("objects", 1), ("objects", 2), ("tables", 1), ("tables", 2),
    ("tables/samples", 1), ("tables/samples", 2), ("tables/determinations", 1), ("tables/determinations", 2),
    ("tables/samples/_delta_log", 1), ("tables/samples/_delta_log", 2), ("tables/determinations/_delta_log", 1),
    ("ledger/head", 1), ("ledger", 1, "ledger/head"), ("ledger", 2, "ledger/head"),
]  # fmt: skip


def files(folder):
    """Content by path of everything that counts."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {path: content for path, content in found.items() if path != "lock" and not path.startswith("tmp/")}


def kind(path):
    if path == "ledger/head":
        return "head"
    for part, name in [("_delta_log", "Delta log"), (".parquet", "Parquet"), ("ledger", "entry")]:
        if part in path:
            return name
    return path.split("/")[0]


def harm(lake, path, way, chance):
    """What the lake would be: content by path for what changes, none for what goes."""
    content = lake[path]
    others = [other for other in lake if other != path and kind(other) == kind(path)]
    if way == "cut short":
        return {path: content[: chance.randrange(1, len(content))]} if len(content) > 1 else {}
    if way == "emptied":
        return {path: b""}
    if way == "deleted":
        return {path: None}
    if way == "continued":
        return {path: content + chance.randbytes(chance.randint(1, 64))}
    if way == "doubled":
        return {path: content + content}
    if not others:
        return {}
    other = chance.choice(others)
    return {path: lake[other]} if way == "replaced" else {path: lake[other], other: content}


def back(lake, older, part, *kept):
    """A part of the lake as it was."""
    inside = [path for path in {**lake, **older} if f"{path}/".startswith(f"{part}/") and path not in kept]
    return {path: older.get(path) for path in inside}


def is_named(path, change, lake, message):
    """Whether verify points at a file; at the head, if entries are lost and none is left behind them."""
    entries = [own for own in lake if kind(own) == "entry"]
    lost = kind(path) == "entry" and all(change.get(own, lake[own]) is None for own in entries if own >= path)
    return f"/{path}" in message or (lost and "/ledger/head" in message)


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 800
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = str((ROOT / target / "release" / "assay").resolve())
    work = Path(tempfile.mkdtemp(prefix="assay-restored-"))
    folder, export = work / "lake", work / "flat.csv"

    def call(*command):
        return subprocess.run([program, *command, "--quiet"], cwd=work, capture_output=True, text=True)

    runs = {}
    for number, seed in enumerate("345", 1):
        call("simulate", "--seed", seed, "--samples", "40", "--layout", "flat", "--out", seed)
        shutil.copy(work / seed / "flat.csv", export)
        assert call("run", PIPELINE, "--param", f"file={export}").returncode == 0
        runs[number] = files(folder)
    lake = runs[3]
    assert call("verify").returncode == 0

    def put(change):
        for path, content in change.items():
            if content is None:
                (folder / path).unlink(missing_ok=True)
            else:
                (folder / path).write_bytes(content)

    def every_case():
        for part, run, *kept in RESTORED:
            yield part, f"as after run {run}", back(lake, runs[run], part, *kept)
        number = 0
        while True:
            order = [(path, way) for path in lake for way in WAYS]
            random.Random(number).shuffle(order)
            for path, way in order:
                number += 1
                yield path, way, harm(lake, path, way, random.Random(number))

    done, bad = collections.Counter(), []
    for path, way, change in every_case():
        change = {path: content for path, content in change.items() if content != lake.get(path)}
        if not change:
            continue
        if sum(done.values()) == cases:
            break
        put(change)
        verified = call("verify")
        put({path: lake.get(path) for path in change})
        done[kind(path) if way in WAYS else path, way] += 1
        unnamed = [own for own in change if not is_named(own, change, lake, verified.stderr)]
        if verified.returncode != 12 or unnamed:
            bad.append((path, way, verified.returncode, unnamed, verified.stderr[-300:]))
    assert files(folder) == lake and call("verify").returncode == 0
    for (what, way), times in sorted(done.items()):
        print(f"{what:32} {way:18} {times:5} times")
    print(f"{sum(done.values())} cases, {len(bad)} bad")
    for case in bad[:20]:
        print(case)
    shutil.rmtree(work)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
