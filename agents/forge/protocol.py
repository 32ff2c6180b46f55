"""What every forge can do for us, whatever it calls it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol

from agents.forge.place import Place
from state.config import MergeMethod

CheckState = Literal["pending", "passed", "failed"]


@dataclass(frozen=True)
class Wanted:
    """A pull request as it is to be. `draft` is for the moment it is opened: later it is up to people."""

    head: str
    base: str
    commit: str
    title: str
    body: str
    draft: bool = False


class _Told:
    """Their libraries hand on whatever a forge sent: a text that is none is met here, not where it is used."""

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            found = getattr(self, field.name)
            if not isinstance(found, _TYPES.get(str(field.type), object)):
                raise TypeError(f"{field.name}: expected {field.type}, found {type(found).__name__}")


_TYPES: dict[str, type] = {"str": str, "int": int}


@dataclass(frozen=True)
class PullRequest(_Told):
    """One as it is: `commit` is its head's."""

    number: int
    url: str
    state: Literal["open", "merged", "closed"]
    commit: str
    draft: bool = False


@dataclass(frozen=True)
class Check(_Told):
    """One job, status or pipeline that the forge knows of a commit."""

    name: str
    state: CheckState
    url: str = ""


@dataclass(frozen=True)
class Issue(_Told):
    number: int
    url: str
    title: str
    body: str


@dataclass(frozen=True)
class Comment(_Told):
    id: int
    url: str
    body: str


class Forge(Protocol):
    """Each method is one question or one change, sent once. Raises ForgeError; patience.py tries again."""

    place: Place

    def pull_requests(self, head: str, base: str) -> list[PullRequest]:
        """Those of this branch, in any state, the newest first."""

    def create(self, wanted: Wanted) -> PullRequest: ...

    def update(self, number: int, wanted: Wanted) -> PullRequest: ...

    def label(self, number: int, labels: Sequence[str]) -> None: ...

    def ask_review(self, number: int, reviewers: Sequence[str]) -> None: ...

    def checks(self, commit: str) -> list[Check]: ...

    def merge(self, number: int, commit: str, method: MergeMethod) -> None:
        """Only if `commit` is still its head."""

    def issue(self, number: int) -> Issue: ...

    def comments(self, issue: int) -> list[Comment]: ...

    def add_comment(self, issue: int, body: str) -> Comment: ...

    def edit_comment(self, issue: int, comment: int, body: str) -> Comment: ...
