"""A fault at every system call of a run, one at a time: python3 tests/faults/inject.py [CASES PER CALL]

Needs Linux and strace. Each case starts from a lake with one published run and a corrected export, makes the n-th call
of a kind fail in whichever thread comes to it, and then insists that
- the report is the old one or the new one, whole, and exit code 0 means the new one;
- nothing panicked;
- the next run needs no help, publishes what an undisturbed run publishes, and leaves nothing behind;
- `assay verify` finds nothing (every fifth case).
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

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = ROOT / "pipelines" / "flat.toml"
CALLS = {
    "write": "ENOSPC EIO EDQUOT",
    "pwrite64": "ENOSPC EIO",
    "fsync": "EIO ENOSPC",
    "fdatasync": "EIO",
    "rename": "EIO EACCES ENOSPC",
    "renameat2": "EIO EACCES",
    "link": "EIO",
    "linkat": "EIO ENOSPC EEXIST",
    "unlink": "EIO",
    "mkdir": "EACCES ENOSPC",
    "openat": "EACCES EMFILE EIO",
    "copy_file_range": "EIO",
    "read": "EIO",
    "pread64": "EIO",
    "fchmod": "EPERM",
}


def digest(out):
    sums = hashlib.sha256()
    for file in sorted(out.iterdir()):
        if file.name != "run.json":
            sums.update(file.name.encode())
            sums.update(file.read_bytes())
    return sums.hexdigest()


def main():
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = str((ROOT / target / "release" / "assay").resolve())
    work = Path(tempfile.mkdtemp(prefix="assay-faults-"))
    out, lake, export = work / "out", work / "lake", work / "flat.csv"

    def call(*command):
        return subprocess.run(command, cwd=work, capture_output=True, text=True)

    def run(*before):
        return call(*before, program, "run", PIPELINE, "--param", f"file={export}", "--quiet")

    def reset():
        for folder in (out, lake):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(f"{folder}-0", folder)

    for seed in "34":
        call(program, "simulate", "--seed", seed, "--samples", "40", "--layout", "flat", "--out", seed, "--quiet")
    shutil.copy(work / "3" / "flat.csv", export)
    assert run().returncode == 0
    old = digest(out)
    for folder in (out, lake):
        os.rename(folder, f"{folder}-0")
    shutil.copy(work / "4" / "flat.csv", export)
    reset()
    assert run().returncode == 0
    new = digest(out)
    assert old != new

    ends, bad = collections.Counter(), []
    for name, errors in CALLS.items():
        reset()
        run("strace", "-f", "-c", "-o", work / "counts", "-e", f"trace={name}")
        lines = [line.split() for line in (work / "counts").read_text().splitlines()]
        count = sum(int(line[3]) for line in lines if line and line[-1] == name)
        places = list(range(1, count + 1))
        places = sorted(random.Random(1).sample(places, most)) if count > most else places
        for error in errors.split():
            for place in places:
                reset()
                first = run("strace", "-f", "-o", "/dev/null", "-e", f"inject={name}:error={error}:when={place}")
                report = digest(out) if out.is_dir() else None
                again = run()
                left = [path.name for path in work.iterdir() if path.name.startswith(".")] + os.listdir(lake / "tmp")
                verified = call(program, "verify", "--quiet").returncode if place % 5 == 0 else 0
                ends[name, error, first.returncode] += 1
                fine = (
                    report in (old, new)
                    and (first.returncode != 0 or report == new)
                    and first.returncode >= 0
                    and "panicked" not in first.stderr
                    and again.returncode == 0
                    and digest(out) == new
                    and not left
                    and verified == 0
                )
                if not fine:
                    bad.append((name, error, place, first.returncode, first.stderr[-300:], again.stderr[-300:], left))
    for (name, error, code), times in sorted(ends.items()):
        print(f"{name:16} {error:7} exit {code:3} {times:5} times")
    print(f"{sum(ends.values())} cases, {len(bad)} bad")
    for case in bad:
        print(case)
    shutil.rmtree(work)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
