"""A model that works with tools: it looks, edits, runs commands and says when it is done."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from agents.backends import tools
from agents.backends.compaction import compacted
from agents.backends.conversation import Conversation
from agents.backends.tools import finish_tool
from agents.model.client import Answer
from agents.model.errors import ModelContextTooLong
from agents.model.settings import endpoint
from agents.model.tools import Call, Turn
from agents.prompts.prompt import instructions, loop_message
from agents.tasks.attempt import AttemptFailed, Job
from state.errors import UsageError
from state.plural import plural
from state.records import Usage
from state.secrets import redacted

_CALLS = 100  # of one answer
_REMINDER = "Go on with the tools. If the task is done, or can't be done, call `finish`."


def solve(job: Job) -> Usage | None:
    """Until the model says that it is done, within the limits. What it changed is the result; tests judge it."""
    config = job.claim.config
    there = endpoint(config.model)
    if there.api == "completions":
        raise UsageError(
            "coder.backend is loop, but a completions endpoint knows no tools",
            "set model.api to responses or chat, or coder.backend to model",
        )
    talk = Conversation(job, instructions("loop", job.home), tools.tools(there.native_patch))
    talk.turns.append(Turn("user", loop_message(job.claim, job.worktree)))
    reminded = False
    for _ in range(config.coder.turns):
        answer = _answer(talk, config.coder.context_tokens)
        said = [_done(job, call, number) for number, call in enumerate(answer.calls)]
        if _finished(job, said) or (not said and reminded):
            return job.meter.usage
        reminded = not said
        talk.turns += said or [Turn("user", _REMINDER)]
    raise AttemptFailed(f"the model did not finish in {plural(config.coder.turns, 'turn')} (coder.turns)")


def _answer(talk: Conversation, room: int) -> Answer:
    """What was looked at long ago makes room for what is new; more so where the model takes less than we think."""
    while True:
        talk.turns[:] = compacted(talk.turns, talk.size, room)
        try:
            return talk.go_on()
        except ModelContextTooLong:
            room = min(room, talk.size) // 2
            if compacted(talk.turns, talk.size, room) == talk.turns:
                raise


def _done(job: Job, call: Call, number: int) -> Turn:
    if number >= _CALLS:
        return Turn("tool", f"not done: an answer may hold at most {_CALLS} calls", call=call, failed=True)
    said, done = tools.use(job, call)
    return Turn("tool", said, call=call, failed=not done)


def _finished(job: Job, said: Sequence[Turn]) -> bool:
    """True once it called `finish` and nothing beside it failed; raises AttemptFailed if it gives up."""
    calls = [turn.call for turn in said if turn.call and turn.call.name == "finish" and not turn.failed]
    for call in calls:
        last = msgspec.json.decode(call.arguments, type=finish_tool.Arguments)
        job.messages.append(redacted(last.summary, os.environ.get(job.claim.config.model.api_key_env, "")))
        if not last.done:
            raise AttemptFailed(f"the model gave up: {last.summary or 'it does not say why'}")
    return bool(calls) and not any(turn.failed for turn in said)
