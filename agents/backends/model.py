"""A model as the coder: asked with the task and the files it is about, it answers with edits that are applied here."""

from __future__ import annotations

import time
from functools import cache

from agents.backends import AttemptFailed, Job
from agents.context import tokens_of
from agents.edits import formats
from agents.edits.changes import EditRefused
from agents.edits.patch import apply_answer
from agents.model.client import Answer, ModelClient, ModelSettings, Turn
from agents.model.errors import ModelCancelled, ModelError, Spent
from agents.model.transcript import write_transcript
from agents.prompt import coder_message, instructions, sent_back
from state.records import Usage

_WAIT = 0.5  # seconds between two questions for tokens that others may leave


def solve(job: Job) -> Usage | None:
    """Ask, apply; what can't be applied goes back with the reason, `coder.patchAttempts` times at most."""
    task = job.claim.task
    talk = Conversation(job)
    prompt, reason = coder_message(job.claim, job.worktree), ""
    for _ in range(max(0, job.claim.config.coder.patch_attempts) + 1):
        answer = talk.ask(prompt)
        try:
            if apply_answer(answer, job.worktree.path, task.scope, talk.format).files:
                return job.meter.usage
            reason = "it changes nothing"
        except EditRefused as error:
            reason = "\n".join(part for part in (error.message, error.hint) if part)
        prompt = sent_back(task.title, reason)
    raise AttemptFailed(f"the model's answer could not be applied: {reason}")


@cache
def client(settings: ModelSettings) -> ModelClient:
    """One for the process: its connections and the SDK's import serve all tasks."""
    return ModelClient(settings)


class Conversation:
    """The turns of one attempt. Every call is paid for by the job's meter, and leaves a transcript."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._settings = job.claim.config.model
        wanted = job.claim.config.coder.format
        self.format = formats.choose(wanted, self._settings.model, self._settings.base_url)
        self._instructions = f"{instructions('coder')}\n\n{formats.FORMATS[self.format].INSTRUCTIONS}"
        self._turns: list[Turn] = []
        self._calls = 0

    def ask(self, prompt: str) -> str:
        self._turns.append(Turn("user", prompt))
        self._check_budget()
        self._calls += 1
        try:
            answer = self._client_answer()
        except (ModelError, ModelCancelled) as error:
            self._job.meter.pay(error.spent, self._settings.model)
            self._write(error.message, error.spent)
            raise
        spent = Spent(answer.requests, answer.input_tokens, answer.output_tokens)
        self._job.meter.pay(spent, answer.model)
        self._write(answer.text, spent)
        self._turns.append(Turn("assistant", answer.text))
        return answer.text

    def _client_answer(self) -> Answer:
        return client(self._settings).ask(
            self._instructions, self._turns, cancelled=lambda: not self._job.keep_running()
        )

    def _check_budget(self) -> None:
        """A call is refused before it is made if it could cost more than is left; others' calls are waited for."""
        if self._job.claim.tokens_left is None:
            return
        wanted = tokens_of(self._instructions, *(turn.text for turn in self._turns))
        wanted += self._settings.max_output_tokens or 0
        while not self._job.meter.reserve(self._job.meter.tokens, wanted):
            if not self._job.keep_running():
                raise ModelCancelled
            time.sleep(_WAIT)

    def _write(self, said: str, spent: Spent) -> None:
        path = self._job.logs / f"model-{self._calls}.md"
        usage = f"{spent.requests} requests, {spent.input_tokens} tokens in, {spent.output_tokens} out"
        write_transcript(path, self._settings, self._instructions, self._turns, said, usage)
