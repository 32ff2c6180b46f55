"""Which agent a configuration names: one that comes with Refactory, in `presets/`, or one of its own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from state.config import Coder, Config
from state.errors import UsageError
from state.preset import Preset
from state.record_files import parse

_FOLDER = Path(__file__).parent / "presets"
_PLACE = re.compile(r"\{(\w+)\}")
_LONGEST = 100_000  # bytes of a task as an argument: the kernel takes 128 KiB (execve(2), MAX_ARG_STRLEN)

Values = Mapping[str, str | Sequence[str]]


def shipped() -> list[str]:
    """The names of those that come with Refactory."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load(name: str) -> Preset:
    path = _FOLDER / f"{name}.yaml"
    return parse(Preset, path.read_bytes(), str(path))


def chosen(config: Config) -> tuple[str, Preset]:
    """What `coder.preset` or `coder.command` says, and what to call it."""
    coder = config.coder
    if coder.preset is None:
        if not coder.command:
            raise UsageError(
                f"coder.backend is {coder.backend}, but neither coder.preset nor coder.command is set",
                "set one of them in .refactory/config.yaml",
            )
        return "the coder's command", load(coder.backend)
    if coder.preset in config.presets:
        return coder.preset, config.presets[coder.preset]
    if coder.preset in shipped():
        return coder.preset, load(coder.preset)
    known = ", ".join(sorted({*shipped(), *config.presets}))
    raise UsageError(f"coder.preset: no preset is called {coder.preset!r}", f"there are {known}")


def check_coder(config: Config) -> None:
    """Raises UsageError where the agent that is configured can't be run on this machine."""
    backend = config.coder.backend
    if backend not in ("command", "acp"):
        return
    name, preset = chosen(config)
    if backend == "command" and preset.arguments is None:
        raise UsageError(f"{name} is not run as a command", "set coder.backend to acp")
    if backend == "acp" and preset.acp is None:
        raise UsageError(f"{name} does not speak the Agent Client Protocol", "set coder.backend to command")
    if backend == "acp" and not find_spec("acp"):
        raise UsageError(
            "coder.backend is acp, but its library is not installed",
            "pip install 'refactory-orchestrator[acp]'",
        )
    if "/" not in preset.program:  # else it is looked for in the worktree
        program(name, preset)


def program(name: str, preset: Preset, folder: Path | None = None) -> str:
    """Where it is. One with a slash in its name is looked for in the folder."""
    there = folder / Path(preset.program).expanduser() if folder and "/" in preset.program else preset.program
    found = shutil.which(there)
    if not found:
        raise UsageError(f"{name}: there is no program {preset.program} here", preset.install or "install it")
    return found


def filled(arguments: Sequence[str], values: Values) -> list[str]:
    """The arguments with `{name}` replaced; an argument that is nothing but the name of a list becomes many."""
    found: list[str] = []
    for argument in arguments:
        whole = values.get(argument[1:-1]) if argument[:1] + argument[-1:] == "{}" else None
        if whole is not None and not isinstance(whole, str):
            found += whole
        else:
            found.append(_PLACE.sub(lambda place: _text(values, place), argument))
    return found


def _text(values: Values, place: re.Match[str]) -> str:
    value = values.get(place[1])
    return value if isinstance(value, str) else place[0]


def options(preset: Preset, coder: Coder, walls: bool) -> list[str]:
    """What stands for `{options}`: the model, if one is chosen, what the sandbox asks for, and the user's own."""
    model = filled(preset.model, {"model": coder.model}) if coder.model else []
    return [*model, *(preset.walls if walls else preset.no_walls), *coder.arguments]


def as_argument(task: str, file: Path) -> str:
    """The task, or where it is if no argument can be that long."""
    return task if len(task.encode()) <= _LONGEST else f"Do the task that is written in the file {file}"
