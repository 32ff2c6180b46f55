"""The generated parts of these pages, made from the code. `REGENERATE=1 pytest tests/docs_test.py` writes them.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`. The last column of a table
whose heading ends in `*` is written by people: it is kept, and a test fails while a cell of it is empty. What a key
means stands below its field in the source.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
import msgspec

import agents
import commands as command_files
import refactory
import state
from agents.foreign import preset
from commands._http.problems import of_error
from commands._http.routes import exposed
from commands._operation import Operation
from state.config import Config, Section
from state.descriptions import descriptions
from state.errors import RefactoryError
from state.preset import Events, Preset
from state.records import KINDS, Part, Record

FOLDER = Path(__file__).parent
EMPTY = "?"
_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_ROW = re.compile(r"^\| (.*?) \|.* \| (.*?) \|$", re.MULTILINE)
_WIDTH = 100

_WAYS = {"command": "arguments", "acp": "acp"}

Row = Sequence[str]


def regenerated(page: Path) -> str:
    """The page with its generated parts made anew."""
    text = page.read_text(encoding="utf-8")
    return _PART.sub(lambda match: f"{match[1]}\n{PARTS[match[2]](match[0])}\n\n{match[3]}", text)


def commands(_: str) -> str:
    program = refactory.cli
    context = click.Context(program, info_name="refactory", terminal_width=_WIDTH)
    names = program.list_commands(context)
    return "\n\n".join([_help("refactory", program, None), *(_command(name, context) for name in names)])


def _command(name: str, context: click.Context) -> str:
    command = refactory.cli.get_command(context, name)
    assert command is not None
    operation = operations().get(name)
    route = f"\n\nHTTP: `{operation.route}`, role `{operation.role}`" if operation else ""
    return f"## {name}\n\n{_help(name, command, context)}{route}"


def _help(name: str, command: click.Command, parent: click.Context | None) -> str:
    context = click.Context(command, parent=parent, info_name=name, terminal_width=_WIDTH)
    context.help_option_names = ["-h", "--help"]
    return f"```text\n{command.get_help(context)}\n```"


def operations() -> dict[str, Operation[Any, Any]]:
    return {refactory.command_name(each.name): each.operation for each in exposed()}


def routes(_: str) -> str:
    rows = [
        (f"`{each.operation.route}`", each.summary.rstrip("."), f"`{refactory.command_name(each.name)}`",
         each.operation.role, _inputs(each.operation))
        for each in sorted(exposed(), key=lambda each: (each.operation.path, each.operation.method))
    ]  # fmt: skip
    return _table(("Route", "What it does", "Command", "Role", "Query or body"), rows)


def _inputs(operation: Operation[Any, Any]) -> str:
    fields = msgspec.structs.fields(operation.params)
    shown = (f for f in fields if f"{{{f.encode_name}}}" not in operation.path)
    return ", ".join(f"**`{f.encode_name}`**" if f.required else f"`{f.encode_name}`" for f in shown)


def statuses(old: str) -> str:
    codes: dict[int, set[str]] = {}
    for error in (RefactoryError, *_subclasses(RefactoryError)):
        if error.__module__ == RefactoryError.__module__:
            codes.setdefault(of_error(error("")).status, set()).add(f"`{error.code}`")
    rows = [(str(status), ", ".join(sorted(names))) for status, names in sorted(codes.items())]
    return _table(("Status", "`code`", "When *"), _kept(rows, old))


def exit_codes(old: str) -> str:
    names: dict[int, set[str]] = {0: set(), refactory.UNEXPECTED: {"unexpected"}}
    names |= {refactory.INTERRUPTED: set(), refactory.TERMINATED: set()}
    for error in _errors():
        names.setdefault(error.exit_code, set()).add(error.code)
    rows = [(str(code), ", ".join(f"`{n}`" for n in sorted(found))) for code, found in sorted(names.items())]
    return _table(("Exit code", "`errors[].code`", "Meaning *"), _kept(rows, old))


def _errors() -> list[type[RefactoryError]]:
    """All kinds, wherever they are declared."""
    for package in (command_files, agents, state):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    return [RefactoryError, *_subclasses(RefactoryError)]


def records(_: str) -> str:
    parts = [part for part in _subclasses(Part) if part.__module__ == Part.__module__]
    return "\n\n".join([*map(_record, KINDS), *map(_record, parts)])


def _record(cls: type[msgspec.Struct]) -> str:
    folder = f"`.refactory/{cls.folder}/`\n\n" if issubclass(cls, Record) else ""
    return f"### {cls.__name__}\n\n{folder}{_fields(cls)}"


def configuration(_: str) -> str:
    sections = [(name, kind) for name, kind in _nested(Config)]
    parts = [f"### At the top\n\n{_fields(Config)}"]
    return "\n\n".join([*parts, *(f"### {name}\n\n{_fields(kind)}" for name, kind in sections)])


def known_agents(_: str) -> str:
    """The agents that are known; `command` and `acp` are how any other is run."""
    rows = [(name, preset.load(name)) for name in preset.shipped() if name not in ("command", "acp")]
    return _table(
        ("Preset", "Agent", "`backend`", "Memory", "Installed by", "Its key"),
        [
            (
                f"`{name}`",
                found.about,
                ", ".join(f"`{how}`" for how in ("command", "acp") if getattr(found, _WAYS[how]) is not None),
                f"{found.memory_mb} MB",
                found.install if found.install.startswith("see") else f"`{found.install}`",
                found.login,
            )
            for name, found in rows
        ],
    )


def preset_keys(_: str) -> str:
    parts = [("A preset", Preset), ("Its events", Events)]
    return "\n\n".join(f"### {title}\n\n{_fields(kind)}" for title, kind in parts)


def _nested(cls: type[msgspec.Struct]) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    for field in msgspec.structs.fields(cls):
        for kind in get_args(field.type) or [field.type]:
            if isinstance(kind, type) and issubclass(kind, (Section, Part)):
                yield field.encode_name, kind


def _fields(cls: type[msgspec.Struct]) -> str:
    said = descriptions(cls)
    rows = [
        (f"`{field.encode_name}`", kind_of(field.type), _default(field), said[field.encode_name] or EMPTY)
        for field in msgspec.structs.fields(cls)
    ]
    return _table(("Key", "Type", "Default", "Meaning"), rows)


def kind_of(kind: Any) -> str:
    """A type in words: `text or null`, `list of text`, `one of a, b`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return kind_of(arguments[0])
    if origin is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(kind_of(part) for part in arguments)
    if origin in (list, tuple):
        return f"list of {kind_of(arguments[0])}"
    if origin is dict:
        return f"{kind_of(arguments[1])} by name"
    plain = {str: "text", int: "integer", float: "number", bool: "true or false", NoneType: "null"}
    return plain.get(kind) or (kind.__name__ if isinstance(kind, type) else str(kind))


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, msgspec.Struct):
        return "see there"
    return f"`{msgspec.json.encode(value).decode()}`"


def _kept(rows: Iterable[Row], old: str) -> list[Row]:
    """The rows with the last cell that each had before, by its first one."""
    before = {match[1].strip(): match[2].strip() for match in _ROW.finditer(old)}
    return [(*row, before.get(row[0], EMPTY)) for row in rows]


def _table(header: Row, rows: Iterable[Row]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _subclasses(cls: type[Any]) -> list[type[Any]]:
    return [found for child in cls.__subclasses__() for found in (child, *_subclasses(child))]


PARTS: dict[str, Callable[[str], str]] = {
    "commands": commands,
    "routes": routes,
    "statuses": statuses,
    "exit-codes": exit_codes,
    "records": records,
    "configuration": configuration,
    "agents": known_agents,
    "preset": preset_keys,
}
