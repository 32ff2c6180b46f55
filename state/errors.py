"""The errors that users meet: what happened, what to do next, and which exit code says so."""

from __future__ import annotations


class RefactoryError(Exception):
    """An expected failure. `code` is stable for scripts; `exit_code` is listed in docs/exit-codes.md."""

    code = "failed"
    exit_code = 1
    data: object = None  # what is there all the same, for scripts

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def told(self, between: str = "\n") -> str:
        """The message, and the hint if there is one."""
        return between.join(filter(None, (self.message, *self.hint.split("\n"))))


class WorkFailed(RefactoryError):
    """The work itself failed: red tests, a rejected review, nothing to merge."""


class UsageError(RefactoryError):
    """The input can't be right, whatever the state is."""

    code = "usage"
    exit_code = 2


class InvalidFile(UsageError):
    """A file that can't be read as what it should be; the message names file and line."""

    code = "invalid_file"


class NotFound(RefactoryError):
    code = "not_found"
    exit_code = 3


class Conflict(RefactoryError):
    """The state doesn't allow it: an illegal transition, a stale token, somebody else's task."""

    code = "conflict"
    exit_code = 4


class Stale(Conflict):
    """A record has changed since its asker has seen it."""

    code = "stale"


class Busy(RefactoryError):
    """Somebody else holds what is needed: a lock, a port."""

    code = "busy"
    exit_code = 5


class BudgetReached(RefactoryError):
    code = "budget"
    exit_code = 6


class Partial(RefactoryError):
    """Some tasks landed, some did not."""

    code = "partial"
    exit_code = 7


class Unavailable(RefactoryError):
    """A model, a remote or a server did not answer as it should."""

    code = "unavailable"
    exit_code = 8


class Forbidden(RefactoryError):
    """The token is missing, unknown, or has too small a role."""

    code = "forbidden"
    exit_code = 4


# Of two with one exit code, the more general one last.
FAMILIES: tuple[type[RefactoryError], ...] = (
    InvalidFile,
    UsageError,
    NotFound,
    Forbidden,
    Stale,
    Conflict,
    Busy,
    BudgetReached,
    Partial,
    Unavailable,
    WorkFailed,
)


def outcome(exit_code: int) -> RefactoryError:
    """A result that is none to be glad of, as an error: the result itself says which tasks, and why."""
    if exit_code == Partial.exit_code:
        return Partial(
            "some tasks succeeded, some did not", "`refactory task:inspect` says why, task by task"
        )
    return WorkFailed("the work failed", "`data` says what, and why")
