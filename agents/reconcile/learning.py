"""What proved right in a green combination is kept for `rerere`: a model's answers, coders' solutions of a conflict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agents.git.merge_tree import merge_tree
from agents.git.repository import Repository
from agents.reconcile.combination import Combination
from agents.reconcile.merging import clashes, private_index
from agents.reconcile.resolvers.chain import memory
from agents.reconcile.resolvers.clash import lines_of
from agents.reconcile.resolvers.rerere import Rerere
from agents.worktrees.workspace import Workspace
from state.records import Plan, Pull, Task
from state.store import Store

if TYPE_CHECKING:
    from agents.reconcile.resolvers.model import ModelResolver


def learn(
    store: Store, workspace: Workspace, plan: Plan, combination: Combination, model: ModelResolver | None
) -> None:
    known = memory(workspace.private, plan.key)
    landed = {step.task.key: step.task for step in combination.steps}
    for region, (key, lines) in (model.answers if model else {}).items():
        if key in landed:
            known.learn(region, lines)
    for task in landed.values():
        for onto, commit in _conflicts(store, task):
            _learn_from_rework(workspace.repository, known, onto, commit, task.commit or "")


def _conflicts(store: Store, task: Task) -> Iterator[tuple[str, str]]:
    """The merged head and the attempt that did not merge into it."""
    for pull in (store.get(Pull, key) for key in task.pulls if task.base):
        if pull.commit and pull.sent_back and pull.sent_back.why == "conflict" and pull.sent_back.onto:
            yield pull.sent_back.onto, pull.commit


def _learn_from_rework(git: Repository, known: Rerere, onto: str, commit: str, done: str) -> None:
    if git.missing((onto, commit)):
        return
    merge = merge_tree(git, onto, commit)
    if merge.clean:
        return
    with private_index(git, merge.tree) as index:
        for one, clash in clashes(git, index, merge):
            made = git.blob(done, one.path)
            if clash and clash.kind != "edit/delete" and made:
                known.learn_from(clash, lines_of(made))
