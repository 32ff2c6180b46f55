"""What the checks look at: all records and refs, each read once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TypeVar, cast

from agents.git.repository import Repository
from agents.worktrees.workspace import Workspace, local
from state.errors import InvalidFile, RefactoryError
from state.records import KINDS, Record
from state.store import Store

R = TypeVar("R", bound=Record)


class Evidence:
    def __init__(self, store: Store) -> None:
        self.store = store

    @cached_property
    def config_fault(self) -> InvalidFile | None:
        try:
            assert self.store.config
        except InvalidFile as error:
            return error
        return None

    @cached_property
    def workspace(self) -> Workspace:
        """With a configuration that can't be read it is not known where the worktrees are, but the rest is."""
        if self.config_fault is None:
            return local(self.store)
        where = self.store.location
        return Workspace(Repository(where.git_dir), where.private, where.cache, None)

    @property
    def git(self) -> Repository:
        return self.workspace.repository

    def records(self, cls: type[R]) -> dict[str, R]:
        """Those that can be read, by key."""
        return cast("dict[str, R]", self._all[0][cls])

    @property
    def unreadable(self) -> list[RefactoryError]:
        """Why the others can't."""
        return self._all[1]

    @cached_property
    def _all(self) -> tuple[dict[type[Record], dict[str, Record]], list[RefactoryError]]:
        errors: list[RefactoryError] = []
        return {kind: self._readable(kind, errors) for kind in KINDS}, errors

    def _readable(self, kind: type[Record], errors: list[RefactoryError]) -> dict[str, Record]:
        records = {}
        for key in self.store.keys(kind):
            try:
                record = self.store.find(kind, key)
            except RefactoryError as error:
                errors.append(error)
                continue
            if record is not None:
                records[key] = record
        return records

    @cached_property
    def refs(self) -> dict[str, str]:
        """All refs by name."""
        rows = self.git.run("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(row.rsplit(" ", 1) for row in rows)

    @cached_property
    def checked_out(self) -> set[str]:
        """The branches, as refs, that working trees are on; they can't be moved."""
        rows = self.git.run(
            "for-each-ref", "--format=%(refname)%00%(worktreepath)", "refs/heads"
        ).splitlines()
        return {name for name, _, path in (row.partition("\0") for row in rows) if path}

    def missing(self, commits: Iterable[str]) -> set[str]:
        return self.git.missing(commits)
