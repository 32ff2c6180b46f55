"""A plan as a JUnit report, for the pages that CI systems make of test results: a case for each task."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from commands._status import Status
from state.keys import number_of
from state.lifecycle import DONE, STUCK
from state.records import Orchestration, Outcome, Review, Task

# What XML 1.0 can't hold in any spelling.
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case:
    """`failure` and `skipped` say why; a case with neither has passed."""

    def __init__(self, name: str, failure: str = "", skipped: str = "") -> None:
        self.name, self.failure, self.skipped = name, failure, skipped


def junit(status: Status) -> str:
    plan = number_of(status.plan.key)
    suites = [("tasks", [_task(task) for task in status.tasks])]
    suites += [("combination", list(_combination(status.orchestration)))]
    suites += [("review", [_review(status.review)] if status.review else [])]
    cases = [case for _, cases in suites for case in cases]
    root = Element("testsuites", {"name": _line(f"plan {plan}: {status.request.title}"), **_numbers(cases)})
    for name, cases in suites:
        if cases:
            _add_suite(root, f"plan {plan}: {name}", cases)
    indent(root, "")
    page: bytes = tostring(root, "utf-8", xml_declaration=True)
    return page.decode()


def _task(task: Task) -> Case:
    name = f"{number_of(task.key)} {task.title}"
    if task.state in DONE:
        return Case(name)
    why = f"{task.state}\n{task.feedback}".strip()
    return Case(name, failure=why) if task.state in STUCK else Case(name, skipped=why)


def _combination(orchestration: Orchestration | None) -> Iterator[Case]:
    outcome = orchestration.outcome if orchestration else None
    if outcome is None:
        return
    yield Case("tests of the combination", failure=_red(outcome))
    for ejected in outcome.ejected:
        if ejected.reason != "empty":
            yield Case(
                f"task {number_of(ejected.task)} is in it", failure=f"{ejected.reason}\n{ejected.detail}"
            )


def _red(outcome: Outcome) -> str:
    red = outcome.tests is not None and outcome.tests.verdict == "failed"
    return f"red\n{outcome.tests.output}" if red and outcome.tests else ""


def _review(review: Review) -> Case:
    said = "\n".join(
        f"{one.severity}: {one.file or ''} {one.message} ({one.rule})" for one in review.findings
    )
    return Case("review", failure=f"rejected\n{said}" if review.verdict == "rejected" else "")


def _add_suite(root: Element, name: str, cases: Sequence[Case]) -> None:
    suite = SubElement(root, "testsuite", {"name": name, **_numbers(cases)})
    for case in cases:
        element = SubElement(suite, "testcase", {"classname": name, "name": _line(case.name)})
        for tag, why in (("failure", case.failure), ("skipped", case.skipped)):
            if why:
                first, _, rest = why.partition("\n")
                SubElement(element, tag, {"message": _line(first)}).text = _clean(rest)


def _numbers(cases: Sequence[Case]) -> dict[str, str]:
    failed = sum(bool(case.failure) for case in cases)
    skipped = sum(bool(case.skipped) for case in cases)
    return {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}


def _line(text: str) -> str:
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
