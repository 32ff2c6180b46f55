"""What a rule is given, and how it says what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.git.path_text import shown
from agents.git.repository import Repository
from agents.rules.added_lines import Delta, Line
from agents.rules.suggestions import suggested
from state.config import Reviewer
from state.records import Finding, Pull, Severity, Task


@dataclass(frozen=True)
class Change:
    """One task's own change: from the commit its work started on to its commit."""

    git: Repository
    task: Task
    pull: Pull | None
    base: str
    commit: str
    delta: Delta
    config: Reviewer
    protect: Sequence[str] = ()

    def finding(
        self, rule: str, severity: Severity, message: str, file: str | None = None, line: int | None = None
    ) -> Finding:
        file = file and shown(file)
        return Finding(
            rule=rule,
            severity=severity,
            message=message,
            file=file,
            line=line,
            task=self.task.key,
            suggested_task=suggested(rule, file),
        )


def readable(lines: Iterable[Line]) -> Iterator[Line]:
    """Without the longest: no person wrote them, and patterns would take their time."""
    return (line for line in lines if len(line.text) <= 1000)


Rule = Callable[[Change], Iterator[Finding]]
