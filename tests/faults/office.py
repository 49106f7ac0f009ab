"""What LibreOffice makes of a file: used by payloads.py where `soffice` is on the path."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

SOFFICE = shutil.which("soffice")
# Comma, double quote, UTF-8, from line 1; no quoted field as text; formulas are evaluated, which a user can ask for.
CSV = "Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,0,true"
FORMULA = re.compile(r'table:formula="([^"]*)"')


def convert(paths, form, folder, profile):
    """Opens files and saves them in another form; returns where they are."""
    command = [SOFFICE, f"-env:UserInstallation=file://{profile}", "--headless"]
    if all(path.suffix == ".csv" for path in paths):
        command.append(f"--infilter={CSV}")
    command += ["--convert-to", form, "--outdir", str(folder), *map(str, paths)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    saved = [folder / f"{path.stem}.{form}" for path in paths]
    missing = [path.name for path in saved if not path.exists()]
    if missing:
        raise SystemExit(f"LibreOffice did not save {missing}")
    return saved


def formulas(paths):
    """The formulas of each file once it was opened, and once it was saved in its own form and opened again."""
    found = {}
    for place, path in enumerate(paths):
        work = path.parent / f"office{place}"
        work.mkdir()
        profile = path.parent / "office-profile"
        own = work / f"own{path.suffix}"
        shutil.copy(path, own)
        opened = convert([own], "ods", work / "opened", profile)
        saved = convert(opened, path.suffix[1:], work / "saved", profile)
        again = convert(saved, "ods", work / "again", profile)
        found[path] = [FORMULA.findall(content(sheet)) for (sheet,) in (opened, again)]
        shutil.rmtree(work)
    return found


def content(sheet: Path):
    with zipfile.ZipFile(sheet) as book:
        return book.read("content.xml").decode()
