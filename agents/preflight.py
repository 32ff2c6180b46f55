"""What can be known to be wrong with a run before anything of it is recorded, or a model is paid."""

from __future__ import annotations

from typing import Literal

import msgspec

from agents.foreign.preset import check_coder
from agents.git.repository import Repository
from agents.git.target import pinned, remote_url
from agents.model.prices import refuse_unpriced
from agents.model.settings import check_address
from agents.orchestrator import chosen_target, refuse_names
from agents.plan.drafts import check
from agents.planner import backend_for, template_tasks
from agents.test_runs.run import whole_command
from agents.test_runs.tools import check_tools
from state.config import Config
from state.records import Request
from state.store import Store


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is asked for. `code`: it goes on after the plan."""

    title: str
    description: str
    task_list: str | None
    planner: Literal["template", "model"] | None
    target: str | None
    remote: str | None
    code: bool


def check_list(wanted: Wanted, config: Config) -> None:
    """The tasks as written; what a model makes of them is not known yet."""
    if backend_for(config, wanted.task_list, wanted.planner) == "template":
        request = Request(key="", title=wanted.title, description=wanted.description)
        check(template_tasks(request, wanted.task_list).tasks)


def check_run(store: Store, wanted: Wanted) -> None:
    """Raises what the stages would raise one after the other."""
    check_list(wanted, store.config)
    refuse_unpriced(store.config)
    check_address(store.config.model)
    if not wanted.code:
        return
    repository = Repository(store.location.git_dir, store.location.root)
    base = pinned(repository, chosen_target(store, wanted.target))
    remote_url(repository, wanted.remote or store.config.remote)
    refuse_names(repository)
    check_coder(store.config)
    command = whole_command(repository, base, store.config.test)
    if command:
        check_tools(command, store.config.test.pass_env)
