"""Rules on what decides whether tests run and count: CI, the runners' configuration, conftest.py."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from agents.rules.added_lines import Line
from agents.rules.change import Change, Rule, readable
from state.records import Finding

_CI = re.compile(
    r"^\.(github|forgejo|gitea)/(workflows|actions)/|^\.gitlab-ci|^\.(circleci|woodpecker|buildkite|ci)/"
    r"|(^|/)(Jenkinsfile|azure-pipelines\.ya?ml|\.travis\.yml|GNUmakefile|[Mm]akefile|justfile|noxfile\.py|tox\.ini)$"
)
_RUNNER = re.compile(
    r"(^|/)(\.?pytest\.(ini|toml)|pyproject\.toml|setup\.cfg|tox\.ini|conftest\.py|\.coveragerc|\.?codecov\.ya?ml"
    r"|package\.json|(jest|vitest|vite|karma|playwright|cypress)\.(config|conf)\.[^/]+|\.mocharc[^/]*|\.nycrc[^/]*)$"
)
_ADDED = {
    "lets a failure pass": re.compile(
        r"\|\|\s*(true|:|exit 0|echo)(?!\w)|\bcontinue-on-error:\s*true|\ballow_failure:\s*true|\bset \+e\b"
        r"|\bignore_outcome\s*=\s*true|\bos\._exit\(0\)|\bsys\.exit\(0\)|\bexitstatus\s*=\s*0"
    ),
    "leaves a step out": re.compile(r"^\s*-?\s*if:\s*(false|\$\{\{\s*false)|\bwhen:\s*never"),
    "leaves tests out": re.compile(
        r"--ignore(-glob)?[=\s\"']|--deselect\b|-[km][= ]*[\"'\\]*not\b|\bcollect_ignore|\bnorecursedirs\b"
        r"|^\s*testpaths\b|\btestPathIgnorePatterns\b|\b(--)?pass-?[wW]ith-?[nN]o-?[tT]ests\b"
        r"|\btest(Match|Regex)\b|-skip[= ]"
    ),
    "changes which tests run, or what they report": re.compile(
        r"def pytest_(collection_modifyitems|ignore_collect|runtest_(makereport|protocol|call)|pyfunc_call"
        r"|sessionfinish|report_teststatus|exception_interact)\b"
    ),
}
_STRICT = re.compile(
    r"\bxfail_strict\s*=\s*[Tt]rue|--strict\b|--strict-|-W[ =]?error\b|^\s*[\"']?error[\"']?,?$"
)
_THRESHOLD = re.compile(
    r"\b(fail[_-]under|branches|functions|lines|statements)[\"']?\s*[=: ]\s*(\d+(?:\.\d+)?)"
)
_STEP = re.compile(
    r"\b(pytest|unittest|tox|nox|jest|vitest|mocha|ctest|(?:npm|yarn|pnpm)(?: run)? test|go test|cargo test"
    r"|make (?:test|check))\b"
)
_COMMENT = re.compile(r"^\s*(#|//|;)")


def loosened(change: Change) -> Iterator[Finding]:
    for line in _lines(change.delta.added):
        for what, pattern in _ADDED.items():
            if pattern.search(line.text):
                yield _found(change, what, line.path, line.number)
                break


def dropped(change: Change) -> Iterator[Finding]:
    """Strictness, or a step that ran tests, that was there and is in no added line of its file."""
    for pattern, said in ((_STRICT, "is no longer strict: `{}` is gone"), (_STEP, "no longer runs `{}`")):
        now = _matches(change.delta.added, pattern)
        for path, what in _matches(change.delta.removed, pattern) - now:
            if pattern is _STRICT or _CI.search(path):
                yield _found(change, said.format(what.strip()), path)


def lowered(change: Change) -> Iterator[Finding]:
    """A bound on coverage is lower than it was, or gone."""
    now = _thresholds(change.delta.added)
    for key, before in _thresholds(change.delta.removed).items():
        after = now.get(key)
        if after is None or after < before:
            said = f"lowers {key[1]} from {before:g} to {'nothing' if after is None else f'{after:g}'}"
            yield _found(change, said, key[0])


def _found(change: Change, message: str, path: str, line: int | None = None) -> Finding:
    return change.finding("loosened-config", change.config.integrity, message, path, line)


def _lines(lines: Iterable[Line]) -> Iterator[Line]:
    for line in readable(lines):
        if (_CI.search(line.path) or _RUNNER.search(line.path)) and not _COMMENT.match(line.text):
            yield line


def _matches(lines: Iterable[Line], pattern: re.Pattern[str]) -> Counter[tuple[str, str]]:
    found = ((line.path, pattern.search(line.text)) for line in _lines(lines))
    return Counter((path, match[0]) for path, match in found if match)


def _thresholds(lines: Iterable[Line]) -> dict[tuple[str, str], float]:
    found = ((line.path, _THRESHOLD.search(line.text)) for line in _lines(lines))
    return {(path, match[1]): float(match[2]) for path, match in found if match}


RULES: tuple[Rule, ...] = (loosened, dropped, lowered)
