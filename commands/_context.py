"""Where a command works: in the repository around it, or through the API of another machine."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from commands._operation import Operation, Params
from state.errors import UsageError
from state.store import Store

if TYPE_CHECKING:
    from commands._remote import Remote

P = TypeVar("P", bound=Params)
R = TypeVar("R")


class Context:
    """No dataclass: what makes those takes each start a millisecond."""

    def __init__(self, folder: Path, api_url: str | None = None) -> None:
        self.folder = folder
        self.api_url = api_url

    @cached_property
    def store(self) -> Store:
        return Store.open(self.folder)

    def call(self, operation: Operation[P, R], params: P) -> R:
        """Do it here, or have the server do it: the same result and the same errors."""
        if self.api_url:
            return self._remote.call(operation, params)
        return operation.run(self.store, params)

    @cached_property
    def _remote(self) -> Remote:
        from commands._remote import Remote

        return Remote(self.api_url or "", self.folder)

    def only_here(self, command: str) -> Store:
        """The store, for a command that makes no sense through the API."""
        if self.api_url:
            raise UsageError(
                f"{command} works on the repository it is run in, not through REF_API_URL",
                "run it on the server's machine, with REF_API_URL unset",
            )
        return self.store
