"""The edit formats. Each is a module that tells a model how to write it, knows its marks, and reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, Protocol
from urllib.parse import urlsplit

from msgspec.structs import replace

from agents.edits.changes import EditRefused, FileEdit
from agents.edits.formats import apply_patch, search_replace, unified_diff, whole_file
from agents.edits.formats.mixed import SEARCH, mixed
from agents.edits.lines import BOM, check, has_crlf

Name = Literal["diff", "search_replace", "apply_patch", "whole_file"]


class Format(Protocol):
    INSTRUCTIONS: str

    def first_mark(self, answer: str) -> int | None:
        """The line where an answer in this format unmistakably starts."""

    def is_mark(self, line: str) -> bool:
        """True for a line that the format has itself, so that its line end is the answer's."""

    def parse(self, answer: str) -> list[FileEdit]:
        """The edits that an answer asks for, in its order; raises EditRefused."""


FORMATS: dict[Name, Format] = {
    "diff": unified_diff,
    "search_replace": search_replace,
    "apply_patch": apply_patch,
    "whole_file": whole_file,
}

# Learned from edit benchmarks: OpenAI's models are trained on apply_patch; weak ones only manage whole files.
_NATIVE = re.compile(r"(gpt-(4\.1|[5-9])|o[3-9]\b|codex)")
_STRONG = re.compile(
    r"claude|gemini.*pro|deepseek|grok|kimi|glm|qwen.*(coder|max|plus)|mistral-large|devstral"
)
_SMALL = re.compile(r"(?<![\d.])(\d+(\.\d+)?)[bm](?![a-z])|mini|nano|tiny|small|lite|smollm|phi-|gemma")
_LOCAL = re.compile(r"localhost|127\.|\[?::1\]?$|0\.0\.0\.0|10\.|192\.168\.|.*\.local$")


def choose(wanted: str, model: str, base_url: str | None = None, refusals: int = 0) -> Name:
    """The format to ask for: as configured; `auto` goes by model and endpoint, after two refusals to whole files."""
    if wanted in FORMATS:
        return wanted
    name = model.lower().rsplit("/", 1)[-1]
    small = _SMALL.search(name) is not None
    if refusals >= 2 or (small and not _NATIVE.match(name)):
        return "whole_file"
    if _NATIVE.match(name):
        return "apply_patch"
    host = urlsplit(base_url or "").hostname or ""
    return "whole_file" if _LOCAL.match(host) and not _STRONG.search(name) else "search_replace"


def detect(answer: str, asked: Name | None = None) -> Name:
    """The format of an answer: the one asked for if it has its marks, else whichever starts first."""
    answer = answer.removeprefix(BOM)
    check(answer)
    found = {name: mark for name, form in FORMATS.items() if (mark := form.first_mark(answer)) is not None}
    if asked in found and (asked != "whole_file" or len(found) == 1):
        return asked
    if found:
        return min(found, key=lambda name: found[name])
    if asked:
        return asked  # it says best what is missing
    raise EditRefused(
        "the answer holds no edits: neither a unified diff nor SEARCH/REPLACE blocks, a patch or whole files"
    )


def parse(answer: str, asked: Name | None = None) -> list[FileEdit]:
    answer = answer.removeprefix(BOM)
    form = FORMATS[detect(answer, asked)]
    edits = form.parse(answer)
    _refuse_files_beside(answer, form, edits)
    if has_crlf(answer.split("\n"), form.is_mark):
        return [replace(edit, crlf=True) for edit in edits]
    return edits


def _refuse_files_beside(answer: str, form: Format, edits: Sequence[FileEdit]) -> None:
    """A file in a fence of its own, beside a diff or blocks, is shown for its reader if they edit it, else lost."""
    if form is whole_file:
        return
    named = {path for edit in edits for path in (edit.path, edit.new_path)}
    if lost := sorted(whole_file.shown(_without_blocks(answer.split("\n"))) - named):
        raise mixed(lost)


def _without_blocks(lines: list[str]) -> list[str]:
    """Fences in a SEARCH/REPLACE block are a file's own."""
    found, inside = [], False
    for line in lines:
        inside = inside or SEARCH.fullmatch(line) is not None
        found.append("" if inside and not SEARCH.fullmatch(line) else line)
        inside = inside and not search_replace.REPLACE.fullmatch(line)
    return found
