"""A coder's talk with a model: every call is reserved before and paid after, and leaves a transcript."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from agents.model.client import Answer, ModelClient, ModelSettings
from agents.model.errors import ModelCancelled, ModelError, ModelTruncated, Spent
from agents.model.token_budget import ANSWER, LEAST
from agents.model.tokens import tokens_of
from agents.model.tools import Tool, Turn
from agents.model.transcript import write_transcript
from agents.tasks.attempt import AttemptFailed, Job
from state.plural import plural
from state.preset import ATTEMPT_SECONDS
from state.records import Usage

_WAIT = 0.5  # seconds between two questions for tokens that others may leave


@cache
def client(settings: ModelSettings, home: Path) -> ModelClient:
    """One for the process: its connections and the SDK's import serve all tasks."""
    return ModelClient(settings, home)


class Conversation:
    """The turns of one attempt, and its limits: `coder.seconds`, `coder.tokens`, the orchestration's budget."""

    def __init__(self, job: Job, instructions: str, tools: Sequence[Tool] = ()) -> None:
        self.turns: list[Turn] = []
        self._job = job
        self._coder = job.claim.config.coder
        self._settings = job.claim.config.model
        self._instructions = instructions
        self._tools = tools
        self._calls = 0
        self._start = job.meter.tokens
        self._seconds = self._coder.seconds or ATTEMPT_SECONDS
        self._end = time.monotonic() + self._seconds

    @property
    def size(self) -> int:
        """About how many tokens the next call sends."""
        texts = (self._instructions, *map(_text, self.turns))
        return tokens_of(*texts, model=self._settings.model)

    def ask(self, prompt: str) -> Answer:
        self.turns.append(Turn("user", prompt))
        return self.go_on()

    def go_on(self) -> Answer:
        """The answer to all that was said; it becomes the next turn."""
        bound = self._reserve()
        self._calls += 1
        try:
            answer = client(self._settings, self._job.home).ask(
                self._instructions,
                self.turns,
                tools=self._tools,
                max_output_tokens=bound,
                cancelled=lambda: self._over or not self._job.keep_running(),
            )
        except (ModelError, ModelCancelled) as error:
            self._job.meter.pay(error.spent, self._settings.model)
            half = error.text if isinstance(error, ModelTruncated) else ""
            self._write("\n\n".join(filter(None, [half, error.message])), error.spent)
            self._check_limits()
            raise
        self._job.meter.pay(answer.spent, answer.model)
        calls = [f"{call.name} {call.arguments}" for call in answer.calls]
        self._write("\n".join([answer.text, *calls] if calls else [answer.text]), answer.spent)
        self.turns.append(answer.turn)
        return answer

    @property
    def _over(self) -> bool:
        return time.monotonic() > self._end

    def _check_limits(self) -> None:
        if self._over:
            raise AttemptFailed(f"the model was ended after {self._seconds:g} s (coder.seconds)")
        used = self._job.meter.tokens - self._start
        if self._coder.tokens is not None and used + self.size > self._coder.tokens:
            raise AttemptFailed(
                f"the next call could exceed the {self._coder.tokens} tokens of an attempt (coder.tokens): "
                f"{used} are used"
            )

    def _reserve(self) -> int | None:
        """A call is refused before it is made if it could cost more than is left; others' calls are waited for.

        Returns the bound on the answer's tokens that makes this true.
        """
        self._check_limits()
        left = self._job.claim.tokens_left
        if left is None and self._job.claim.orchestration.budgets.money is None:
            return self._settings.max_output_tokens
        meter, size = self._job.meter, self.size
        bound = self._settings.max_output_tokens or ANSWER
        if left is not None:
            bound = min(bound, max(LEAST, left - meter.tokens - size))
        wanted = Usage(input_tokens=size, output_tokens=bound)
        while not meter.reserve(meter.usage or Usage(), wanted):
            if not self._job.keep_running():
                raise ModelCancelled
            time.sleep(_WAIT)
        return bound

    def _write(self, said: str, spent: Spent) -> None:
        path = self._job.logs / f"model-{self._calls}.md"
        usage = (
            f"{plural(spent.requests, 'request')}, {spent.input_tokens} tokens in, {spent.output_tokens} out"
        )
        write_transcript(path, self._settings, self._instructions, self.turns, said, usage)


def _text(turn: Turn) -> str:
    return turn.text + "".join(call.arguments for call in turn.calls)
