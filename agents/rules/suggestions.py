"""What a task that mends a finding would be called."""

from __future__ import annotations

_TITLES = {
    "scope": "Take back the change of {file}, or have a task for it",
    "protected": "Take back the change of {file}",
    "conflict-marker": "Resolve the conflict in {file}",
    "secret": "Take the secret out of {file}, and have it revoked",
    "large-file": "Take {file} out, or make it smaller",
    "outside-link": "Have the link {file} stay in the repository, or take it out",
    "deleted-test": "Bring back the tests of {file}",
    "weakened-tests": "Bring back the tests and assertions of {file}",
    "skipped-test": "Have the skipped tests of {file} run",
    "empty-assertion": "Assert something in {file}",
    "weaker-assertion": "Assert in {file} what was asserted before",
    "changed-expectation": "Check the new expectation in {file}",
    "loosened-config": "Bring back in {file} what made tests count",
    "lost-line": "Bring back the lines of {file} that a merge lost",
    "flaky": "Make the tests reliable that failed in one of two runs",
    "open-end": "Do what {file} leaves open",
}


def suggested(rule: str, file: str | None) -> str | None:
    """None where a person has to decide what to do."""
    title = _TITLES.get(rule)
    return title and title.format(file=file or "the change")
