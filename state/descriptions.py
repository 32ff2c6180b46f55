"""What each key means, in one place: the text below its field in the source, for schemas and pages."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

import msgspec


def descriptions(cls: type[msgspec.Struct]) -> dict[str, str]:
    """By the key in the file; links are as in docs/."""
    said: dict[str, str] = {}
    for kind in reversed(cls.__mro__):
        said |= _written(kind.__module__).get(kind.__name__, {}) if issubclass(kind, msgspec.Struct) else {}
    return {field.encode_name: said.get(field.name, "") for field in msgspec.structs.fields(cls)}


def structs(cls: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """It, and all that is in it."""
    yield cls
    for field in msgspec.structs.fields(cls):
        for kind in _named(field.type):
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                yield from structs(kind)


def _named(kind: Any) -> Iterator[Any]:
    yield kind
    for part in get_args(kind):
        yield from _named(part)


@cache
def _written(module: str) -> dict[str, dict[str, str]]:
    """By class and field: a string that follows a field (what editors take for its docstring, too)."""
    source = inspect.getsource(sys.modules[module])
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return {node.name: dict(_of_fields(node)) for node in classes}


def _of_fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for pair in zip(node.body, node.body[1:], strict=False):
        match pair:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, " ".join(said.split())
