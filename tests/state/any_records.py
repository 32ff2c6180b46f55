"""Hypothesis strategies for every type of record, made from the types themselves."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from state.keys import new_key
from state.records import KINDS, Record
from state.references import reference_fields
from tests.state.odd_values import ODD_TEXTS, TEXT

KEYS = st.integers(1, 999_999_999).map(new_key)
TEXTS = TEXT | st.sampled_from(ODD_TEXTS)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    NoneType: st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """What a field of this type may hold."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return numbers(*arguments)
    if origin in (Union, UnionType):
        return st.one_of(*map(values, arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(values(arguments[0]), max_size=3)
    return _PLAIN[kind] if kind in _PLAIN else structs(kind)


def numbers(kind: Any, meta: msgspec.Meta) -> st.SearchStrategy[Any]:
    if kind is int:
        return st.integers(meta.ge, meta.le)
    least = meta.gt if meta.gt is not None else meta.ge
    return st.floats(least, meta.le, exclude_min=meta.gt is not None)


def structs(cls: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    given = {field.name: values(field.type) for field in msgspec.structs.fields(cls)}
    if issubclass(cls, Record):
        given["version"] = st.just(1)
        given |= dict.fromkeys(("key", *reference_fields(cls)), KEYS)
    return st.builds(cls, **given)


RECORDS = st.one_of(*map(structs, KINDS))
