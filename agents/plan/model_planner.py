"""Plans by a model: asked with the request and the repository's files, checked like any other task list."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

from msgspec import Meta

from agents.git.repository import Repository
from agents.model.client import ModelClient
from agents.model.meter import Meter
from agents.model.schema import ROUNDS, NotValid, Shape, ask_valid
from agents.plan.drafts import TaskDraft, TaskList, check
from agents.prompts.context import editable, listing, room_of
from agents.prompts.prompt import instructions
from agents.prompts.symbol_map import symbol_map
from agents.test_runs.command import detect
from state.config import Test
from state.errors import UsageError, WorkFailed
from state.records import Request
from state.store import Store


class PlannedTask(Shape, frozen=True):
    id: str
    title: str
    detail: str
    scope: Annotated[list[str], Meta(max_length=50)]
    depends_on: Annotated[list[str], Meta(max_length=30)]
    acceptance: Annotated[list[str], Meta(max_length=10)]


class Planned(Shape, frozen=True):
    design: str
    tasks: Annotated[list[PlannedTask], Meta(min_length=1, max_length=30)]


def plan_with_model(request: Request, task_list: str | None, store: Store, meter: Meter) -> TaskList:
    """The model's plan. Raises WorkFailed if it keeps giving one that can't work."""
    prompt = _prompt(request, task_list, store)
    with closing(ModelClient(store.config.model, store.location.root)) as client:
        try:
            return ask_valid(
                client, instructions("planner", store.location.root), prompt, Planned, "plan", _checked, meter
            )
        except NotValid as error:
            raise WorkFailed(
                f"the model made no usable plan in {ROUNDS} answers: {error.message}",
                "say more in the request, or write the task list yourself: --planner template --from FILE",
            ) from None


def _prompt(request: Request, task_list: str | None, store: Store) -> str:
    git = Repository(store.location.git_dir)
    paths = git.files("HEAD") if git.resolve("HEAD") else []
    room = room_of(store.config.coder.context_tokens) // 4
    files = listing(editable(paths), (), room)
    symbols = symbol_map(editable(paths), lambda path: git.blob("HEAD", path), room)
    notes = (task_list or "").strip()  # `run` has them in the request, too
    parts = [
        f"Request: {request.title}",
        request.description.strip(),
        "" if notes in request.description else f"Notes on the tasks:\n{notes}",
        f"The repository's tests are run by: {_test_command(git, paths, store.config.test) or 'nothing yet'}",
        f"Files of the repository:\n{files or 'none yet'}",
        f"What they define:\n{symbols}" if symbols else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _test_command(git: Repository, paths: list[str], config: Test) -> str | None:
    return config.command or detect(lambda path: git.blob("HEAD", path), paths)


def _checked(planned: Planned) -> TaskList:
    """Raises UsageError with all that is wrong, so that one answer can mend it."""
    drafts = [
        TaskDraft(
            id=task.id.strip(),
            title=" ".join(task.title.split()),
            detail=task.detail,
            scope=[glob for glob in task.scope if glob.strip()],
            depends_on=task.depends_on,
            acceptance=[line for line in task.acceptance if line.strip()],
        )
        for task in planned.tasks
    ]
    if without := [draft.id for draft in drafts if not draft.scope]:
        raise UsageError(f"tasks without a scope: {', '.join(without)}")
    check(drafts)
    return TaskList(design=planned.design, tasks=drafts)
