"""A model as the coder: asked with the task and the files it is about, it answers with edits that are applied here."""

from __future__ import annotations

from functools import partial

from agents.backends.answer import apply
from agents.backends.conversation import Conversation
from agents.edits import formats
from agents.edits.changes import EditRefused
from agents.model.errors import ModelContextTooLong
from agents.prompts.prompt import coder_message, instructions, sent_back
from agents.tasks.attempt import AttemptFailed, Job
from state.records import Usage

_LEAST = 500  # tokens of context; with less a model would only guess


def solve(job: Job) -> Usage | None:
    """Ask, apply; what can't be applied goes back with the reason, `coder.patchAttempts` times at most."""
    task = job.claim.task
    config = job.claim.config
    wanted = partial(formats.choose, config.coder.format, config.model.model, config.model.base_url)
    form = wanted()
    talk, answer = _begun(job, formats.FORMATS[form].INSTRUCTIONS)
    for refused in range(config.coder.patch_attempts + 1):
        try:
            if apply(job, answer, form).files:
                return job.meter.usage
            reason = "it changes nothing"
        except EditRefused as error:
            reason = error.told()
        if refused == config.coder.patch_attempts:
            break
        prompt, before = sent_back(task.title, reason), form
        form = wanted(refused + 1)
        if form != before:
            prompt += f"\n\n{formats.FORMATS[form].INSTRUCTIONS}"
        answer = talk.ask(prompt).text
    raise AttemptFailed(f"the model's answer could not be applied: {reason}")


def _begun(job: Job, how: str) -> tuple[Conversation, str]:
    """The first answer. A model that can take less than the configuration thinks is shown less."""
    room = job.claim.config.coder.context_tokens
    while True:
        talk = Conversation(job, f"{instructions('coder', job.home)}\n\n{how}")
        try:
            return talk, talk.ask(coder_message(job.claim, job.worktree, room)).text
        except ModelContextTooLong:
            room = min(room, talk.size) // 2
            if room < _LEAST:
                raise
