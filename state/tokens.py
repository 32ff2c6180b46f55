"""Access tokens: the local one that this clone's commands find by themselves, and those made for others.

Only the local token is kept in clear (mode 0600); of all others the file holds hashes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

import msgspec

from state.clock import now
from state.errors import Conflict, InvalidFile, RefactoryError, UsageError
from state.location import locate
from state.lock import locked
from state.private_files import write_private

Role = Literal["viewer", "agent", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)  # each may do what those before it may

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")  # the actor of the audit log
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 random bytes


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a token that was made for somebody."""

    name: str
    role: Role
    sha256: str
    created: str


def local_token(private: Path) -> str:
    """This clone's own token, an admin's; made when it is first asked for."""
    path = private / "token"
    try:
        if not path.exists():
            _make(path)
        token = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        why = f"{path}: can't read or make the local token: {error.strerror}"
        raise RefactoryError(why, "mend the cause, and run the command again") from None
    if not _TOKEN.fullmatch(token):
        raise InvalidFile(f"{path}:1: holds no token", "remove it; a new one is made")
    return token


def create(private: Path, name: str, role: Role) -> str:
    """A new token for `name`. It is returned once: afterwards only its hash is known."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a token",
            "1 to 64 letters, digits and ._@+-, the first a letter or digit",
        )
    token = secrets.token_urlsafe(32)
    with locked(private / "tokens.lock", "token:create"):
        known = _read(private)
        if any(other.name == name for other in known):
            raise Conflict(f"there is a token named {name} already", "`token:revoke` takes it back")
        _write(private, [*known, Token(name=name, role=role, sha256=_hash(token), created=now())])
    return token


def made(private: Path) -> list[Token]:
    """Those made for others, the oldest first."""
    return _read(private)


def revoke(private: Path, name: str) -> bool:
    """False: there was none of this name."""
    with locked(private / "tokens.lock", "token:revoke"):
        known = _read(private)
        left = [token for token in known if token.name != name]
        if len(left) < len(known):
            _write(private, left)
    return len(left) < len(known)


class Tokens:
    """Who a token belongs to; the file is read again when it changed, so a revoked one ends at once."""

    def __init__(self, private: Path) -> None:
        self._private = private
        self._local = Token(name="local", role="admin", sha256=_hash(local_token(private)), created="")
        self._stamp: tuple[int, int] | None = None
        self._known: list[Token] = []

    def is_own(self, token: Token) -> bool:
        """Whether it is the clone's own; others may have the same name."""
        return token is self._local

    def find(self, token: str) -> Token | None:
        digest = _hash(token)
        found = None
        for known in [self._local, *self._current()]:
            if hmac.compare_digest(known.sha256, digest):
                found = known
        return found

    def _current(self) -> list[Token]:
        try:
            info = (self._private / "tokens.json").stat()
        except FileNotFoundError:
            return []
        stamp = (info.st_mtime_ns, info.st_ino)
        if stamp != self._stamp:
            self._known, self._stamp = _read(self._private), stamp
        return self._known


@contextmanager
def announced(port: int, token: str) -> Iterator[None]:
    """Let this user's commands in any folder find the token of the server at this port of the machine."""
    path = _server_file(port)
    # A home that can't be written is no reason not to serve: the repository's own token file remains.
    with suppress(OSError):
        write_private(path, token + "\n")
    try:
        yield
    finally:
        if _first_line(path) == token:
            path.unlink(missing_ok=True)


def known_token(url: str, folder: Path) -> str | None:
    """REF_API_TOKEN; for a server on this machine also what it announced, or the repository's own token."""
    if os.environ.get("REF_API_TOKEN"):
        return os.environ["REF_API_TOKEN"].strip()
    parts = urlsplit(url)
    # A local token opens this machine's server: it is never sent to another one.
    if parts.hostname not in ("127.0.0.1", "localhost"):
        return None
    return _first_line(_server_file(parts.port or 80)) or _own_token(folder)


def _own_token(folder: Path) -> str | None:
    try:
        return _first_line(locate(folder).private / "token")
    except RefactoryError:
        return None


def _server_file(port: int) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(base) / "refactory/servers" / f"127.0.0.1-{port}"


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _make(path: Path) -> None:
    """A link, not a rename: of two that make it at once the first one's token is everybody's."""
    beside = path.with_name(f".token.{secrets.token_hex(4)}.tmp")
    write_private(beside, secrets.token_urlsafe(32) + "\n")
    with suppress(FileExistsError):
        os.link(beside, path)
    beside.unlink()


def _read(private: Path) -> list[Token]:
    path = private / "tokens.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Token])
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InvalidFile(f"{path}: {error}", "mend it, or remove it: its tokens end then") from None


def _write(private: Path, tokens: list[Token]) -> None:
    data = msgspec.json.format(msgspec.json.encode(tokens), indent=2)
    write_private(private / "tokens.json", data.decode() + "\n")


def _hash(token: str) -> str:
    """A plain hash will do: what is hashed has 256 random bits."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
