"""Mistakes of people at the desk, and the way back from each: python3 tests/faults/mistakes.py [WORDS OF A NAME]

Standard library only. Each case starts from a lake with one good run and its report, and makes one mistake. It insists
that the mistake ends as the case says,
- refused: with this exit code and a message, and the report is the old one to the byte;
- harmless: exit code 0, and the report is the good one, all files but run.json;
- undone: another report, a spoilt one or none, and then the *one* command beside it brings the good one back;
that afterwards the good command publishes the good report as ever, and that `assay verify` finds nothing.
No file is edited by hand on any way back.
"""

import collections
import csv
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HARMLESS = "harmless"
FLAT = "exports/flat.csv"
FORMS, GB = "exports/sampling_forms.csv", {"old": "gb18030"}
FLAT_RUN = "assay run pipelines/flat.toml --param file=exports/flat.csv"
COUNTY_RUN = "assay run pipelines/xiping-2020.toml --param data=exports"
OWN_RUN = FLAT_RUN.replace("pipelines/flat", "own")
# Ways back: by a command, or by running the pipeline again over the right exports.
RESTORE, AGAIN = "assay restore 1", "assay run …"


class Desk:
    """A folder with exports and pipelines, and with the lake and the report of a good run."""

    def __init__(self, program, folder, right, wrong, good):
        self.program, self.folder, self.right, self.wrong = program, folder, right, wrong
        self.out, self.lake, self.running = folder / "out", "lake", None
        self.again = f"{good.replace('exports', str(right))} --lake "

    def call(self, command):
        parts = [self.program if part == "assay" else part for part in shlex.split(command)]
        return subprocess.run(parts, cwd=self.folder, capture_output=True, text=True, timeout=120)

    def good(self):
        return self.call(self.again + self.lake)


# ---- What goes wrong before a command, or without one --------------------------------------------


def rewrite(name, *pairs, old="utf-8", new=None):
    """Texts replaced, or another encoding."""

    def spoil(desk):
        text = (desk.folder / name).read_bytes().decode(old)
        for before, after in pairs:
            assert before in text, before
            text = text.replace(before, after)
        (desk.folder / name).write_bytes(text.encode(new or old))

    return spoil


def reverse_columns(desk):
    with open(desk.folder / FLAT, encoding="utf-8", newline="") as file:
        rows = [row[::-1] for row in csv.reader(file)]
    with open(desk.folder / FLAT, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def rename_sheet(desk):
    name = "agri_monitoring.xlsx"
    with zipfile.ZipFile(desk.right / name) as right, zipfile.ZipFile(desk.folder / "exports" / name, "w") as wrong:
        for part in right.namelist():
            wrong.writestr(part, right.read(part).replace("监测结果".encode(), "监测".encode()))


def cut(name):
    return lambda desk: os.truncate(desk.folder / name, (desk.folder / name).stat().st_size // 2)


def copy(source, target):
    return lambda desk: shutil.copy(desk.folder / source, desk.folder / target)


def send_wrong(name):
    return lambda desk: shutil.copy(desk.wrong / name, desk.folder / "exports")


def remove(*names):
    def spoil(desk):
        for path in (desk.folder / name for name in names):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return spoil


def remove_tables(desk):
    remove("lake/tables", "out")(desk)
    desk.lake = "rebuilt"


def own_pipeline(*pair, seeds=None):
    def spoil(desk):
        shutil.copy(desk.folder / "pipelines" / "flat.toml", desk.folder / "own.toml")
        rewrite("own.toml", pair)(desk)
        if seeds:
            (desk.folder / "seeds").mkdir()
            lines = (ROOT / "seeds" / seeds).read_text(encoding="utf-8").splitlines(keepends=True)
            (desk.folder / "seeds" / seeds).write_text("".join(lines[:-20]), encoding="utf-8")

    return spoil


def before(*commands):
    def spoil(desk):
        for command in commands:
            assert (desk.good() if command == AGAIN else desk.call(command)).returncode == 0

    return spoil


def running(number):
    """A run of another export is at work, and gets a signal."""

    def spoil(desk):
        desk.call("assay simulate --layout flat --samples 20000 --seed 5 --out big")
        _, *command = FLAT_RUN.replace("exports", "big").split()
        desk.running = subprocess.Popen([desk.program, *command], cwd=desk.folder, stderr=subprocess.DEVNULL)
        while (desk.folder / "lake" / "lock").read_text().strip() != str(desk.running.pid):
            assert desk.running.poll() is None
            time.sleep(0.002)
        desk.running.send_signal(number)

    return spoil


SEEDS = ("[pipeline]\n", '[pipeline]\nseeds = "seeds"\n')
EXCHANGED = [("检验结果,", "@"), ("最大允许限", "检验结果"), ("@", "最大允许限,")]
MADE_UP = "assay simulate --layout flat --samples 50 --seed 9 --out exports"
ALL_CSV = FLAT_RUN.replace("flat.csv", "*.csv")

# Name, how it ends (a number that is not 0: refused with this exit code), way back, what goes wrong before, command.
FLAT_CASES = [
    ("another county's file under the right name", 0, RESTORE, send_wrong("flat.csv"), FLAT_RUN),
    ("last year's file", 0, RESTORE, rewrite(FLAT, ("2020-", "2019-")), FLAT_RUN),
    ("a file cut on its way", 0, RESTORE, cut(FLAT), FLAT_RUN),
    ("a file twice, the other name behind", HARMLESS, "", copy(FLAT, "exports/twice.csv"), ALL_CSV),
    ("a file twice, the other name before", 0, AGAIN, copy(FLAT, "exports/flat (1).csv"), ALL_CSV),
    ("a header with another name", 1, "", rewrite(FLAT, ("检验结论", "结论意见")), FLAT_RUN),
    ("two headers exchanged", 0, RESTORE, rewrite(FLAT, *EXCHANGED), FLAT_RUN),
    ("columns in another order", HARMLESS, "", reverse_columns, FLAT_RUN),
    ("saved in GB18030", HARMLESS, "", rewrite(FLAT, new="gb18030"), FLAT_RUN),
    ("saved in UTF-16", HARMLESS, "", rewrite(FLAT, new="utf-16"), FLAT_RUN),
    ("saved in UTF-16 without its mark", 1, "", rewrite(FLAT, new="utf-16-le"), FLAT_RUN),
    ("results of the export edited by hand", 0, RESTORE, rewrite(FLAT, (",不合格,", ",合格,")), FLAT_RUN),
    ("the export deleted", 74, "", remove(FLAT), FLAT_RUN),
    ("made-up exports over the right ones", 0, RESTORE, before(MADE_UP), FLAT_RUN),
    ("an as-of day in the future", 0, AGAIN, None, f"{FLAT_RUN} --as-of 2030-12-31"),
    ("an as-of day in the past", 0, RESTORE, None, f"{FLAT_RUN} --as-of 2020-03-31"),
    ("an as-of day that is none", 2, "", None, f"{FLAT_RUN} --as-of 2020-02-30"),
    ("a parameter that is none", 2, "", None, f"{FLAT_RUN} --param data=exports"),
    ("a folder that is none", 74, "", None, FLAT_RUN.replace("exports", "export")),
    ("another pipeline", 1, "", None, FLAT_RUN.replace("flat.toml", "real-upload.toml")),
    ("a misspelt key in the pipeline", 2, "", own_pipeline("numerator", "numerater"), OWN_RUN),
    ("seeds of a half-copied folder", 0, RESTORE, own_pipeline(*SEEDS, seeds="regions.csv"), OWN_RUN),
    ("a folder of seeds that is none", 2, "", own_pipeline(*SEEDS), OWN_RUN),
    ("the lake's name misspelt", HARMLESS, "", None, f"{FLAT_RUN} --lake lak"),
    ("the exports' folder as lake", 1, "", None, f"{FLAT_RUN} --lake exports"),
    ("the report into the exports' folder", 1, "", None, f"{FLAT_RUN} --out exports"),
    ("the report into the lake", 1, "", None, f"{FLAT_RUN} --out lake"),
    ("the report to share into the report's folder", 2, "", None, f"{FLAT_RUN} --share out"),
    ("a letter kept in the report's folder", 1, "mv out/letter.csv .", copy(FLAT, "out/letter.csv"), FLAT_RUN),
    ("exports made up in the report's folder", 1, "", None, MADE_UP.replace("exports", "out")),
    ("an answer over a file of the report", 0, RESTORE, None, "assay query 'select 1' -o out/scorecard.csv"),
    ("the scorecard edited by hand", 0, RESTORE, rewrite("out/scorecard.csv", ("98", "99")), ""),
    ("the report deleted", 0, RESTORE, remove("out"), ""),
    ("the lake deleted, and the report", 0, AGAIN, remove("lake", "out"), ""),
    ("the lake's tables deleted, and the report", 0, "assay reproduce 1 --into rebuilt", remove_tables, ""),
    ("the lake rebuilt into itself", HARMLESS, "", None, "assay reproduce 1 --into lake"),
    ("the wrong run restored", 0, RESTORE, before(f"{FLAT_RUN} --as-of 2020-03-31", AGAIN), "assay restore 2"),
    ("a run restored that is none", 1, "", None, "assay restore 7"),
    ("Ctrl-C in a run", -signal.SIGINT, "", running(signal.SIGINT), ""),
    ("Ctrl-Z in a run, and another begun", 11, "", running(signal.SIGSTOP), FLAT_RUN),
]
MARCH, APRIL = "exports/results_2020-03.xlsx", "exports/results_2020-04.xlsx"
COUNTY_CASES = [
    ("a month under the name of the next", 0, RESTORE, copy(MARCH, APRIL), COUNTY_RUN),
    ("a month forgotten", 0, RESTORE, remove(MARCH), COUNTY_RUN),
    ("a correction forgotten", 0, RESTORE, remove("exports/results_2020-07_v2.xlsx"), COUNTY_RUN),
    ("forms with the wrong township", 0, RESTORE, rewrite(FORMS, ("盆尧镇", "师灵镇"), **GB), COUNTY_RUN),
    ("forms with another county's code", 3, "", rewrite(FORMS, ("411721", "411722"), **GB), COUNTY_RUN),
    ("forms of another county's samples", 3, "", send_wrong("sampling_forms.csv"), COUNTY_RUN),
    ("returns in place of the register", 1, "", copy("exports/returns.csv", "exports/establishments.csv"), COUNTY_RUN),
    ("a workbook cut on its way", 1, "", cut(MARCH), COUNTY_RUN),
    ("a sheet with another name", 1, "", rename_sheet, COUNTY_RUN),
    ("refusals into the report's folder", 1, "", None, "assay rejections --xlsx out"),
]


def digest(folder, besides=()):
    sums = hashlib.sha256()
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.name not in besides:
            sums.update(f"{file.name}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return sums.hexdigest()


def judge(desk, ends, way_back, spoil, command):
    """Makes the mistake and goes the way back; tells everything that is not as it must be."""

    def is_good():
        return digest(desk.out, ["run.json"]) == good

    good, bad = digest(desk.out, ["run.json"]), []
    if spoil:
        spoil(desk)
    report, exports = digest(desk.out), digest(desk.folder / "exports")
    ended = desk.call(command) if command else subprocess.CompletedProcess([], 0, "", "")
    if desk.running:
        if not command:
            ended = subprocess.CompletedProcess([], desk.running.wait(), "", "(ended by the signal)")
        desk.running.kill()
        desk.running.wait()
    code, said = ended.returncode, ended.stderr.strip()
    if code != (0 if ends == HARMLESS else ends):
        bad.append(f"exit code {code}, not {ends}: {said}")
    if code and digest(desk.out) != report:
        bad.append("refused, and the report is not the old one")
    if code and not said or "panicked" in said:
        bad.append(f"no message for a person: {said}")
    if digest(desk.folder / "exports") != exports:
        bad.append("the exports are not what they were")
    if is_good() == bool(way_back):
        bad.append("the report is the good one, and should not be" if way_back else "the report is not the good one")
    if way_back:
        back = desk.good() if way_back == AGAIN else desk.call(way_back)
        if back.returncode or not is_good():
            bad.append(f"`{way_back}` does not lead back: exit code {back.returncode}, {back.stderr.strip()}")
    later = desk.good()
    if later.returncode or not is_good():
        bad.append(f"the next good run: exit code {later.returncode}, {later.stderr.strip()}")
    verified = desk.call(f"assay verify --quiet --lake {desk.lake}")
    if verified.returncode:
        bad.append(f"verify: exit code {verified.returncode}, {verified.stderr.strip()}")
    return ended, bad


def main():
    words = " ".join(sys.argv[1:])
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = str((ROOT / target / "release" / "assay").resolve())
    work = Path(tempfile.mkdtemp(prefix="assay-mistakes-"))
    counts, faults, spoilt = collections.Counter(), [], 0
    for base, good, cases in (("flat", FLAT_RUN, FLAT_CASES), ("county", COUNTY_RUN, COUNTY_CASES)):
        first, right, wrong, folder = (work / f"{base}{end}" for end in ("", "-right", "-wrong", "-desk"))
        shutil.copytree(ROOT / "pipelines", first / "pipelines")
        for seed, exports in (("1", right), ("2", wrong)):
            simulate = [program, "simulate", "--quiet", "--samples", "200", "--layout", base]
            subprocess.run([*simulate, "--seed", seed, "--out", exports], check=True)
        if base == "county":
            shutil.copytree(ROOT / "data-samples" / "xiping-2020", right, dirs_exist_ok=True)
        shutil.copytree(right, first / "exports")
        published = Desk(program, first, right, wrong, good).call(good)
        assert published.returncode == 0, published.stderr
        for name, ends, way_back, spoil, command in cases:
            if words not in name:
                continue
            shutil.copytree(first, folder)
            ended, bad = judge(Desk(program, folder, right, wrong, good), ends, way_back, spoil, command)
            shutil.rmtree(folder)
            how = "undone" if way_back else "harmless" if ends == HARMLESS else "refused"
            counts[how] += 1
            spoilt += bool(bad)
            faults += [f"{name}: {fault}" for fault in bad]
            code = ended.returncode if command or ended.returncode else "–"
            told = f"{how} by `{way_back}`" if way_back else how
            said = ended.stderr.strip().split("\n")[0] if ended.returncode else ""
            print(f"{'BAD' if bad else 'ok':3} {name:44} exit {code!s:>3}  {told:42} {said[:110]}", flush=True)
    print(f"{counts.total()} mistakes: {', '.join(f'{count} {how}' for how, count in counts.items())}; {spoilt} bad")
    print("\n".join(faults))
    shutil.rmtree(work)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
