"""Which forge a repository is on, told from a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from state.config import Forge as Settings
from state.errors import UsageError

Kind = Literal["github", "gitlab", "forgejo"]

_NAMES: dict[Kind, str] = {"github": "GitHub", "gitlab": "GitLab", "forgejo": "Forgejo"}
_HOSTS: dict[str, Kind] = {"codeberg.org": "forgejo", "gitea.com": "forgejo"}
_WORDS: dict[str, Kind] = {"github": "github", "gitlab": "gitlab", "forgejo": "forgejo", "gitea": "forgejo"}
_SCP = re.compile(r"(?:[\w.+-]+@)?(?P<host>[\w.-]+):(?P<path>[^/].*)")
_ISSUE = re.compile(r"(?P<path>.+?)/(?:-/)?(?:issues|work_items)/(?P<number>[1-9][0-9]{0,9})")


@dataclass(frozen=True)
class Place:
    """`url` is the forge's web address, without a slash at its end; `repository` is `owner/name`, or longer."""

    kind: Kind
    url: str
    repository: str

    @property
    def name(self) -> str:
        return _NAMES[self.kind]

    @property
    def owner(self) -> str:
        return self.repository.rpartition("/")[0]

    @property
    def repository_url(self) -> str:
        return f"{self.url}/{self.repository}"


class _Address(NamedTuple):
    base: str
    host: str
    path: str


def place_of(remote: str, settings: Settings) -> Place:
    """Of a remote's URL. Raises UsageError if it can't be told."""
    address = _parsed(remote)
    if address is None and not (settings.url and settings.repository and settings.kind):
        raise UsageError(
            f"{remote} is no repository on a forge",
            "--remote names another; or set forge.url, kind, repository",
        )
    return _place(address or _Address("", "", ""), settings)


def issue_place(url: str, settings: Settings) -> tuple[Place, int]:
    """Of an issue's URL, and its number."""
    address = _parsed(url)
    found = _ISSUE.fullmatch(address.path) if address else None
    if not address or not found:
        raise UsageError(
            f"{url!r} is no issue", "give its number, or a URL such as https://HOST/OWNER/NAME/issues/1"
        )
    return _place(address._replace(path=found["path"]), settings, named=False), int(found["number"])


def _parsed(url: str) -> _Address | None:
    parts = _split(url)
    if parts is None:
        return None
    if parts.scheme in ("http", "https", "ssh", "git+ssh") and parts.hostname:
        # A port is ssh's own unless the web was asked.
        port = f":{parts.port}" if parts.port and parts.scheme.startswith("http") else ""
        scheme = parts.scheme if parts.scheme.startswith("http") else "https"
        return _Address(f"{scheme}://{parts.hostname}{port}", parts.hostname, _clean(parts.path))
    found = _SCP.fullmatch(url) if "://" not in url else None
    return _Address(f"https://{found['host']}", found["host"], _clean(found["path"])) if found else None


def _split(url: str) -> SplitResult | None:
    """None for what is no address: a bracket that is left open, a port that is no number."""
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _clean(path: str) -> str:
    return path.strip("/").removesuffix(".git")


def _place(address: _Address, settings: Settings, named: bool = True) -> Place:
    """`named`: the configuration may name another repository than the URL does."""
    url = (settings.url or address.base).rstrip("/")
    parts = _split(url)
    if parts is None:
        raise UsageError(f"forge.url: {url!r} is no address", "it looks like https://git.example.com")
    under = parts.path.strip("/")  # a forge in a folder of its host
    path = address.path.removeprefix(f"{under}/") if under else address.path
    repository = (settings.repository if named else None) or path
    if "/" not in repository:
        raise UsageError(f"{repository!r} is no repository such as owner/name", "forge.repository names it")
    host = parts.hostname or address.host
    return Place(_kind(host, settings), url, repository)


def _kind(host: str, settings: Settings) -> Kind:
    if settings.kind:
        return "forgejo" if settings.kind == "gitea" else settings.kind
    words = [host.partition(".")[0], host.rpartition(".")[0].rpartition(".")[2]]
    kind = _HOSTS.get(host) or next((_WORDS[word] for word in words if word in _WORDS), None)
    if kind is None:
        raise UsageError(
            f"what kind of forge {host} is can't be told from its name",
            "set forge.kind in .refactory/config.yaml: github, gitlab, forgejo or gitea",
        )
    return kind
