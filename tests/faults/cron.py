"""Failures that a cron job must not keep to itself: python3 tests/faults/cron.py [CASES, 100; the long form is 1000]

Needs Linux and strace; a full disk is a small tmpfs where one may be mounted, else a limit on the size of files. Each
case starts from a lake with one published month and its report, injects one of twenty kinds of failure, varied by a
seed, into the run of the next month, called as a crontab calls it (every other time with --catch-up), and insists that
- it ends within a minute, with a message, without a panic, and with an exit code of README.md that fits the kind;
- exit code 0 means the new report, an entry in the ledger, and a success of this minute in the textfile;
- after any other the textfile claims no newer success, and tells the exit code of a run that ended by itself; where the
  failure may hit the textfile too, it may also have stayed as it was;
- the last line of the log says what was published or why nothing was;
- the report is the old one, whole; where the failure may come behind the exchange, the old one or the new one.
Cases that a fault of time or space happened to miss are made up for with other seeds.
"""

import collections
import contextlib
import fcntl
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONG_AGO = 1600000000
CALLS = "fsync rename renameat2 link linkat mkdir write pwrite64 openat ftruncate flock fchmod getdents64".split()


class Job:
    """A line of a crontab: the run of a month that is not published yet."""

    def __init__(self, program, work, dice=None):
        self.program, self.work, self.dice = program, work, dice
        self.out, self.lake, self.textfile = work / "out", work / "lake", work / "assay.prom"
        self.export, self.toml, self.as_of = work / "exports" / "flat.csv", work / "flat.toml", "2020-12-31"
        self.options, self.before, self.limits, self.signal = [], [], {}, None
        self.ends = contextlib.ExitStack()

    def run(self):
        command = [*self.before, self.program, "run", self.toml, "--param", f"file={self.export}"]
        command += ["--as-of", self.as_of, "--lake", self.lake, "--out", self.out, "--textfile", self.textfile]
        command = [str(part) for part in [*command, "--log", "json", "--quiet", *self.options]]
        own = {"cwd": self.work, "env": {**os.environ, "NO_COLOR": "1"}, "preexec_fn": self.limit}
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace", **own) as running:
            try:
                if self.signal:
                    time.sleep(self.dice.uniform(0, self.moment))
                    running.send_signal(self.signal)
                return running.communicate(timeout=60)[1], running.returncode
            except subprocess.TimeoutExpired:
                running.kill()
                return "no end within a minute", -signal.SIGALRM

    def limit(self):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for what, most in {resource.RLIMIT_CORE: 0, **self.limits}.items():
            resource.setrlimit(what, (most, most))

    def fresh_report(self):
        """What an undisturbed run of the same export publishes, in a lake and a folder of its own."""
        own = Job(self.program, self.work)
        own.lake, own.out, own.textfile = (self.work / f"own-{name}" for name in ("lake", "out", "textfile"))
        assert own.run()[1] == 0
        return digest(own.out)

    def metrics(self):
        lines = self.textfile.read_text(encoding="utf-8").splitlines() if self.textfile.is_file() else []
        return {line.split("{")[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("assay_")}

    def entries(self):
        return len(list(self.lake.glob("ledger/0*.json")))

    def configure(self, line):
        text = self.toml.read_text(encoding="utf-8")
        self.toml.write_text(text.replace("[pipeline]\n", f"[pipeline]\n{line}\n", 1), encoding="utf-8")

    def fail(self, call, most, *path):
        inject = f"inject={call}:error=EIO:when={self.dice.randint(1, most)}"
        self.before = ["strace", "-f", "-o", "/dev/null", *path, "-e", inject]


def export_missing(job):
    job.export.rename(job.export.with_name(f"flat-{job.dice.randrange(1000)}.csv"))
    if job.dice.random() < 0.3:
        job.export.symlink_to("gone.csv")


def export_unreadable(job):
    magic = job.dice.choice([b"\xff", b"PK\x03\x04", b"\x1f\x8b", "folder", "disk"])
    if magic == "disk":
        job.fail("read", 3, "-P", job.export)
    elif magic == "folder":
        job.export.unlink()
        job.export.mkdir()
    else:
        job.export.write_bytes(magic + job.dice.randbytes(job.dice.randrange(100, 100_000)))


def pipeline_damaged(job):
    text, sign = job.toml.read_bytes(), job.dice.choice([b'"', b" = ", b""])
    # A parameter may have any name, a key may not.
    at = job.dice.choice([at for at in range(text.index(b"[params]")) if text.startswith(sign, at)])
    put = {b'"': b"", b" = ": b"x = ", b"": b"\xff"}[sign]
    job.toml.write_bytes(text[:at] + put + text[at + len(sign) :])
    if job.dice.random() < 0.2:
        job.toml.unlink()


def seeds_missing(job):
    job.configure('seeds = "seeds"')
    table = job.dice.choice(sorted((ROOT / "seeds").glob("*.csv")))
    if job.dice.random() < 0.7:
        (job.work / "seeds").mkdir()
        name, end = job.dice.choice([(f"my-{table.name}", b""), (table.name, b"\xff")])
        (job.work / "seeds" / name).write_bytes(table.read_bytes() + end)


def lake_locked(job):
    fcntl.flock(job.ends.enter_context(open(job.lake / "lock", "a", encoding="utf-8")), fcntl.LOCK_EX)


def lake_damaged(job):
    entry, head = job.lake / "ledger" / "000001.json", job.lake / "ledger" / "head"
    path = job.dice.choice([entry, entry, head])
    content = bytearray(path.read_bytes())
    at = job.dice.randrange(1, len(content))
    content[at] ^= 1 << job.dice.randrange(8)
    path.write_bytes(content[: job.dice.choice([at, None])])
    if job.dice.random() < 0.2:
        entry.unlink()


def lake_foreign(job):
    job.lake = job.work / "theirs"
    job.lake.mkdir()
    (job.lake / f"letter-{job.dice.randrange(1000)}.txt").write_text("Dear colleagues", encoding="utf-8")


def report_nowhere(job):
    (job.out / f"letter-{job.dice.randrange(1000)}.txt").write_text("Dear colleagues", encoding="utf-8")
    long = job.work / ("long" * job.dice.randrange(64, 200))
    job.out = job.dice.choice([job.out, job.export, job.export / "out", long, Path("/proc/out")])


def disk_full(job):
    disk = job.work / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "assay", disk], capture_output=True)
    if mounted.returncode != 0:
        job.limits[resource.RLIMIT_FSIZE] = job.dice.randrange(1 << 10, 300 << 10)
        return
    job.ends.callback(subprocess.run, ["umount", disk], check=True)
    job.lake, job.out = (Path(shutil.copytree(path, disk / path.name)) for path in (job.lake, job.out))
    room = os.statvfs(disk)
    size = (room.f_blocks - room.f_bfree) * room.f_frsize + job.dice.randrange(1 << 20)
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def memory_used_up(job):
    job.limits[resource.RLIMIT_AS] = os.stat(job.program).st_size + job.dice.randrange(8 << 20, 160 << 20)


def rows_rejected(job):
    job.configure('max_rejected = "1%"')
    lines = job.export.read_text(encoding="utf-8").splitlines(keepends=True)
    for at in job.dice.sample(range(1, len(lines)), len(lines) // job.dice.randrange(2, 50)):
        lines[at] = lines[at].replace("2020-", "2020-13-")
    job.export.write_text("".join(lines), encoding="utf-8")


def target_missed(job):
    head, *lines = job.export.read_text(encoding="utf-8").splitlines()
    codes = sorted({line.split(",")[0] for line in lines})
    spoilt = set(job.dice.sample(codes, job.dice.randrange(len(codes) // 4, len(codes))))
    lines = [line.rsplit(",", 1)[0] + ",不合格" if line.split(",")[0] in spoilt else line for line in lines]
    job.export.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    job.options.append("--fail-on-target")


# What else a failure may do: miss the run, come behind the exchange of the reports, hit the textfile too.
MISS, BEHIND, TEXTFILE = ANY = "miss", "behind", "textfile"
BLANK = [b"", b"\xef\xbb\xbf", b"\n", b"\r\n", b"  \n", b",,\n", b"\t\n\n"]
DAYS = ["", "2020-02-30", "2020-13-01", "yesterday", "31.12.2020"]
KINDS = {
    "export missing": (export_missing, {74}, ()),
    "export unreadable": (export_unreadable, {1, 74}, ()),
    "export empty": (lambda job: job.export.write_bytes(job.dice.choice(BLANK)), {1}, ()),
    "pipeline damaged": (pipeline_damaged, {2, 74}, ()),
    "parameter unknown": (lambda job: job.options.extend(["--param", f"p{job.dice.random()}=x"]), {2}, ()),
    "day impossible": (lambda job: vars(job).update(as_of=job.dice.choice(DAYS)), {2}, ()),
    "seeds missing": (seeds_missing, {2}, ()),
    "lake locked": (lake_locked, {11}, ()),
    "lake damaged": (lake_damaged, {1, 74}, ()),
    "lake foreign": (lake_foreign, {1}, ()),
    "report nowhere": (report_nowhere, {1, 74}, ()),
    "disk full": (disk_full, {1, 74}, ANY),
    "files used up": (lambda job: job.limits.update({resource.RLIMIT_NOFILE: job.dice.randrange(4, 16)}), {1, 74}, ANY),
    "memory used up": (memory_used_up, {1, 74, -signal.SIGABRT}, ANY),
    "killed": (lambda job: vars(job).update(signal=signal.SIGKILL), {-signal.SIGKILL}, ANY),
    "terminated": (lambda job: vars(job).update(signal=signal.SIGTERM), {-signal.SIGTERM}, ANY),
    "rows rejected": (rows_rejected, {3}, ()),
    "target missed": (target_missed, {4}, ()),
    "call fails": (lambda job: job.fail(job.dice.choice(CALLS), 12), {1, 74}, ANY),
    "textfile nowhere": (lambda job: vars(job).update(textfile=job.work / "no" / "prom"), {74}, (BEHIND, TEXTFILE)),
}


def digest(folder):
    """All files of a report; its record, which holds seconds, by its as-of day."""
    if not os.path.isdir(folder):
        return None
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    if "run.json" in files:
        files["run.json"] = json.loads(files["run.json"])["as_of"]
    return hashlib.sha256(repr(files).encode()).hexdigest()


def judge(job, codes, may, new):
    """Runs the job; its exit code, what it said, and everything that is not as it must be."""
    old, runs, before, began = digest(job.out), job.entries(), job.metrics(), int(time.time())
    said, code = job.run()
    report, told, grown = digest(job.out), job.metrics(), job.entries() - runs
    log = [json.loads(line)["fields"] for line in said.splitlines() if line.startswith("{") and line.endswith("}")]
    is_fresh, last = code in (0, 4), log[-1] if log else {}
    logged = last.get("message") == "published" if is_fresh else last.get("exit_code") == code
    claims = told.get("assay_last_success_timestamp_seconds", LONG_AGO) != LONG_AGO
    tells = told.get("assay_exit_code") == code and told["assay_last_run_timestamp_seconds"] >= began
    insisted = {
        f"exit code {code}": code in codes or code == 0 and MISS in may,
        "a panic": "panicked" not in said,
        "no message": code <= 0 or bool(last.get("reason") or last.get("missed")),
        "the textfile does not tell the exit code": code < 0 or tells or TEXTFILE in may and told == before,
        f"the log ends with {last}": code < 0 or logged,
    }
    if is_fresh:
        insisted |= {"no fresh report": report == new, "no entry in the ledger": grown == 1, "no success told": claims}
    else:
        insisted["a success is told"] = not claims or code < 0 and report == new
        insisted["neither the old report nor the new"] = report == old or BEHIND in may and report == new
        insisted[f"{grown} new entries in the ledger"] = not grown or BEHIND in may
    return code, said, [what for what, holds in insisted.items() if not holds]


def main():
    each = max(1, (int(sys.argv[1]) if len(sys.argv) > 1 else 100) // len(KINDS))
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = str((ROOT / target / "release" / "assay").resolve())
    top = Path(tempfile.mkdtemp(prefix="assay-cron-"))
    first, work = top / "first", top / "work"
    simulate = [program, "simulate", "--seed", "3", "--samples", "200", "--layout", "flat", "--quiet"]
    subprocess.run([*simulate, "--out", first / "exports"], check=True)
    shutil.copy(ROOT / "pipelines" / "flat.toml", first)
    month = Job(program, first)
    month.as_of = "2020-11-30"
    assert month.run()[1] == 0
    month.textfile.write_text(f'assay_last_success_timestamp_seconds{{pipeline="flat"}} {LONG_AGO}\n', encoding="utf-8")
    shutil.copytree(first, work)
    began = time.monotonic()
    new, Job.moment = Job(program, work).fresh_report(), time.monotonic() - began
    shutil.rmtree(work)

    total, faults = 0, []
    for name, (kind, codes, may) in KINDS.items():
        ends, missed, sound = collections.Counter(), 0, len(faults)
        for seed in range(each * 8):
            if ends.total() == each:
                break
            shutil.copytree(first, work)
            job = Job(program, work, random.Random(f"{name} {seed}"))
            with job.ends:
                kind(job)
                job.options += ["--catch-up"] * (seed % 2)
                code, said, bad = judge(job, codes, may, job.fresh_report() if kind is target_missed else new)
            shutil.rmtree(work)
            missed += not (code or bad)
            ends[code] += bool(code or bad)
            if bad:
                message = " ".join(line for line in said.splitlines() if not line.startswith("{"))
                faults.append(f"{name} {seed} {job.options}: exit code {code}; {'; '.join(bad)}; {message[:200]}")
        told = ", ".join(f"{code} {times} times" for code, times in sorted(ends.items()) if times)
        print(f"{name:18} exit {told}; {len(faults) - sound} bad; {missed} missed the run", flush=True)
        total += ends.total()
        if ends.total() != each:
            faults.append(f"{name}: only {ends.total()} of {each} failures")
    print(f"{total} failures of {len(KINDS)} kinds, {len(faults)} bad")
    print("\n".join(faults))
    shutil.rmtree(top)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
