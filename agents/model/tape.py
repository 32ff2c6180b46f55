"""Recordings of what a model was asked and answered: a run can be played again without the model, to the same tree.

A question is found again by what it says, whatever differs by itself from run to run (times, commit ids, keys of
records, temporary folders). Each is one file, made to be read and committed; secrets are left out.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from agents.model.errors import ModelNotRecorded
from agents.model.question import Question
from agents.model.reply import Reply
from agents.model.settings import RECORD, REPLAY, ModelSettings, replaying
from agents.model.tools import Body, Call
from state.errors import UsageError
from state.files import read_regular
from state.plural import plural
from state.secrets import redacted

_NAME = re.compile(r".*-[0-9a-f]{12}-[0-9]{1,3}\.json", re.DOTALL)
_CHANGES = 12  # lines of a difference that are shown
_VARIES = re.compile(
    r"\b\d+-[0-9a-z]{8}\b"  # a record's key
    r"|\b(?=[a-f]*\d)[0-9a-f]{7,64}\b|\b0x[0-9a-f]+\b"  # commits, addresses
    r"|(\d{4}-\d\d-\d\d[T ])?\b\d\d:\d\d:\d\d([.,]\d+)?Z?"
    r"|\b\d+(\.\d+)? ?(s|ms|us|sec|secs|seconds?)\b"
    r"|(/[\w.-]+)*/(tmp|worktrees)/[\w./-]*"
)


class Recorded(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """Texts are lists of lines, so that git shows what has changed in them."""

    model: str
    told: list[str]
    answer: list[str]
    calls: list[Call] = []
    items: list[Body] = []
    finish: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


class Tape:
    """A folder of recordings, written or played."""

    def __init__(self, folder: Path, playing: bool, key: str) -> None:
        self.folder = folder
        self.playing = playing
        self._key = key
        self._asked: Counter[str] = Counter()

    def play(self, question: Question) -> Reply:
        """The recorded answer. The same question again gets the next one that was recorded, in the end the last."""
        told = self._told(question)
        found = self._files(_hash(told))
        if not found:
            raise ModelNotRecorded(self._missed(told), "record it anew: --record")
        self._asked[found[0].name] += 1
        at = min(self._asked[found[0].name], len(found)) - 1
        recorded = _read(found[at])
        return Reply(
            text="\n".join(recorded.answer),
            finish=recorded.finish,
            model=recorded.model,
            input_tokens=recorded.input_tokens,
            output_tokens=recorded.output_tokens,
            calls=recorded.calls,
            items=tuple(recorded.items),
        )

    def record(self, question: Question, reply: Reply) -> None:
        told = self._told(question)
        recorded = Recorded(
            model=reply.model or question.model,
            told=told,
            answer=redacted(reply.text, self._key).split("\n"),
            calls=reply.calls,
            items=list(reply.items),
            finish=reply.finish,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
        )
        data = redacted(msgspec.json.format(msgspec.json.encode(recorded)).decode(), self._key)
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{_slug(question)}-{_hash(told)}"
        for number in range(1, 1000):
            try:
                with (self.folder / f"{name}-{number}.json").open("x", encoding="utf-8") as file:
                    file.write(f"{data}\n")
            except FileExistsError:
                continue
            return

    def _told(self, question: Question) -> list[str]:
        return redacted("\n".join(_lines(question)), self._key).split("\n")

    def _files(self, wanted: str) -> list[Path]:
        """In the order in which they were recorded; files with other names are none of ours."""
        name = re.compile(rf".*-{wanted}-([0-9]{{1,3}})\.json", re.DOTALL)
        found = [(int(match[1]), path) for path in self._all() if (match := name.fullmatch(path.name))]
        return [path for _, path in sorted(found)]

    def _all(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.json") if _NAME.fullmatch(path.name))

    def _missed(self, told: Sequence[str]) -> str:
        """Which recorded question is the nearest, and what is different now."""
        from difflib import unified_diff

        there = [(path, _read(path)) for path in self._all()]
        if not there:
            return f"nothing is recorded in {self.folder}"
        new = [*map(_steady, told)]
        path, nearest = min(there, key=lambda one: len({*map(_steady, one[1].told)} ^ {*new}))
        diff = [*unified_diff([*map(_steady, nearest.told)], new, n=0, lineterm="")][2:]
        changes = [line[:200] for line in diff if not line.startswith("@@")]
        more = [f"and {plural(len(changes) - _CHANGES, 'more line')}"] if len(changes) > _CHANGES else []
        shown = "\n".join([*changes[:_CHANGES], *more])
        return f"this question is not recorded in {self.folder}; it differs from {path.name} in:\n{shown}"


def tape_of(settings: ModelSettings, home: Path) -> Tape | None:
    """By the command's option, else by the configuration."""
    key = os.environ.get(settings.api_key_env, "")
    if replaying(settings):
        return Tape(home / (os.environ.get(REPLAY) or settings.replay or ""), playing=True, key=key)
    folder = os.environ.get(RECORD) or settings.record
    return Tape(home / folder, playing=False, key=key) if folder else None


def _lines(question: Question) -> Iterator[str]:
    """All that the model is told, as text: what a dialect makes of it is not part of the question."""
    yield question.instructions
    for turn in question.turns:
        yield f"--- {turn.call.name if turn.call else turn.role}"
        yield turn.text
        yield from (f"{call.name} {call.arguments}" for call in turn.calls)
    if question.schema:
        yield f"--- as {question.schema.name}: {msgspec.json.encode(question.schema.schema).decode()}"
    if question.tools:
        yield f"--- tools: {', '.join(tool.name for tool in question.tools)}"


def _steady(text: str) -> str:
    return _VARIES.sub("~", text)


def _hash(told: Sequence[str]) -> str:
    return sha256(_steady("\n".join(told)).encode()).hexdigest()[:12]


def _slug(question: Question) -> str:
    first = next((turn.text for turn in question.turns if turn.text.strip()), "").strip().partition("\n")[0]
    return re.sub(r"[^a-z0-9]+", "-", first.lower()).strip("-")[:40].strip("-") or "question"


def _read(path: Path) -> Recorded:
    try:
        return msgspec.json.decode(read_regular(path), type=Recorded)
    except (OSError, RecursionError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path}: is no recording: {error}") from None
