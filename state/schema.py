"""JSON Schemas of the records and the configuration, for editors and for programs that write such files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from state.config import Config
from state.descriptions import descriptions, structs
from state.files import read_regular, unwritable
from state.migrations import current
from state.record_files import fields, kind
from state.records import KINDS, Record
from state.references import reference_fields

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = "schemas"
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")
_KEY = "^[1-9][0-9]{0,8}-[0-9a-z]{8}$"
_ALL: tuple[type[msgspec.Struct], ...] = (*KINDS, Config)
TYPES = {kind(cls): cls for cls in _ALL}

Schema = dict[str, Any]


def schema(name: str) -> Schema:
    """What a file of this kind may hold: `task`, `config`. As strict as the reader."""
    cls = TYPES[name]
    parts: dict[str, Schema] = msgspec.json.schema(cls)["$defs"]
    for struct in structs(cls):
        _describe(parts[struct.__name__], descriptions(struct))
    for part in parts.values():
        if "properties" in part:
            part["additionalProperties"] = False
    root = parts.pop(cls.__name__)
    said = root["properties"]["version"]["description"]
    root["properties"]["version"] = {"const": current(name), "default": 1, "description": said}
    if issubclass(cls, Record):
        _name_keys(cls, root["properties"])
    found = {"$schema": DIALECT, **root, **({"$defs": parts} if parts else {})}
    plain: Schema = msgspec.json.decode(msgspec.json.encode(found))  # a default may be a struct or a tuple
    return plain


def text(name: str) -> bytes:
    """The schema as it is written."""
    return msgspec.json.format(msgspec.json.encode(schema(name)), indent=2) + b"\n"


def write(records: Path) -> list[Path]:
    """Put the schemas into `.refactory/schemas/`, where the first line of each file points; says which changed."""
    changed = []
    try:
        (records / FOLDER).mkdir(parents=True, exist_ok=True)
        for name in TYPES:
            path = records / FOLDER / f"{name}.json"
            if not path.exists() or read_regular(path) != text(name):
                path.write_bytes(text(name))
                changed.append(path)
    except OSError as error:
        hint = "mend the cause, and run the command again: it writes what is missing"
        raise unwritable(error, records / FOLDER, hint) from None
    return changed


def _describe(part: Schema, said: dict[str, str]) -> None:
    for key, found in part["properties"].items():
        found["description"] = _LINK.sub(r"\1", said[key])


def _name_keys(cls: type[Record], properties: dict[str, Schema]) -> None:
    """References are whole keys, which the types don't say."""
    for field in fields(cls):
        if field.name == "key" or field.name in reference_fields(cls):
            for one in _texts(properties[field.encode_name]):
                one["pattern"] = _KEY


def _texts(found: Schema) -> list[Schema]:
    options: list[Schema] = found.get("anyOf", [found])
    return [option for option in options if option["type"] == "string"]
