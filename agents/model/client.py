"""Asks a model. One ModelClient per process is enough, threads may share it; importing it costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from agents.model.errors import ModelCancelled, Spent
from agents.model.json_answer import first_object
from agents.model.question import Question, Schema, Turn
from agents.model.settings import ModelSettings, endpoint

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


class ModelClient:
    """A blocking face on an event loop of its own, which is what makes deadlines and cancelling exact."""

    def __init__(self, settings: ModelSettings | None = None) -> None:
        self.settings = settings or ModelSettings()
        self._starting = threading.Lock()
        self._running: tuple[LoopThread, Connection] | None = None

    def ask(
        self, instructions: str, prompt: str | Sequence[Turn], *, cancelled: Cancelled | None = None
    ) -> Answer:
        """The model's answer as text, never empty and never cut off."""
        return self._ask(self._question(instructions, prompt), str, cancelled)[1]

    def ask_json(
        self,
        instructions: str,
        prompt: str | Sequence[Turn],
        schema: dict[str, Any],
        name: str,
        *,
        cancelled: Cancelled | None = None,
    ) -> tuple[dict[str, Any], Answer]:
        """An object that should fit the schema. Check it all the same: not every server enforces schemas."""
        return self._ask(self._question(instructions, prompt, Schema(name, schema)), first_object, cancelled)

    def close(self) -> None:
        """Drop the connections and the thread. The client may be used again afterwards."""
        with self._starting:
            running, self._running = self._running, None
        if running:
            loop, connection = running
            loop.run(connection.close())
            loop.stop()

    def _question(
        self, instructions: str, prompt: str | Sequence[Turn], schema: Schema | None = None
    ) -> Question:
        turns = [Turn("user", prompt)] if isinstance(prompt, str) else prompt
        return Question(
            model=self.settings.model,
            instructions=_encodable(instructions),
            turns=tuple(Turn(turn.role, _encodable(turn.text)) for turn in turns),
            schema=schema,
            max_output_tokens=self.settings.max_output_tokens,
            stream=self.settings.stream,
            is_openai=endpoint(self.settings).is_openai,
        )

    def _ask(
        self, question: Question, read: Callable[[str], T], cancelled: Cancelled | None
    ) -> tuple[T, Answer]:
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
        model = reply.model or question.model
        return value, Answer(reply.text, spent.input_tokens, spent.output_tokens, model, spent.requests)

    def _start(self) -> tuple[LoopThread, Connection]:
        from agents.model.http import Connection
        from agents.model.loop import LoopThread

        with self._starting:
            self._running = self._running or (
                LoopThread(),
                Connection(endpoint(self.settings), self.settings),
            )
            return self._running


def _encodable(text: str) -> str:
    """Half a character, as a damaged file name has, can't be sent."""
    return text.encode("utf-8", "replace").decode()
