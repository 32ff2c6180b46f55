"""Findings as GitHub shows them beside the lines of a pull request: workflow commands on standard output."""

from __future__ import annotations

from collections.abc import Iterable

from agents.git.path_text import meant
from commands._text import printable
from state.records import Finding

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def workflow_commands(findings: Iterable[Finding]) -> str:
    return "\n".join(map(_line, findings))


def _line(finding: Finding) -> str:
    place = {
        "file": finding.file and meant(finding.file),
        "line": finding.line if finding.file else None,
        "title": finding.rule,
    }
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in place.items() if value)
    return f"::{_LEVELS[finding.severity]} {properties}::{_data(finding.message)}"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
