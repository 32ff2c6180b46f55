"""A model merges what is left: it sees base, both sides and both tasks, and gives back the open regions alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from agents.model.client import Turn
from agents.model.errors import ModelContextTooLong, ModelGarbage, ModelRefused, ModelTooLarge, ModelTruncated
from agents.model.fence import fenced
from agents.reconcile.resolvers.check import has_markers
from agents.reconcile.resolvers.clash import Clash, Lines, Region, lines_of
from state.keys import number_of
from state.records import Task

NAME = "model"
_ROUNDS = 2  # an answer that can't be used goes back once, with the reason
_CONTEXT = 20  # lines beside a region
_ANSWER = re.compile(r"^### Region (\d+)\s*\n(`{3,})[^\n]*\n(.*?)^\2[ \t]*$", re.MULTILINE | re.DOTALL)
_NO_ANSWER = (ModelContextTooLong, ModelGarbage, ModelRefused, ModelTooLarge, ModelTruncated)

Ask = Callable[[Sequence[Turn]], str]


class ModelResolver:
    """`answers`: which lines it put in place of which region, and for which task."""

    def __init__(self, ask: Ask, room: int) -> None:
        self._ask = ask
        self._room = room
        self.answers: dict[Region, tuple[str, Lines]] = {}

    def __call__(self, clash: Clash, /) -> Clash:
        known = clash.fill(NAME, self._known)
        return known if not known.is_open or not _is_text(clash) else self._asked(known)

    def _known(self, region: Region) -> Lines | None:
        found = self.answers.get(region)
        return found and found[1]

    def _asked(self, clash: Clash) -> Clash:
        prompt = question(clash)
        if len(prompt) > self._room:
            return clash
        turns = [Turn("user", prompt)]
        for _ in range(_ROUNDS):
            try:
                said = self._ask(turns)
            except _NO_ANSWER:
                return clash
            found = read(said, len(clash.regions))
            merged = clash.fill(NAME, dict(zip(clash.regions, found, strict=False)).get) if found else clash
            if found and not has_markers(merged):
                return self._kept(clash, merged, found)
            why = "there are conflict markers in it" if found else "not exactly one block for each region"
            again = f"That can't be used: {why}. Answer again, for all regions."
            turns += [Turn("assistant", said), Turn("user", again)]
        return clash

    def _kept(self, clash: Clash, merged: Clash, found: Sequence[Lines]) -> Clash:
        task = clash.task.key if clash.task else ""
        self.answers |= {region: (task, lines) for region, lines in zip(clash.regions, found, strict=True)}
        return merged


def question(clash: Clash) -> str:
    others = clash.others()
    parts = [
        f"File: {clash.path}",
        *(f"The first task, {_task(other)}" for other in others),
        f"The second task, {_task(clash.task)}" if clash.task else "",
        _deleted(clash) if clash.kind == "edit/delete" else "",
        *_regions(clash),
    ]
    return "\n\n".join(part for part in parts if part)


def read(answer: str, count: int) -> list[Lines]:
    """The lines for each region in their order; none if the answer is not exactly that."""
    blocks = {int(number): lines_of(text.encode()) for number, _, text in _ANSWER.findall(answer)}
    return [blocks[number] for number in sorted(blocks)] if set(blocks) == set(range(1, count + 1)) else []


def _is_text(clash: Clash) -> bool:
    """What is no UTF-8 would come back as something else."""
    try:
        for data in (clash.base, clash.ours, clash.theirs):
            data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _task(task: Task) -> str:
    return f"{number_of(task.key)}: {task.title}\n{task.detail.strip()}".strip()


def _deleted(clash: Clash) -> str:
    first, second = ("deleted", "changed") if not clash.ours else ("changed", "deleted")
    return (
        f"The first task {first} the file, the second {second} it. The region is the whole file: "
        "an empty block deletes it."
    )


def _regions(clash: Clash) -> Iterator[str]:
    number = 0
    for at, part in enumerate(clash.parts):
        if not isinstance(part, Region):
            continue
        number += 1
        sides = zip(("Before", "The first task made", "The second task made"), part, strict=True)
        shown = [fenced(title, _text(lines)) for title, lines in sides]
        before, after = _beside(clash, at - 1)[-_CONTEXT:], _beside(clash, at + 1)[:_CONTEXT]
        yield "\n".join(
            [f"## Region {number}", fenced("The lines above it", _text(before)), *shown,
             fenced("The lines below it", _text(after))]
        )  # fmt: skip


def _beside(clash: Clash, at: int) -> Lines:
    part = clash.parts[at] if 0 <= at < len(clash.parts) else ()
    return () if isinstance(part, Region) else part


def _text(lines: Lines) -> str:
    return b"".join(lines).decode()
