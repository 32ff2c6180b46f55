"""One record, one YAML file: what a record looks like on disk, and which bytes are no record."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec

from state.canonical import load
from state.errors import InvalidFile
from state.keys import is_key
from state.records import Record
from state.yaml_codec import dump

R = TypeVar("R", bound=Record)


def encode(record: Record) -> bytes:
    """Canonical YAML. Fields that hold their default are left out: fewer lines, fewer conflicts."""
    return dump(_without_defaults(record))


def decode(cls: type[R], data: bytes, where: str, key: str) -> R:
    value = load(data, where)
    _check_fields(cls, value, data, where)
    try:
        record = msgspec.convert(value, cls)
    except msgspec.ValidationError as error:
        raise InvalidFile(
            f"{where}{_line_of(error, data)}: {error}", "mend the file, or `git checkout` it"
        ) from None
    if record.key != key or not is_key(key):
        raise InvalidFile(f"{where}:1: holds the key {record.key!r}", "the key must be the file's name")
    return record


@cache
def fields(cls: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Remembered, as msgspec resolves all annotations anew each time, which takes longer than to write a record."""
    return msgspec.structs.fields(cls)


def _without_defaults(struct: msgspec.Struct) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field in fields(type(struct)):
        value = getattr(struct, field.name)
        if value == _default(field) and field.name != "version":
            continue
        out[field.encode_name] = _plain(value)
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _without_defaults(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _check_fields(cls: type[Record], value: dict[str, object], data: bytes, where: str) -> None:
    """msgspec ignores unknown keys (the API's views have more); a file must not have them."""
    known = {field.encode_name for field in fields(cls)}
    for name in value:
        if name not in known:
            line = _find_line(data, name)
            raise InvalidFile(
                f"{where}:{line}: unknown key {name!r}", f"known keys: {', '.join(sorted(known))}"
            )


def _line_of(error: msgspec.ValidationError, data: bytes) -> str:
    """msgspec names a path such as `$.state`; the file's line helps people more."""
    path = str(error).rpartition("at `$.")[2].partition("`")[0]
    name = path.partition(".")[0].partition("[")[0]
    return f":{_find_line(data, name)}" if name and "at `$." in str(error) else ":1"


def _find_line(data: bytes, name: str) -> int:
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.startswith(name.encode(errors="replace") + b":"):
            return number
    return 1
