"""What a line asserts: of what, and how strongly. Read line by line, so of longer ones nothing is known."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PYTHON = re.compile(
    r"^assert\s+(?P<subject>.+?)(?:\s+(?P<how>==|!=|>=|<=|>|<|is not|is|not in|in)\s+(?P<value>.+))?$"
)
_INSTANCE = re.compile(r"^isinstance\((?P<subject>.+), [^,]+\)$")
_UNITTEST = re.compile(r"^self\.assert(?P<how>\w+)\((?P<rest>.+)\)$")
_EXPECT = re.compile(
    r"^(?:await )?expect\((?P<subject>.+?)\)\.(?P<how>(?:not\.|resolves\.|rejects\.)*\w+)\((?P<value>.*)\);?$"
)
_RAISES = re.compile(r"\b(?:pytest\.raises|assertRaises)\((?P<value>[\w.]+)")
_ANY_ERROR = {"Exception", "BaseException"}

_EXACT = {
    *(
        "==",
        "is",
        "Equal",
        "Equals",
        "Is",
        "ListEqual",
        "DictEqual",
        "SetEqual",
        "TupleEqual",
        "MultiLineEqual",
    ),
    *("toBe", "toEqual", "toStrictEqual", "resolves.toBe", "resolves.toEqual"),
}
_LOOSE = {
    *("", "!=", "is not", "True", "False", "NotEqual", "IsNotNone", "IsNone", "NotIn", "not in"),
    *("toBeTruthy", "toBeFalsy", "toBeDefined", "toBeUndefined", "toBeNull", "toBeInstanceOf"),
}


@dataclass(frozen=True)
class Assertion:
    subject: str
    said: str
    rank: int


def parsed(line: str) -> Assertion | None:
    text = line.strip().rstrip(":")
    if found := _RAISES.search(text):
        return Assertion("an error", found["value"], 1 if found["value"] in _ANY_ERROR else 2)
    if found := _PYTHON.match(text):
        return _made(found["subject"], found["how"] or "", found["value"] or "")
    if found := _UNITTEST.match(text):
        arguments = _arguments(found["rest"])
        return _made(arguments[0], found["how"], ", ".join(arguments[1:2]))
    if found := _EXPECT.match(text):
        return _made(found["subject"], found["how"], found["value"])
    return None


def _made(subject: str, how: str, value: str) -> Assertion:
    whole = _INSTANCE.match(subject)
    if whole and not how:
        return Assertion(whole["subject"], "isinstance", 1)
    rank = 3 if how in _EXACT else 1 if how in _LOOSE or how.startswith("not.") else 2
    if rank == 3 and re.search(r"\bapprox\(|\bANY\b|expect\.any", value):
        rank = 2
    return Assertion(subject.strip(), f"{how} {value}".strip() or "is true", rank)


def _arguments(text: str) -> list[str]:
    """Split at the commas outside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for char in text:
        if quote or char in "\"'":
            quote = "" if char == quote else quote or char
        else:
            depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]
