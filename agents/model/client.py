"""Asks a model. One ModelClient per process is enough, threads may share it; importing it costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import structs

from agents.model.errors import ModelCancelled, Spent
from agents.model.json_answer import first_object
from agents.model.question import Question, Schema
from agents.model.reply import Reply
from agents.model.settings import ModelSettings, endpoint
from agents.model.tape import tape_of
from agents.model.tools import Body, Call, Tool, Turn

if TYPE_CHECKING:
    from agents.model.http import Connection
    from agents.model.loop import LoopThread

__all__ = ["Answer", "Cancelled", "ModelClient", "ModelSettings", "Turn"]

T = TypeVar("T")
Cancelled = Callable[[], bool]


class Answer(msgspec.Struct):
    """`requests` and the tokens count every attempt that this answer took."""

    text: str
    input_tokens: int
    output_tokens: int
    model: str
    requests: int
    calls: tuple[Call, ...] = ()
    items: tuple[Body, ...] = ()

    @property
    def spent(self) -> Spent:
        return Spent(self.requests, self.input_tokens, self.output_tokens)

    @property
    def turn(self) -> Turn:
        """As what it stands in the conversation that goes on."""
        return Turn("assistant", self.text, calls=self.calls, items=self.items)


class ModelClient:
    """A blocking face on an event loop of its own, which is what makes deadlines and cancelling exact."""

    def __init__(self, settings: ModelSettings | None = None, home: Path = Path()) -> None:
        """`home` is where relative paths of the configuration start."""
        self.settings = settings or ModelSettings()
        self.tape = tape_of(self.settings, home)
        self._starting = threading.Lock()
        self._running: tuple[LoopThread, Connection] | None = None

    def ask(
        self,
        instructions: str,
        prompt: str | Sequence[Turn],
        *,
        tools: Sequence[Tool] = (),
        max_output_tokens: int | None = None,
        cancelled: Cancelled | None = None,
    ) -> Answer:
        """The model's answer, never cut off, and never empty: text, or calls of the tools."""
        question = self._question(instructions, prompt, tools=tools, max_output_tokens=max_output_tokens)
        return self._ask(question, str, cancelled)[1]

    def ask_json(
        self,
        instructions: str,
        prompt: str | Sequence[Turn],
        schema: dict[str, Any],
        name: str,
        *,
        max_output_tokens: int | None = None,
        cancelled: Cancelled | None = None,
    ) -> tuple[dict[str, Any], Answer]:
        """An object that should fit the schema. Check it all the same: not every server enforces schemas."""
        question = self._question(
            instructions, prompt, Schema(name, schema), max_output_tokens=max_output_tokens
        )
        return self._ask(question, first_object, cancelled)

    def close(self) -> None:
        """Drop the connections and the thread. The client may be used again afterwards."""
        with self._starting:
            running, self._running = self._running, None
        if running:
            loop, connection = running
            loop.run(connection.close())
            loop.stop()

    def _question(
        self,
        instructions: str,
        prompt: str | Sequence[Turn],
        schema: Schema | None = None,
        tools: Sequence[Tool] = (),
        max_output_tokens: int | None = None,
    ) -> Question:
        turns = [Turn("user", prompt)] if isinstance(prompt, str) else prompt
        return Question(
            model=self.settings.model,
            instructions=_encodable(instructions),
            turns=tuple(structs.replace(turn, text=_encodable(turn.text)) for turn in turns),
            schema=schema,
            tools=tuple(tools),
            max_output_tokens=max_output_tokens or self.settings.max_output_tokens,
            stream=self.settings.stream,
            is_openai=endpoint(self.settings).is_openai,
        )

    def _ask(
        self, question: Question, read: Callable[[str], T], cancelled: Cancelled | None
    ) -> tuple[T, Answer]:
        if self.tape and self.tape.playing:
            reply = self.tape.play(question)
            return read(reply.text), _answer(
                reply, Spent(1, reply.input_tokens, reply.output_tokens), question
            )
        value, reply, spent = self._sent(question, read, cancelled)
        if self.tape:
            self.tape.record(question, reply)
        return value, _answer(reply, spent, question)

    def _sent(
        self, question: Question, read: Callable[[str], T], cancelled: Cancelled | None
    ) -> tuple[T, Reply, Spent]:
        from agents.model.retry import ask_until_answered

        spent = Spent()
        loop, connection = self._start()
        if cancelled and cancelled():
            raise ModelCancelled
        asking = ask_until_answered(connection, question, self.settings, spent, read)
        try:
            value, reply = loop.run(asking, cancelled)
        except ModelCancelled as error:
            error.spent = spent
            raise
        return value, reply, spent

    def _start(self) -> tuple[LoopThread, Connection]:
        from agents.model.http import Connection
        from agents.model.loop import LoopThread

        with self._starting:
            self._running = self._running or (
                LoopThread(),
                Connection(endpoint(self.settings), self.settings),
            )
            return self._running


def _answer(reply: Reply, spent: Spent, question: Question) -> Answer:
    return Answer(
        reply.text,
        spent.input_tokens,
        spent.output_tokens,
        reply.model or question.model,
        spent.requests,
        tuple(reply.calls),
        reply.items,
    )


def _encodable(text: str) -> str:
    """Half a character, as a damaged file name has, can't be sent."""
    return text.encode("utf-8", "replace").decode()
