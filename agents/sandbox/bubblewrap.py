"""The walls: bubblewrap's arguments for one command, and whether bubblewrap works here at all."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from agents.sandbox.access import Access
from agents.sandbox.git_view import common_of, git_binds
from agents.sandbox.secrets import masks
from agents.sandbox.toolchains import system, toolchains

_NAMESPACES = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
# To the user that is root outside, the files in these belong, and the kernel asks no more than that.
_PROC = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi", "mtrr", "driver")
_ETC = (
    "passwd", "group", "nsswitch.conf", "hosts", "host.conf", "hostname", "resolv.conf", "gai.conf", "services",
    "protocols", "localtime", "timezone", "os-release", "debian_version", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "alternatives", "ssl/certs", "ssl/openssl.cnf", "pki/tls", "pki/ca-trust", "ca-certificates",
    "ca-certificates.conf", "crypto-policies", "mime.types", "magic", "terminfo", "inputrc", "profile",
    "bash.bashrc", "locale.alias", "locale.conf", "fonts", "perl", "maven", "static",
)  # fmt: skip
_ETC_BY_VERSION = ("python3*", "java-*")
# They name places that are not there, or may not be written: what uses them has a default below the home or /tmp.
_CACHES = {
    "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "PIP_CACHE_DIR", "UV_CACHE_DIR", "GOCACHE", "NPM_CONFIG_CACHE",
    "YARN_CACHE_FOLDER", "PYTHONPYCACHEPREFIX",
}  # fmt: skip
_SCRATCH = ("/dev/shm", "/tmp", "/var/tmp")  # noqa: S108
_UNBOUNDED = 2**40


@cache
def program() -> str:
    """Where bubblewrap is; empty if it is not installed."""
    return shutil.which("bwrap") or ""


@cache
def why_not() -> str:
    """Empty if it works: found out by a run of nothing, with all that a real one asks of the kernel."""
    if not program():
        return "it is not installed (package `bubblewrap`)"
    tried = [program(), *_kernel(network=False), *_machine(None), "--", "/bin/sh", "-c", ":"]
    try:
        done = subprocess.run(
            tried, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return "" if done.returncode == 0 else (said[-1] if said else f"exit code {done.returncode}")


@dataclass(frozen=True)
class Walls:
    """bwrap's options for a command, the environment that is left, what is visible, what of that is in memory."""

    options: list[str]
    env: dict[str, str]
    visible: tuple[Path, ...]
    scratch: tuple[str, ...]


def walls_for(sandbox: Access, env: Mapping[str, str]) -> Walls:
    home = _home(env)
    inside = {name: value for name, value in env.items() if _of_use(name, sandbox.network)}
    inside["HOME"] = str(home)
    options = [
        *_kernel(sandbox.network),
        *_machine(sandbox.settings.memory_mb),
        *_tmpfs(home, sandbox.settings.memory_mb, "0700"),
        *_files(sandbox, {**env, "HOME": str(home)}),
        *("--remount-ro", "/", "--chdir", str(sandbox.worktree)),
    ]
    return Walls(options, inside, tuple(_shown(options)), (*_SCRATCH, str(home)))


def _shown(options: Sequence[str]) -> Iterator[Path]:
    """The places of all binds."""
    for position, option in enumerate(options):
        bound = (
            option.removesuffix("-try") in ("--bind", "--ro-bind") and options[position + 1] != "/dev/null"
        )
        if bound or option == "--symlink":
            yield Path(options[position + 2])


def _of_use(name: str, network: bool) -> bool:
    """A proxy's address may hold a password."""
    return name not in _CACHES and (network or not name.upper().endswith("_PROXY"))


def _home(env: Mapping[str, str]) -> Path:
    """An empty folder takes its place, so it must not be one that the system's programs are in."""
    home = Path(env.get("HOME") or "/")
    used = any(Path(place).is_relative_to(home) for place in ("/usr", "/etc", "/proc", "/dev", "/tmp"))  # noqa: S108
    return home if home.is_absolute() and not used else Path("/tmp/home")  # noqa: S108


def _kernel(network: bool) -> list[str]:
    walls = [*_NAMESPACES, *([] if network else ["--unshare-net"])]
    return [*walls, "--die-with-parent", "--cap-drop", "ALL"]


@lru_cache(maxsize=8)
def _machine(memory_mb: int | None) -> tuple[str, ...]:
    return tuple(_machine_parts(memory_mb))


def _machine_parts(memory_mb: int | None) -> Iterator[str]:
    """The system's programs, its settings that are no secrets, devices that are none, folders for what is passing."""
    yield from ("--proc", "/proc")
    for name in _PROC:
        yield from ("--ro-bind-try", f"/proc/{name}", f"/proc/{name}")
    yield from ("--dev", "/dev")
    for folder in _SCRATCH:
        yield from _tmpfs(Path(folder), memory_mb, "1777")
    yield from ("--remount-ro", "/dev")
    for path in system():
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        else:
            yield from ("--ro-bind", str(path), str(path))
    for name in (*_ETC, *(path.name for pattern in _ETC_BY_VERSION for path in Path("/etc").glob(pattern))):
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _tmpfs(folder: Path, memory_mb: int | None, mode: str) -> Iterator[str]:
    size = str(memory_mb * 2**20 if memory_mb else _UNBOUNDED)
    yield from ("--perms", mode, "--size", size, "--tmpfs", str(folder))


def _files(sandbox: Access, env: Mapping[str, str]) -> Iterator[str]:
    """What is the command's own business, the widest first, so that each thing can be said of it."""
    home, common = Path(env["HOME"]), common_of(sandbox.git_dir) if sandbox.git_dir else None
    repository = common.parent if common and common.name == ".git" else None
    asked = [*_asked(sandbox.settings.read_only, home, repository), *sandbox.readable]
    asked += [home / name for name in sandbox.home]
    writable = [*sandbox.writable, *(home / name for name in sandbox.home_writable)]
    tools = toolchains(env, repository, {common or sandbox.worktree, sandbox.worktree})
    yield from _bind("--ro-bind-try", sorted({*tools, *asked}))
    for path in masks(env, [*tools, *asked], [*asked, *writable]):
        yield from _masked(path)
    if common and any(common.is_relative_to(path) for path in asked):
        yield from ("--tmpfs", str(common))
    for source, place in git_binds(sandbox.git_dir) if sandbox.git_dir else ():
        yield from ("--ro-bind", str(source), str(place))
    yield from _bind("--bind", [sandbox.worktree])
    yield from _bind("--ro-bind", [sandbox.worktree / ".git"] if sandbox.git_dir else [])
    yield from _bind("--bind-try", writable)
    yield from _bind("--ro-bind-try", sandbox.readable)


def _bind(how: str, paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield from (how, str(path), str(path))


def _masked(path: Path) -> tuple[str, ...]:
    return ("--tmpfs", str(path)) if path.is_dir() else ("--ro-bind", "/dev/null", str(path))


def _asked(names: Iterable[str], home: Path, repository: Path | None) -> Iterator[Path]:
    """`sandbox.readOnly`: from the home with `~`, else from the repository's root."""
    for name in names:
        path = home / name[2:] if name.startswith("~/") else Path(name)
        yield path if path.is_absolute() or repository is None else repository / path
