"""What models and programs are told: standing instructions from the files beside this, and the task at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from agents.edits.changes import Reader
from agents.edits.tree.worktree import read_from
from agents.model.tokens import tokens_of
from agents.prompts.context import Relevant, contents, editable, listing, nearest, relevant, room_of
from agents.prompts.symbol_map import imported, symbol_map
from agents.rules.weaker_tests import is_test
from agents.tasks.work import Claim
from agents.worktrees.worktree import Worktree
from state.errors import InvalidFile

_FOLDER = Path(__file__).parent


def instructions(name: str, home: Path) -> str:
    """A standing instruction: `.refactory/prompts/<name>.md` of the user's, else ours."""
    own = home / ".refactory" / "prompts" / f"{name}.md"
    path = own if own.is_file() else _FOLDER / f"{name}.md"
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise InvalidFile(f"{path}: not UTF-8 (byte {error.start})") from None


def task_text(claim: Claim) -> str:
    """Title, detail, scope, acceptance, and what went wrong before; plain text, for a model or a program."""
    task = claim.task
    parts = [f"Task: {task.title}", task.detail.strip()]
    if claim.design.strip():
        parts.append(f"Design of the whole:\n{claim.design.strip()}")
    parts += _scope(task.scope)
    if task.acceptance:
        parts.append("These commands must pass:\n" + "\n".join(f"    {line}" for line in task.acceptance))
    if task.feedback:
        parts.append(f"The last attempt was sent back:\n{task.feedback.strip()}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _scope(scope: Sequence[str]) -> list[str]:
    allowed = [glob for glob in scope if not glob.startswith("!")]
    never = [glob.removeprefix("!") for glob in scope if glob.startswith("!")]
    only = ["Change only files that match: " + ", ".join(allowed)] if allowed else []
    return only + (["Never change files that match: " + ", ".join(never)] if never else [])


def loop_message(claim: Claim, worktree: Worktree) -> str:
    """The task, and a map of the repository: it reads the files by itself."""
    text, room = task_text(claim), room_of(claim.config.coder.context_tokens) // 4
    view = _view(claim, worktree, text)
    return f"{text}\n{_overview(view, room, view.paths)}"


def coder_message(claim: Claim, worktree: Worktree, tokens: int) -> str:
    """The task, and of the repository as much as so many tokens have room for."""
    text = task_text(claim)
    view = _view(claim, worktree, text)
    room = room_of(tokens) - len(text)
    while True:
        overview = _overview(view, room // 4, [path for path in view.paths if path not in view.found.core])
        shown = contents(view.found, worktree.path, room - len(overview)) or "No file is shown."
        message = f"{text}\n{overview}\n## Contents\n\n{shown}\n"
        used = tokens_of(message, model=claim.config.model.model)
        if used <= tokens or room <= 0:
            return message
        room = min(room - 1, room * tokens // used)  # this repository takes more tokens than most


class _View(NamedTuple):
    """The files that an answer may touch, and those that the task is about."""

    paths: list[str]
    found: Relevant
    read: Reader


def _view(claim: Claim, worktree: Worktree, text: str) -> _View:
    """What the scope's tests import is part of what the task is about."""
    paths, read = editable(worktree.git.files(worktree.commit)), read_from(worktree.path)
    found = relevant(paths, claim.task.scope, text, worktree.path)
    more = imported([path for path in found.core if is_test(path)], paths, read)
    core = [*found.core, *(path for path in more if path not in found.core)]
    return _View(paths, Relevant(core, [path for path in found.more if path not in core]), read)


def _overview(view: _View, room: int, mapped: Sequence[str]) -> str:
    near = view.found.core or view.found.more[:5]
    files = listing(view.paths, near, room // 2)
    symbols = symbol_map(nearest(mapped, near), view.read, room // 2)
    headed = f"\n## What they define\n\n{symbols}\n" if symbols else ""
    return f"## Files of the repository\n\n{files}\n{headed}"


def sent_back(title: str, reason: str) -> str:
    """What a model is told when its answer could not be applied."""
    return (
        f"Task: {title}\n\nYour answer was not applied, and nothing was changed: {reason}\n\n"
        "Answer again with the whole change, in the same format."
    )
