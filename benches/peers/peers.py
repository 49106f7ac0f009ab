"""Side by side with DuckDB and Polars, in one run: python3 benches/peers/peers.py --millions 1

Makes the input with `assay simulate --layout flat`, insists that all three count the same cells, and prints medians of
alternating runs as ratios, with versions, cores and sizes. The peers convert a CSV into zstd Parquet with every column
as text and check nothing; `assay run` reads, normalizes, validates, judges, archives, stores, tallies and reports.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import duckdb
import polars

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = ROOT / "pipelines" / "flat.toml"
# Determinations of a sample in the flat layout, on average: 961,671 of 120,000 samples.
PER_SAMPLE = 8.014
SHEET_ROWS = 100_000


# What is asked besides the conversion of an export, which everything else stands on.
CASES = ["gb18030", "tally", "indicator", "corrected", "xlsx"]


class Case:
    """Timed runs of one question, by who answers it."""

    def __init__(self, name):
        self.name, self.seconds, self.peak_mb = name, {}, {}

    def time(self, who, action, before=lambda: None, reads=()):
        """Times an action; what goes before it is none of it, nor is bringing what it reads into the page cache."""
        before()
        for file in reads:
            warm(file)
        settle()
        start = time.perf_counter()
        peak = action()
        self.seconds.setdefault(who, []).append(time.perf_counter() - start)
        if isinstance(peak, float):
            self.peak_mb[who] = max(peak, self.peak_mb.get(who, 0.0))

    def median(self, who):
        return statistics.median(self.seconds[who])

    def lines(self):
        ours = self.median("assay")
        for who in self.seconds:
            ratio = "" if who == "assay" else f"{self.median(who) / ours:.2f}×"
            peak = f"{self.peak_mb[who]:.0f} MB" if who in self.peak_mb else ""
            spread = f"{min(self.seconds[who]):.3f}–{max(self.seconds[who]):.3f}"
            yield f"| {self.name} | {who} | {self.median(who):.3f} | {spread} | {ratio} | {peak} |"


def settle():
    """Waits until this process uses no processor: what a peer has left to do behind its answer is nobody else's time."""
    used = time.process_time()
    for _ in range(200):
        time.sleep(0.05)
        before, used = used, time.process_time()
        if used - before < 0.002:
            return
    sys.exit("a peer has not come to rest in ten seconds: no figure of this run means anything")


def fits(file):
    """Whether a file, and what is made of it, stays in memory; a longer one is read from its disk by everybody."""
    return file.stat().st_size < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def warm(file):
    """Reads a file once: systems let go of parts of one that nobody has read for some seconds, with memory to spare."""
    if not fits(file):
        return
    part = bytearray(1 << 20)
    with open(file, "rb", buffering=0) as source:
        while source.readinto(part):
            pass


def assay(program, folder, *arguments):
    """Runs the program under GNU time and returns its peak memory in MB."""
    peak = folder / "peak.txt"
    command = ["/usr/bin/time", "-f", "%M", "-o", peak, program, *arguments]
    process = subprocess.run(list(map(str, command)), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if process.returncode != 0:
        sys.exit(f"{command}: {process.stderr.decode()}")
    return int(peak.read_text()) / 1024


def forget(folder):
    """Puts the lake of the run before out of the way, without its exports.

    It is not removed: ext4 passes by the places of files that were removed a minute ago, one by one for each file that it
    makes, and no month's run meets hundreds of them. The peers write one file each time.
    """
    lake = folder / "lake"
    if lake.exists():
        away = folder / "forgotten" / str(time.time_ns())
        away.parent.mkdir(exist_ok=True)
        lake.rename(away)
        shutil.rmtree(away / "raw", ignore_errors=True)


def run(program, folder, file):
    return assay(program, folder, "run", PIPELINE, "--param", f"file={file}", "--quiet")


def duckdb_convert(file, target):
    reader = f"read_csv('{file}', all_varchar = true)"
    duckdb.sql(f"copy (select * from {reader}) to '{target}' (format parquet, compression zstd)")


def polars_convert(file, target):
    polars.scan_csv(file, infer_schema=False).sink_parquet(target, compression="zstd")


TALLY = ["检验项目", "食品大类", "抽样环节", "任务来源", "检验机构名称", "结果判定"]


def duckdb_tally(parquet):
    names = ", ".join(f'"{name}"' for name in TALLY)
    return len(duckdb.sql(f"select {names}, count(*) n from '{parquet}' group by all").fetchall())


def polars_tally(parquet):
    return polars.scan_parquet(parquet).group_by(TALLY).len().collect(engine="streaming").height


def same_cells(folder, file):
    """Determinations by analyte and category: ours as published against both peers' over the export."""
    cells = polars.read_parquet(folder / "out" / "cells.parquet").filter(polars.col("fact") == "determinations")
    ours = cells.group_by("analyte", "category").agg(polars.col("n").sum()).rows()
    peer = duckdb.sql(f"select 检验项目, 食品大类, count(*) from read_csv('{file}', all_varchar = true) group by all")
    other = polars.scan_csv(file, infer_schema=False).group_by("检验项目", "食品大类").len().collect()
    # Wide letters, digits and marks are narrow ones to us.
    narrow = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    spelt = lambda rows: sorted((analyte.translate(narrow), category, n) for analyte, category, n in rows)
    if not sorted(ours) == spelt(peer.fetchall()) == spelt(other.rows()):
        sys.exit("the cells differ: no figure of this run means anything")
    return len(ours)


def write_sheet(file, target, rows):
    """The first rows of the export as a workbook with texts written in place, as laboratory systems write them."""
    with open(file, encoding="utf-8") as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as book:
        types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        package = "http://schemas.openxmlformats.org/package/2006"
        main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
            f'ContentType="{types}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" '
            f'ContentType="{types}.worksheet+xml"/></Types>',
        )
        relation = lambda kind, path: (
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{relations}/{kind}" Target="{path}"/></Relationships>'
        )
        book.writestr("_rels/.rels", relation("officeDocument", "xl/workbook.xml"))
        book.writestr("xl/_rels/workbook.xml.rels", relation("worksheet", "worksheets/sheet1.xml"))
        book.writestr(
            "xl/workbook.xml",
            f'<workbook {main} xmlns:r="{relations}"><sheets><sheet name="1" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f"<worksheet {main}><sheetData>".encode())
            for number, line in zip(range(1, rows + 2), source):
                cells = "".join(
                    f'<c r="{chr(65 + index)}{number}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
                    for index, text in enumerate(line.rstrip("\r\n").split(","))
                )
                sheet.write(f'<row r="{number}">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")


def correct(months):
    """Changes one character of one month's export, and puts it back the next time."""
    text = months[5].read_text(encoding="utf-8")
    one, other = ("0.30,mg/kg", "0.31,mg/kg")
    months[5].write_text(text.replace(*((one, other) if one in text else (other, one)), 1), encoding="utf-8")


def by_month(file, folder):
    folder.mkdir()
    day = re.compile(r",2020-(\d\d)-\d\d,")
    with open(file, encoding="utf-8") as source:
        header, parts = next(source), {}
        for line in source:
            month = day.search(line).group(1)
            if month not in parts:
                parts[month] = open(folder / f"flat-{month}.csv", "w", encoding="utf-8")
                parts[month].write(header)
            parts[month].write(line)
    for part in parts.values():
        part.close()
    return sorted(folder.glob("flat-*.csv"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=float, default=1.0, help="determinations, in millions")
    parser.add_argument("--runs", type=int, default=5, help="alternating runs of each")
    parser.add_argument("--work", type=Path, default=Path("peers-work"), help="folder for inputs and outputs, emptied first")
    parser.add_argument("--results", type=Path, help="file to write the table to as well")
    parser.add_argument("--only", nargs="*", choices=CASES, default=CASES, help="cases besides the conversion; all by default")
    options = parser.parse_args()
    wanted = options.only
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
    metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    metadata = subprocess.run(metadata, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    program = Path(json.loads(metadata)["target_directory"]) / "release" / "assay"
    work = options.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    samples = str(round(options.millions * 1_000_000 / PER_SAMPLE))
    simulate = ["simulate", "--layout", "flat", "--seed", "3", "--samples", samples, "--out"]
    assay(program, work, *simulate, "utf8")
    if "gb18030" in wanted:
        assay(program, work, *simulate, "gb18030", "--encoding", "gb18030")
    flat, gb = work / "utf8" / "flat.csv", work / "gb18030" / "flat.csv"

    convert = Case("CSV → lake (peers: → zstd Parquet)")
    encoded = Case("GB18030 → lake (beside UTF-8)")
    for _ in range(options.runs):
        convert.time("DuckDB", lambda: duckdb_convert(flat, work / "duckdb.parquet"), reads=[flat])
        convert.time("Polars", lambda: polars_convert(flat, work / "polars.parquet"), reads=[flat])
        convert.time("assay", lambda: run(program, work, flat), lambda: forget(work), [flat])
        if "gb18030" in wanted:
            encoded.time("UTF-8", lambda: run(program, work, flat), lambda: forget(work), [flat])
            encoded.time("assay", lambda: run(program, work, gb), lambda: forget(work), [gb])
    if "gb18030" in wanted:
        forget(work)
        run(program, work, flat)
    cells = same_cells(work, flat)

    tally = Case("cold tally from Parquet, six dimensions")
    single = Case("one indicator by category and month (peers: open process)")
    by = "analyte,category,stage,level,lab,lab_verdict"
    ours = [*(work / "lake" / "tables").rglob("*.parquet")]
    theirs = [work / "duckdb.parquet", work / "polars.parquet"]
    ask = 'select 食品大类, 抽样日期[:7], count(distinct 抽样单编号) from \'%s\' group by all'
    for _ in range(options.runs if "tally" in wanted else 0):
        tally.time("DuckDB", lambda: duckdb_tally(theirs[0]), reads=theirs)
        tally.time("Polars", lambda: polars_tally(theirs[1]), reads=theirs)
        tally.time("assay", lambda: assay(program, work, "indicator", "item_pass_rate", "--by", by), reads=ours)
    for _ in range(options.runs if "indicator" in wanted else 0):
        single.time("DuckDB", lambda: duckdb.sql(ask % (work / "duckdb.parquet")).fetchall())
        single.time("assay", lambda: assay(program, work, "indicator", "food_pass_rate", "--by", "category,month"))

    corrected = Case("one month of twelve corrected (beside a first run)")
    months = by_month(flat, work / "months") if "corrected" in wanted else []
    pattern = work / "months" / "flat-*.csv"
    for _ in range(options.runs if "corrected" in wanted else 0):
        corrected.time("first run", lambda: run(program, work, pattern), lambda: forget(work), months)
        correct(months)
        again = ["run", PIPELINE, "--param", f"file={pattern}", "--quiet"]
        corrected.time("assay", lambda: assay(program, work, *again), reads=months)

    sheet = Case(f"XLSX of {SHEET_ROWS:,} rows (beside the same rows as CSV)")
    with open(flat, encoding="utf-8") as source, open(work / "sheet.csv", "w", encoding="utf-8") as part:
        part.writelines(line for _, line in zip(range(SHEET_ROWS + 1), source))
    write_sheet(flat, work / "sheet.xlsx", SHEET_ROWS)
    for _ in range(options.runs if "xlsx" in wanted else 0):
        sheet.time("CSV", lambda: run(program, work, work / "sheet.csv"), lambda: forget(work), [work / "sheet.csv"])
        sheet.time("assay", lambda: run(program, work, work / "sheet.xlsx"), lambda: forget(work), [work / "sheet.xlsx"])

    rows = sum(1 for _ in open(flat, "rb")) - 1
    where = "files in the page cache" if fits(flat) else "the export longer than half of the memory and read from its disk"
    report = [
        f"# {datetime.date.today()}: {rows:,} determinations",
        "",
        f"{flat.stat().st_size / 1e6:.0f} MB of UTF-8; {os.cpu_count()} cores of {platform.machine()} under "
        f"{platform.system()}; DuckDB {duckdb.__version__}, Polars {polars.__version__}, Python {platform.python_version()}; "
        f"medians of {options.runs} alternating runs, {where}. {cells:,} cells alike in all three. "
        "A ratio above 1 says how many times as long as `assay` the other takes.",
        "",
        "| what | who | seconds | from–to | ratio | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for case in (convert, encoded, tally, single, corrected, sheet):
        if case.seconds:
            report.extend(case.lines())
    text = "\n".join(report) + "\n"
    print(text)
    if options.results:
        options.results.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
