"""docs/benchmarks.md: a section for each table, with the machine and the versions it was measured with."""

from __future__ import annotations

import datetime
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from measure import HEADER, Row, home

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def publish(section: str, rows: Iterable[Row], to_page: bool) -> None:
    """Print the table as it is measured, and put it into its section. The benchmarks' private home goes."""
    lines = [HEADER]
    print(HEADER, flush=True)
    try:
        for row in rows:
            lines.append(str(row))
            print(row, flush=True)
    finally:
        shutil.rmtree(home(), ignore_errors=True)
    if to_page:
        write(section, "\n".join(lines))


def write(section: str, table: str) -> None:
    """Put the table between the section's marks, with a line on where it comes from."""
    text = PAGE.read_text(encoding="utf-8")
    marks = re.compile(rf"(<!-- {section} -->\n).*?(<!-- /{section} -->)", re.DOTALL)
    if not marks.search(text):
        raise SystemExit(f"{PAGE}: has no section <!-- {section} -->")
    filled = f"{_machine()}\n\n{table}\n"
    PAGE.write_text(marks.sub(lambda found: found[1] + filled + found[2], text), encoding="utf-8")


def _machine() -> str:
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    packages = ", ".join(f"{name} {version(name)}" for name in ("click", "msgspec", "openai"))
    load = os.getloadavg()[0]
    return (
        f"Measured {datetime.date.today()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"load {load:.1f} at the end; Python {sys.version.split()[0]}, git {git}, {packages}."
    )
