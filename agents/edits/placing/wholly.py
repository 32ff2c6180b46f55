"""A file given as a whole, as hunks that make it of the one that is there: what is unchanged keeps its bytes."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from itertools import pairwise

from agents.edits.changes import EditRefused, FileEdit, Hunk
from agents.edits.difference import Piece, pieces
from agents.edits.lines import BOM
from agents.edits.placing.likely import width
from agents.edits.placing.locate import lay
from agents.edits.placing.place import Place
from agents.edits.placing.sameness import without_end, without_trail
from agents.edits.textfile import TextFile

# "# ... rest of the code unchanged ...": the mark of an answer that is not whole.
_ELLIPSIS = re.compile(r"\s*(#|//|/\*|<!--|--|;|%)[\s#/*-]*(\.\.\.|…)[\s*/>-]*$")
_PHRASE = re.compile(
    r"\W*(the )?(rest|remainder|remaining|existing|other|previous|unchanged)\b.{0,60}"
    r"(unchanged|the same|as before|stays?|omitted|goes here|remains?|code|here)\W*?(\.\.\.|…)\W*$",
    re.IGNORECASE,
)
_LONGEST = 200  # letters of such a comment
_STEPS = 2_000_000  # to find out what a whole file changes
NEAR = 3  # lines; a model that cleans blanks up does it where it works, damage is everywhere


def hunks(edit: FileEdit, file: TextFile) -> list[tuple[Hunk, Place]]:
    """The changes, each with the unchanged lines above it; together they cover the whole file."""
    text = edit.content or ""
    _check_nothing_left_out(edit.path, text, file)
    new = text.removesuffix("\n").split("\n") if text else []
    lines = file.lines if text.startswith(BOM) else [line.removeprefix(BOM) for line in file.lines]
    old = lines if "\r" in text else [without_end(line) for line in lines]
    changed = _changed(old, new)
    pairs = dict(_unchanged(len(old), len(new), changed))
    kept = _kept(old, new, pairs, changed)
    return list(_cut(list(_lines(lines, new, pairs, kept)), file))


def _lines(old: list[str], new: list[str], pairs: dict[int, int], kept: Container[int]) -> Iterator[str]:
    there = 0
    for at, line in enumerate(old):
        to = pairs.get(at, there)
        yield from (f"+{added}" for added in new[there:to])
        there = to
        if at not in kept:
            yield f"-{line}"
        if at in pairs:
            yield f"{' ' if at in kept else '+'}{new[there]}"
            there += 1
    yield from (f"+{added}" for added in new[there:])


def _cut(lines: list[str], file: TextFile) -> Iterator[tuple[Hunk, Place]]:
    """A hunk ends with its change; the last one has the rest of the file."""
    tags = "".join(line[0] for line in lines)
    last = len(tags.rstrip(" "))
    cuts = [at for at in range(1, last) if tags[at - 1 : at + 1] in ("- ", "+ ")]
    start = 0
    for low, high in pairwise([0, *cuts, len(lines)]):
        yield _placed(lines[low:high], start, file)
        start += sum(tag != "+" for tag in tags[low:high])


def _changed(old: list[str], new: list[str]) -> list[Piece]:
    """What differs by more than swapped tabs and blanks at line ends."""
    ours, theirs = ([without_trail(width(line)) for line in lines] for lines in (old, new))
    return pieces(ours, theirs, _STEPS, autojunk=True)


def _unchanged(old: int, new: int, pieces: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    at = there = 0
    for a, b, c, d in [*pieces, (old, old, new, new)]:
        yield from zip(range(at, a), range(there, c), strict=True)
        at, there = b, d


def _kept(old: list[str], new: list[str], pairs: dict[int, int], pieces: Sequence[Piece]) -> set[int]:
    """The lines that are the same, but for blanks that were damaged and not changed on purpose."""
    near = {line for a, b, _, _ in pieces for line in range(a - NEAR, b + NEAR)}
    tails = {at for at, n in pairs.items() if _tail(old[at]) != _tail(new[n])}
    swaps = {at for at, n in pairs.items() if old[at].rstrip() != new[n].rstrip()}
    shows_tails = any(_tail(new[n]) for at, n in pairs.items() if at not in tails)
    meant = set() if pieces and not tails <= near and not shows_tails else tails
    return pairs.keys() - meant - (set() if pieces and not swaps <= near else swaps)


def _tail(line: str) -> str:
    return line[len(line.rstrip()) :]


def _placed(lines: list[str], start: int, file: TextFile) -> tuple[Hunk, Place]:
    hunk = Hunk(tuple(lines), start + 1, open=True)
    real = file.lines[start : start + len(hunk.old)]
    same = {
        "exact": hunk.old == tuple(real),
        "line ends": list(map(without_end, hunk.old)) == list(map(without_end, real)),
    }
    step = next((step for step, is_so in same.items() if is_so), "whitespace")
    if step == "exact" and file.has_cr and not any(line.endswith("\r") for line in hunk.new):
        step = "line ends"
    return hunk, lay(hunk, range(start, start + len(hunk.old)), step)


def _check_nothing_left_out(path: str, text: str, old: TextFile) -> None:
    known = old.view(without_trail)
    for line in text.split("\n"):
        if len(line) > _LONGEST or not ("..." in line or "…" in line):
            continue
        if (_ELLIPSIS.match(line) or _PHRASE.match(line)) and not known.where(without_trail(line)):
            raise EditRefused(
                f"{path}: {line.strip()!r} stands for lines that were left out: write all of them"
            )
