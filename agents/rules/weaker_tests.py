"""Rules on tests that prove less than before: deleted, skipped, emptied, or content with less."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from agents.git.diff import changes
from agents.rules.added_lines import Line
from agents.rules.assertions import Assertion, parsed
from agents.rules.change import Change, Rule, readable
from state.plural import plural
from state.records import Finding

_TEST_PATH = re.compile(r"(^|/)(tests?|spec|__tests__)/|(^|/)test_[^/]*$|[._](test|spec)\.[^/]+$")
_TEST = re.compile(
    r"^\s*(?:(?:async )?def (?P<python>test_?\w*)|func (?P<go>Test\w+)|"
    r"(?:it|test)(?:\.\w+)*\s*\(\s*(?P<quote>[\"'`])(?P<js>.*?)(?P=quote)|(?P<rust>#\[(?:\w+::)?test\b))"
)
_ASSERT = re.compile(r"\bassert|\bexpect\(|\.should\b|\bt\.(Error|Fatal)|\brequire\.\w+\(t,")
_SKIP = re.compile(
    r"@(pytest\.mark\.|unittest\.|mark\.)?(skip|skipif|skipIf|skipUnless|xfail|expectedFailure)\b"
    r"|\bpytest\.(skip|xfail|importorskip)\(|\bpytestmark\s*=.*\b(skip|skipif|xfail)\b|\.skipTest\("
    r"|\b(describe|it|test|suite|context)\.(skip|only|todo|fails|failing)\b|\b(x|f)(it|describe|test)\("
    r"|#\[ignore\b|\bt\.Skip(Now|f)?\(|@(Disabled|Ignore)\b|\b__test__\s*=\s*False|\bSkipTest\b"
)
_EMPTY = re.compile(
    r"^\s*(?:assert\s+(?:True|1|not False|not None)\s*(?:[,#].*)?$|assert\s+(?P<same>[^=]+?)\s*==\s*(?P=same)\s*$"
    r"|self\.assert(?:True\(True|False\(False|IsNone\(None|Equals?\((?P<arg>[^,()]+),\s*(?P=arg)\))"
    r"|expect\((?P<js>[^()]+)\)\.(?:toBe|toEqual|toStrictEqual)\((?P=js)\)|assert(?:\.ok)?\(true\)|assert!\(true\))"
)


def is_test(path: str) -> bool:
    return bool(_TEST_PATH.search(path))


def deleted(change: Change) -> Iterator[Finding]:
    """A test file is gone, and not all of its tests are found elsewhere in the change."""
    kept = set(_names(change.delta.added))
    for path in _deleted(change):
        gone = [name for name in _names(_of(change.delta.removed, path)) if name not in kept]
        if gone:
            said = f"was deleted, with {plural(len(gone), 'test')}: {', '.join(gone[:5])}"
            yield change.finding("deleted-test", change.config.integrity, said, path)


def fewer(change: Change) -> Iterator[Finding]:
    """What was moved to another file is not lost."""
    gone = set(_deleted(change))
    for what, pattern in (("tests", _TEST), ("assertions", _ASSERT)):
        added, removed = (_matching(lines, pattern) for lines in (change.delta.added, change.delta.removed))
        moved = Counter(text for _, text in added) & Counter(text for _, text in removed)
        balance = _left(added, moved.copy())
        balance.subtract(_left(removed, moved))
        for path, number in balance.items():
            if number < 0 and path not in gone:
                said = f"has {-number} fewer {what} than before"
                yield change.finding("weakened-tests", change.config.integrity, said, path)


def skipped(change: Change) -> Iterator[Finding]:
    for line in _tests(change.delta.added):
        if _SKIP.search(line.text):
            yield _at(change, line, "skipped-test", "skips a test, or all others")


def empty(change: Change) -> Iterator[Finding]:
    for line in _tests(change.delta.added):
        if _EMPTY.match(line.text):
            yield _at(change, line, "empty-assertion", "asserts what is always true")


def loosened(change: Change) -> Iterator[Finding]:
    """The same thing is asserted with less, or something else is expected of it."""
    before: dict[tuple[str, str], list[Assertion]] = defaultdict(list)
    for line in _tests(change.delta.removed):
        if old := parsed(line.text):
            before[line.path, old.subject].append(old)
    for line in _tests(change.delta.added):
        new = parsed(line.text)
        if new and before[line.path, new.subject]:
            old = before[line.path, new.subject].pop(0)
            if new.rank < old.rank:
                yield _at(change, line, "weaker-assertion", f"asserts less: `{new.said}` for `{old.said}`")
            elif new.rank == old.rank and new.said != old.said:
                yield _at(change, line, "changed-expectation", f"expects `{new.said}` for `{old.said}`")


def _at(change: Change, line: Line, rule: str, message: str) -> Finding:
    return change.finding(rule, change.config.integrity, message, line.path, line.number)


def _tests(lines: Iterable[Line]) -> Iterator[Line]:
    return (line for line in readable(lines) if is_test(line.path) or line.path.endswith(".rs"))


def _of(lines: Iterable[Line], path: str) -> Iterator[Line]:
    return (line for line in lines if line.path == path)


def _names(lines: Iterable[Line]) -> Iterator[str]:
    for line in _tests(lines):
        if found := _TEST.search(line.text):
            yield found["python"] or found["go"] or found["js"] or "a test"


def _deleted(change: Change) -> list[str]:
    found = changes(change.git, change.base, change.commit)
    return [one.path for one in found if set(one.new_mode) == {"0"} and is_test(one.path)]


def _matching(lines: Iterable[Line], pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    return [(line.path, line.text.strip()) for line in _tests(lines) if pattern.search(line.text)]


def _left(lines: Iterable[tuple[str, str]], moved: Counter[str]) -> Counter[str]:
    left: Counter[str] = Counter()
    for path, text in lines:
        if moved[text] > 0:
            moved[text] -= 1
        else:
            left[path] += 1
    return left


RULES: tuple[Rule, ...] = (deleted, fewer, skipped, empty, loosened)
