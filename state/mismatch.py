"""Says where a file does not fit its type: line, column, key, what was expected and what stands there instead."""

from __future__ import annotations

import re
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from state.errors import InvalidFile
from state.migrations import Newer
from state.plural import plural
from state.yaml_codec import short
from state.yaml_reader import FIX, KeyPath, locate, place

_STEP = re.compile(r"\.(\w+)|\[(\d+)\]|(\[\.\.\.\])")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_TYPE = re.compile(r"Expected `[^`]*`(, got| [<>])|Invalid enum value")
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}


def mismatch(
    error: msgspec.ValidationError, cls: type[Any], value: object, data: bytes, where: str
) -> InvalidFile:
    """What msgspec found, in the words of the file."""
    reason, _, at = str(error).partition(" - at `$")
    path = _path(at, cls, value)
    if missing := _MISSING.match(reason):
        return _refused(data, where, path, f"the key {missing[1]!r} is missing", "add it")
    if unknown := _UNKNOWN.match(reason):
        return unknown_key(cls, [*path, unknown[1]], data, where)
    if not _TYPE.match(reason):
        return _refused(data, where, path, reason[0].lower() + reason[1:])
    expected, found = _words(_kind_at(cls, path)), _value_at(value, path)
    is_text = "text" in expected and isinstance(found, bool | int | float)
    hint = f'put it in double quotes: "{_shown(found)}"' if is_text else FIX
    return _refused(data, where, path, f"expected {expected}, found {_shown(found)}", hint)


def unknown_key(cls: type[Any], path: KeyPath, data: bytes, where: str) -> InvalidFile:
    known = sorted(field.encode_name for field in msgspec.structs.fields(_bare(_kind_at(cls, path[:-1]))))
    return _refused(data, where, path, "unknown key", f"known keys: {', '.join(known)}")


def wrong_key(found: str, key: str, data: bytes, where: str) -> InvalidFile:
    reason = f"expected the file's name, {key}, found {short(found)}"
    return _refused(data, where, ["key"], reason, "rename the file or correct the key")


def misfit(path: KeyPath, reason: str, data: bytes, where: str) -> InvalidFile:
    return _refused(data, where, path, reason)


def newer(error: Newer, data: bytes, where: str) -> InvalidFile:
    hint = "upgrade: pip install --upgrade refactory-orchestrator"
    return _refused(data, where, ["version"], str(error), hint)


def _refused(data: bytes, where: str, path: KeyPath, reason: str, hint: str = FIX) -> InvalidFile:
    return InvalidFile(f"{place(where, *locate(data, where, path), path)}: {reason}", hint)


def _path(at: str, cls: type[Any], value: object) -> list[str | int]:
    """msgspec's path as keys and indexes. It does not say under which name of a mapping: the first that fails."""
    path: list[str | int] = []
    for name, number, mapping in _STEP.findall(at):
        if mapping:
            kind = get_args(_bare(_kind_at(cls, path)))[-1]
            name = next(name for name, item in _value_at(value, path).items() if _fails(item, kind))
        path.append(int(number) if number else name)
    return path


def _fails(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return True
    return False


def _kind_at(kind: Any, path: KeyPath) -> Any:
    for part in path:
        kind = _bare(kind)
        if isinstance(part, int) or get_origin(kind) is dict:
            kind = get_args(kind)[-1]
        else:
            names = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
            kind = names[part]
    return kind


def _bare(kind: Any) -> Any:
    """Without its annotation and its null."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _bare(next(part for part in get_args(kind) if part is not NoneType))
    return kind


def _value_at(value: Any, path: KeyPath) -> Any:
    for part in path:
        value = value[part]
    return value


def in_words(error: msgspec.ValidationError, cls: type[Any], values: dict[str, Any]) -> tuple[str, str]:
    """The key that does not fit, and why, of what is not from a file."""
    reason, _, at = str(error).partition(" - at `$")
    path = _path(at, cls, values)
    if missing := _MISSING.match(reason):
        return ".".join(map(str, [*path, missing[1]])), "is missing"
    if unknown := _UNKNOWN.match(reason):
        return ".".join(map(str, [*path, unknown[1]])), "unknown key"
    if not path:
        return "", reason
    found = _value_at(values, path)
    shown = f"{len(found)} characters" if isinstance(found, str) and " length " in reason else _shown(found)
    return ".".join(map(str, path)), f"expected {expected(_kind_at(cls, path))}, found {shown}"


def expected(kind: Any) -> str:
    """What one may give; to leave it out is another matter."""
    return _words(kind).removesuffix(" or null")


def _words(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        said = [meta.extra["expected"] for meta in arguments[1:] if meta.extra and "expected" in meta.extra]
        return said[0] if said else _words(arguments[0]) + "".join(map(_range, arguments[1:]))
    if origin in (Union, UnionType):
        return " or ".join(map(_words, arguments))
    if origin is Literal:
        return ("one of " if len(arguments) > 1 else "") + ", ".join(map(str, arguments))
    return "a list" if origin is list else _WORDS.get(kind, "keys and values")


def _range(meta: msgspec.Meta) -> str:
    """Bounds in words."""
    if meta.max_length is not None:
        return f" of {meta.min_length or 0} to {meta.max_length} characters"
    if meta.min_length is not None:
        return f" of at least {plural(meta.min_length, 'character')}"
    if meta.le is None:
        return f" of at least {meta.ge}" if meta.ge is not None else ""
    return f" from {meta.ge} to {meta.le}" if meta.ge is not None else f" above {meta.gt}, up to {meta.le}"


def _shown(value: object) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "keys and values"
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    return short(value) if isinstance(value, str) else str(value)
