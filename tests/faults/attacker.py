"""An outsider with linear programming against the report to share: python3 tests/faults/attacker.py [DATA SETS [SEED]]

Needs pyarrow. Every data set is a small export of its own seed, with cuts and a bound of its own; `assay run --share`
publishes it as of the end of February and of March. The outsider has all files, and knows that parts add up to totals,
that no number is negative, that what is kept back is not zero, and what the indicators mean; not which of the numbers
kept back are small. For each of them the lowest and the highest value consistent with all that comes from an exact
simplex. The outsider looks at
  alone     each indicator by itself, as of March;
  together  all indicators: judged batches among batches, a pass rate over some of the batches of another;
  months    likewise, with the report as of February beside it;
  cells     together, with cells.parquet: its rows add up to the figures.
Printed are the small numbers kept back (1 to least - 1), how many of them come out exactly, how many within 3 (the
range is narrower than 6), and how many others come out exactly though they are no zero. Insisted on: no small number
comes out exactly, none stands in a note, and the truth lies in every range.
"""

import collections
import csv
import os
import random
import subprocess
import sys
import tempfile
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as parquet
from simplex import WIDE, Simplex

ROOT = Path(__file__).resolve().parents[2]
TOWNS = ["权寨镇", "五沟营镇", "出山镇", "盆尧镇"]
KINDS = ["糕点", "饼干", "饮料"]
VERDICTS = ["纯抽检合格样品", "抽检不合格样品", "未检验样品"]
COLUMNS = (
    "抽样单编号 样品名称 食品大类 抽样环节 抽样地点 乡镇 任务来源 检验目的 抽样日期 报告日期 被抽样单位名称 标称生产企业名称 "
    "检验机构名称 检验项目 检验结果 结果单位 最大允许限 结果判定 检验结论"
).split()
INDICATORS = """
[[indicator]]
id = "batches"
fact = "samples"
""" + "".join(
    f"""
[[indicator]]
id = "{name}"
fact = "samples"
where = "{where}"
numerator = "final_verdict = 'conforming'"
denominator = "final_verdict in ('conforming', 'nonconforming')"
show = {{ undetermined = "final_verdict = 'undetermined'" }}
"""
    for name, where in (("wide", "domain = 'food'"), ("narrow", "purpose = 'supervisory'"))
)
RATE = {"good": ["conforming"], "bad": ["nonconforming"], "all": ["conforming", "nonconforming"]}
PARTS = {"batches": ["all"], "wide": list(RATE), "narrow": list(RATE)}
REPORTS = {"february": "2020-02-29", "march": "2020-03-31"}


def make(seed, work):
    """Writes an export and its pipeline; returns the smallest number but zero that may be told."""
    dice = random.Random(seed)
    towns, kinds = dice.sample(TOWNS, dice.randint(2, 4)), KINDS[: dice.randint(1, 3)]
    bad, undetermined, supervised = dice.choice([0.02, 0.1, 0.3]), dice.choice([0, 0.05]), dice.choice([0.5, 0.9, 1])
    rows = []
    for town, month, kind in ((town, month, kind) for town in towns for month in (1, 2, 3) for kind in kinds):
        for _ in range(dice.choice([0, dice.randint(1, 6), dice.randint(1, 6), dice.randint(5, 40)])):
            verdict = dice.choices(VERDICTS, [1 - bad - undetermined, bad, undetermined])[0]
            purpose = "监督抽检" if dice.random() < supervised else "评价性抽检"
            day = f"2020-{month:02}-{dice.choice([7, 7, 7, 19]):02}"
            head = [f"XC2041172146300{len(rows):04}", "蛋糕", kind, "流通", "超市", town, "西平县市场监督管理局", purpose]
            rows.append([*head, day, day, "甲店", "乙厂", "丙所", "铅", "0.1", "mg/kg", "0.5", "合格", verdict])
    with open(work / "flat.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    least, single = dice.choice([3, 5, 5, 5, 8]), ["region", "month", "category"]
    pairs = dice.sample(["region+month", "category+month", "region+category"], dice.randint(0, 3))
    cuts = str((single if dice.random() < 0.8 else dice.sample(single, 2)) + pairs).replace("'", '"')
    head = (ROOT / "pipelines" / "flat.toml").read_text(encoding="utf-8").split("[cuts]")[0]
    (work / "flat.toml").write_text(f"{head}[share]\nleast = {least}\n[cuts]\ndefault = {cuts}\n{INDICATORS}", "utf-8")
    return least


def table(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def figures(folder):
    """The parts of every indicator and cut; None where they are kept back."""
    found = {}
    for row in table(folder / "indicators.csv"):
        cut = frozenset((name, row[name]) for name in row["by"].split("+") if name)
        good, every = (int(row[name] or 0) for name in ("numerator", "denominator"))
        parts = {"good": good, "bad": every - good, "all": every} if row["unit"] == "%" else {"all": good}
        found[row["indicator"], cut] = None if row["status"] == "suppressed" else parts
    return found


def cells(folder):
    """Rows of cells.parquet about samples; none where the report has no such file."""
    path = folder / "cells.parquet"
    rows = [row for row in parquet.read_table(path).to_pylist() if row["fact"] == "samples"] if path.exists() else []
    return [row | {"month": str(row["day"])[:7], "region": row.get("region") or "unknown"} for row in rows]


class Knowledge:
    """Lower bounds of numbers, those that are told, and totals with their parts."""

    def __init__(self):
        self.low, self.told, self.sums, self.hidden = {}, {}, [], set()

    def number(self, number, value, low):
        self.low[number] = max(low, self.low.get(number, 0))
        self.hidden |= {number} if value is None else set()
        self.told |= {number: value} if value is not None else {}

    def equal(self, total, parts):
        self.sums.append(dict.fromkeys(parts, 1) | {total: -1})
        for number in self.sums[-1]:
            self.low.setdefault(number, 0)

    def figures(self, figures, report, indicators):
        """The figures of a report, and how they add up. A month is the same in every report."""
        name = lambda indicator, cut, part: ("" if "month" in dict(cut) else report, indicator, cut, part)
        for indicator in indicators:
            own = {cut: parts for (other, cut), parts in figures.items() if other == indicator}
            totals = collections.defaultdict(list)
            for cut, parts in own.items():
                for part in PARTS[indicator]:
                    self.number(name(indicator, cut, part), parts and parts[part], part == "all" and parts is None)
                for total in (frozenset(total) for size in range(len(cut)) for total in combinations(cut, size)):
                    totals[total, frozenset(dict(cut))].append(cut)
            for (total, _), cuts in totals.items():
                for part in PARTS[indicator]:
                    self.equal(name(indicator, total, part), [name(indicator, cut, part) for cut in cuts])
        for place in dict.fromkeys(number[:3] for number in self.low):
            batches, narrow = (place[0], "batches", place[2], "all"), (place[0], "narrow", place[2])
            if place[1] != "batches":
                self.equal((*place, "all"), [(*place, "good"), (*place, "bad")])
            if place[1] == "wide" and len(indicators) > 1:
                self.equal(batches, [(*place, "all"), (*place, "undetermined")])
                for part in ("good", "bad") if (*narrow, "all") in self.low else ():
                    self.equal((*place, part), [(*narrow, part), (*place, f"{part}, not supervisory")])

    def year_to_date(self):
        """What March added to February."""
        for report, indicator, cut, part in list(self.low):
            if report == "february":
                added = ("", indicator, cut | {("month", "2020-03")}, part)
                self.equal(("march", indicator, cut, part), [(report, indicator, cut, part), added])

    def cells(self, rows):
        for place, row in enumerate(rows):
            self.number(("cell", place), row["n"], 1)
        for number in [number for number in self.low if number[-1] in RATE]:
            _, indicator, cut, part = number
            own = [
                ("cell", place)
                for place, row in enumerate(rows)
                if all(row[name] == value for name, value in cut)
                and (indicator == "batches" or row["final_verdict"] in RATE[part])
                and (indicator != "narrow" or row["purpose"] == "supervisory")
            ]
            # Where rows that are kept back are left out, there may be any number of them.
            self.equal(number, own if None in (row["n"] for row in rows) else [*own, (*number, "left out")])

    def ranges(self):
        """Lowest and highest value of what is kept back; no end where two solutions are WIDE apart."""
        order = {number: place for place, number in enumerate(self.low) if number not in self.told}
        low = self.low | self.told
        simplex = Simplex()
        for parts in self.sums:
            rest = sum(sign * low[number] for number, sign in parts.items())
            simplex.add(rest, {order[number]: sign for number, sign in parts.items() if number in order})
        simplex.start()
        found = {}
        for number in (number for number in low if number in self.hidden):
            least, most = simplex.range(order[number]) if number in order else (0, 0)
            found[number] = (low[number] + least, low[number] + most)
        return found


def shown(number):
    cut = [f"{name}={value}" for name, value in sorted(number[2])] if number[0] != "cell" else []
    return " ".join(str(part) for part in (*number[:2], *cut, *number[3:]) if part != "")


def main():
    sets, first = (*map(int, sys.argv[1:]), *(20, 1)[len(sys.argv) - 1 :])
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = str((ROOT / target / "release" / "assay").resolve())
    counts, examples = collections.defaultdict(collections.Counter), collections.defaultdict(list)

    def attack(name, known, truth, least):
        own = counts[name]
        for number, (low, high) in known.ranges().items():
            value, is_exact = truth(number), low == high
            is_small, is_wrong = 0 < value < least, not low <= value <= high
            own.update(small=is_small, exact=is_small and is_exact, within=is_small and high - low < WIDE)
            own.update(others=value >= least and is_exact, wrong=is_wrong)
            if is_wrong or is_small and is_exact:
                examples[name].append(f"seed {seed}, {name}: {shown(number)} is {value}, known as {low} to {high}")

    for seed in range(first, first + sets):
        with tempfile.TemporaryDirectory(prefix="assay-faults-") as folder:
            work = Path(folder)
            least = make(seed, work)
            for report, day in REPORTS.items():
                command = [program, "run", "flat.toml", "--param", "file=flat.csv", "--as-of", day, "--quiet"]
                subprocess.run([*command, "--out", f"own-{report}", "--share", report], cwd=work, check=True)
            told, own = ({report: figures(work / f"{kind}{report}") for report in REPORTS} for kind in ("", "own-"))
            truths, rows = cells(work / "own-march"), cells(work / "march")
            for row in table(work / "march" / "scorecard.csv"):
                small = [word for word in row["note"].split() if word.isdigit() and 0 < int(word) < least]
                counts["notes"].update(small=len(small), exact=len(small))
                examples["notes"] += [f"seed {seed}, note of {row['indicator']}: {row['note']}"] * len(small)

        def truth(number):
            if number[0] == "cell":
                return truths[number[1]]["n"]
            return own[number[0] or "march"][number[1], number[2]][number[3]]

        for name in ("alone", "together", "months", "cells"):
            for indicators in [[indicator] for indicator in PARTS] if name == "alone" else [list(PARTS)]:
                known = Knowledge()
                known.figures(told["march"], "march", indicators)
                if name == "months":
                    known.figures(told["february"], "february", indicators)
                    known.year_to_date()
                if name == "cells":
                    known.cells(rows)
                attack(name, known, truth, least)
    for name, own in counts.items():
        told = ", ".join(f"{own[kind]} {kind}" for kind in ("small", "exact", "within", "others", "wrong"))
        print(f"{name:9} {told}")
    for example in (example for own in examples.values() for example in own[:5]):
        print(example)
    bad = sum(own["exact"] + own["wrong"] for own in counts.values())
    print(f"{sets} data sets, {bad} bad")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
