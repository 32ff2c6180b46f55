"""One record, one YAML file: what a record looks like on disk, and which bytes are no record."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from state.canonical import load
from state.keys import is_key
from state.migrations import Newer, migrated
from state.records import Record
from state.yaml_codec import dump

T = TypeVar("T", bound=msgspec.Struct)
R = TypeVar("R", bound=Record)


def encode(record: Record) -> bytes:
    """Canonical YAML. Fields that hold their default are left out: fewer lines, fewer conflicts."""
    return header(type(record)) + dump(_without_defaults(record))


def decode(cls: type[R], data: bytes, where: str, key: str) -> R:
    record = parse(cls, data, where)
    if record.key != key or not is_key(key):
        from state.mismatch import wrong_key

        raise wrong_key(record.key, key, data, where)
    return record


def parse(cls: type[T], data: bytes, where: str) -> T:
    """The record or the configuration in `data`, whose version may be an older one."""
    value = load(data, where, header(cls))
    try:
        value = migrated(kind(cls), value)
        record = msgspec.convert(value, cls)
    except Newer as error:
        from state.mismatch import newer

        raise newer(error, data, where) from None
    except msgspec.ValidationError as error:
        from state.mismatch import mismatch

        raise mismatch(error, cls, value, data, where) from None
    if path := _unknown(cls, value):
        from state.mismatch import unknown_key

        raise unknown_key(cls, path, data, where)
    return record


def kind(cls: type[msgspec.Struct]) -> str:
    """`task`, `config`: what its schema is called."""
    return cls.__name__.lower()


@cache
def header(cls: type[msgspec.Struct]) -> bytes:
    """A comment that tells editors which schema the file follows. A file without it is read just the same."""
    folder = "../schemas" if issubclass(cls, Record) else "schemas"
    return f"# yaml-language-server: $schema={folder}/{kind(cls)}.json\n".encode()


@cache
def fields(cls: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Remembered, as msgspec resolves all annotations anew each time, which takes longer than to write a record."""
    return msgspec.structs.fields(cls)


def default(field: msgspec.structs.FieldInfo) -> Any:
    """What the field holds where a file says nothing."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _without_defaults(struct: msgspec.Struct) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field in fields(type(struct)):
        value = getattr(struct, field.name)
        if value == default(field) and field.name != "version":
            continue
        out[field.encode_name] = _plain(value)
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _without_defaults(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _unknown(cls: type[msgspec.Struct], value: dict[str, Any]) -> list[str | int]:
    """The path of a key that the type does not have: msgspec ignores it, as answers of the API have more."""
    names, parts = _keys(cls)
    if not value.keys() <= names:
        return [next(name for name in value if name not in names)]
    for name, (part, named) in parts.items():
        for steps, item in _items(value.get(name), named):
            if path := _unknown(part, item):
                return [name, *steps, *path]
    return []


def _items(value: Any, named: bool) -> Iterator[tuple[list[str | int], Any]]:
    """What has keys, and where it is: in a list, under names, or alone."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield [index], item
    elif isinstance(value, dict) and named:
        for name, item in value.items():
            yield [name], item
    elif isinstance(value, dict):
        yield [], value


@cache
def _keys(cls: type[msgspec.Struct]) -> tuple[frozenset[str], dict[str, tuple[type[msgspec.Struct], bool]]]:
    """The keys of a type, and the types of what lies in them and has keys itself: alone, in a list, under names."""
    found = {field.encode_name: field.type for field in fields(cls)}
    parts = {name: (part, get_origin(hint) is dict) for name, hint in found.items() if (part := _part(hint))}
    return frozenset(found), parts


def _part(hint: Any) -> type[msgspec.Struct] | None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return next((found for argument in get_args(hint) if (found := _part(argument))), None)
