"""What models and programs are told: standing instructions from `prompts/`, and the task at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.context import contents, editable, listing, relevant, room_of
from agents.work import Claim
from agents.worktrees import Worktree
from state.errors import InvalidFile

_FOLDER = Path(__file__).parent / "prompts"


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
    """The task, and which files there are: it reads them by itself."""
    text = task_text(claim)
    paths = editable(worktree.git.files(worktree.commit))
    found = relevant(paths, claim.task.scope, text, worktree.path)
    files = listing(paths, found.core or found.more[:5], room_of(claim.config.coder.context_tokens) // 8)
    return f"{text}\n## Files of the repository\n\n{files}\n"


def coder_message(claim: Claim, worktree: Worktree, tokens: int) -> str:
    """The task, and of the repository as much as so many tokens have room for."""
    text = task_text(claim)
    room = room_of(tokens) - len(text)
    paths = editable(worktree.git.files(worktree.commit))
    found = relevant(paths, claim.task.scope, text, worktree.path)
    files = listing(paths, found.core or found.more[:5], room // 4)
    shown = contents(found, worktree.path, room - len(files))
    return f"{text}\n## Files of the repository\n\n{files}\n\n## Contents\n\n{shown or 'No file is shown.'}\n"


def sent_back(title: str, reason: str) -> str:
    """What a model is told when its answer could not be applied."""
    return (
        f"Task: {title}\n\nYour answer was not applied, and nothing was changed: {reason}\n\n"
        "Answer again with the whole change, in the same format."
    )
