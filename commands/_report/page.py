"""One page that needs nothing else: styles and pictures are in it, every text is escaped."""

from __future__ import annotations

from pathlib import Path

from commands._records_text import usage_text
from commands._report.chart import chart, duration
from commands._report.graph import graph
from commands._report.report import Report
from commands._report.timeline import bars
from commands._text import printable
from state.keys import number_of
from state.lifecycle import DONE
from state.records import Diffstat, Pull, Tests

_FOLDER = Path(__file__).parent


def page(report: Report) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    environment.filters |= {"number": number_of, "counts": counts, "duration": duration, "short": short}
    worked = bars(report)
    status = report.status
    html: str = environment.get_template("page.html").render(
        status=status,
        outcome=status.orchestration.outcome if status.orchestration else None,
        landing=status.launch.landing if status.launch else None,
        graph=graph(status.tasks),
        chart=chart(worked) if worked else None,
        took=max(bar.end for bar in worked) - min(bar.begin for bar in worked) if worked else 0,
        attempts={task.key: _attempts(report, task.key) for task in status.tasks},
        largest=max((_lines(pull.diffstat) for pull in report.attempts), default=0),
        done=sum(task.state in DONE for task in status.tasks),
        usage=usage_text(status.usage),
    )
    return html


def counts(tests: Tests | None) -> str:
    if tests is None:
        return "not tested"
    if tests.passed is None:
        return "nobody counted" if tests.commands else "no test ran"
    return f"{tests.passed} passed, {tests.failed} failed, {tests.skipped} skipped"


def short(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "\u2026"


def _attempts(report: Report, task: str) -> list[Pull]:
    return [pull for pull in report.attempts if pull.task == task]


def _lines(diffstat: Diffstat | None) -> int:
    return diffstat.insertions + diffstat.deletions if diffstat else 0
