"""The compilers, interpreters and libraries that a command needs: where PATH and its kin lead, and no further.

Many of them live in the home, beside what must not be seen, so each place is named, and a folder is taken whole only
if it is a toolchain's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from agents.git.repository import Repository

# Below the home. Not ~/.cargo, ~/.m2, ~/.gradle, ~/.gem and ~/.local as a whole: they hold credentials, too.
_IN_HOME = (
    ".pyenv", ".local/bin", ".local/lib", ".local/pipx", ".local/share/pipx", ".local/share/uv/python",
    ".local/share/uv/tools", ".local/share/mise", ".cargo/bin", ".cargo/registry", ".cargo/git", ".rustup",
    "go/bin", "go/pkg", ".nvm", ".volta", ".asdf", ".bun/bin", ".deno/bin", ".npm-global", ".sdkman/candidates",
    ".rbenv", ".gem/ruby", ".m2/repository", ".m2/wrapper", ".gradle/caches", ".gradle/wrapper",
)  # fmt: skip
# Variables that name a toolchain, or a file with certificates; below some only this and that is wanted.
_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "CARGO_HOME": ("bin", "registry", "git"),
    "GOPATH": ("bin", "pkg"),
} | dict.fromkeys(
    (
        "VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "JAVA_HOME", "GOROOT", "GOMODCACHE", "RUSTUP_HOME", "NVM_DIR",
        "PNPM_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
        "PIP_CERT",
    ),
    ("",),
)  # fmt: skip
_REPOSITORY = (".venv", "venv", "node_modules")  # made once, and what tests run with
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_BINS = {"bin", "sbin", "shims"}
_LINKS = 16  # in a row; more are a loop


def system() -> Iterator[Path]:
    """What belongs to the machine and holds no secrets."""
    return (path for path in map(Path, _SYSTEM) if path.exists())


def toolchains(env: Mapping[str, str], repository: Path | None, hidden: Iterable[Path]) -> tuple[Path, ...]:
    """What to bind, parents first. Nothing that has one of the `hidden` folders in it is taken whole."""
    names = ("PATH", "HOME", *_VARIABLES)
    known = tuple((name, env[name]) for name in names if env.get(name))
    return _toolchains(known, repository, frozenset(hidden))


@lru_cache(maxsize=64)
def _toolchains(
    variables: tuple[tuple[str, str], ...], repository: Path | None, hidden: frozenset[Path]
) -> tuple[Path, ...]:
    env = dict(variables)
    home = Path(env.get("HOME") or "/")
    found = _Found(home, hidden | {home})
    found.add(home / name for name in _IN_HOME)
    found.add(Path(env[name], part) for name, parts in _VARIABLES.items() if name in env for part in parts)
    if repository:
        found.add(repository / name for name in _REPOSITORY if not _committed(repository, name))
    searched = [Path(entry) for entry in env.get("PATH", "").split(":") if entry.startswith("/")]
    for folder in searched:
        found.add([folder, *found.prefix(folder)])
    for folder in [Path("/usr/local/bin"), *searched, *(path / "bin" for path in list(found.paths))]:
        if folder == Path("/usr/local/bin") or not _within(folder, system()):
            found.add(_behind_links(folder, found))
    return tuple(sorted(found.paths))


def _committed(repository: Path, name: str) -> bool:
    """What git knows may be an agent's work, and its links may lead to anything: nothing is shown for its sake."""
    git = Repository(repository / ".git", repository)
    status, out, _ = git.attempt("ls-files", "-z", "--", f":(top,literal){name}")
    return status != 0 or bool(out)


class _Found:
    """What exists, is not there already, and is not too much."""

    def __init__(self, home: Path, hidden: frozenset[Path]) -> None:
        self.paths: set[Path] = set()
        self._home = home
        self._hidden = hidden

    def add(self, paths: Iterable[Path]) -> None:
        for path in paths:
            if path.is_absolute() and not self.covers(path) and not self._too_much(path) and _is_there(path):
                self.paths.add(path)

    def covers(self, path: Path) -> bool:
        return _within(path, self.paths) or _within(path, system())

    def prefix(self, folder: Path) -> list[Path]:
        """The folder with `lib` and `bin` in it, if that is what it is; not ~/.local, which holds much else."""
        prefix = folder.parent
        shared = prefix in (self._home / ".local", self._home / ".cargo")
        whole = any(_is_there(prefix / name) for name in ("lib", "pyvenv.cfg", "versions", "release"))
        return [prefix] if folder.name in _BINS and whole and not shared else []

    def _too_much(self, path: Path) -> bool:
        return any(hidden.is_relative_to(path) for hidden in self._hidden)


def _behind_links(folder: Path, found: _Found) -> Iterator[Path]:
    """A program in PATH is often a link: to a version's folder, or to a virtual environment's."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for path in (folder / name for name in names):
        for target in _hops(path):
            if not found.covers(target):
                yield from found.prefix(target.parent) or [target.parent]
                yield target  # alone, where its folder is too much


def _hops(path: Path) -> Iterator[Path]:
    """Every place that a link leads over."""
    if not path.is_symlink():
        return
    hop = str(path)
    for _ in range(_LINKS):
        if not os.path.islink(hop):  # noqa: PTH114 (thousands of files)
            break
        hop = os.path.normpath(Path(hop).parent / os.readlink(hop))  # noqa: PTH115
        yield Path(hop)
    yield Path(os.path.realpath(hop))


def _is_there(path: Path) -> bool:
    """Not what lies in somebody else's folder, as in the PATH that `su` leaves: nothing can be run there."""
    return os.path.exists(path)  # noqa: PTH110 (Path.exists raises where it may not look)


def _within(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
