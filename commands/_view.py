"""Records as users see them in JSON: with the number they type, and the numbers of what they refer to."""

from __future__ import annotations

from typing import Any

import msgspec

from state.keys import number_of
from state.record_files import fields
from state.records import Record
from state.references import reference_fields


def view(value: Any) -> Any:
    """Plain values for JSON. `plan: 1-k3f9q2mx` is joined by `planId: 1`."""
    if isinstance(value, msgspec.Struct):
        return _struct(value)
    if isinstance(value, (list, tuple)):
        return [view(item) for item in value]
    if isinstance(value, dict):
        return {key: view(item) for key, item in value.items()}
    return msgspec.to_builtins(value)


def _struct(value: msgspec.Struct) -> dict[str, Any]:
    out: dict[str, Any] = {"id": number_of(value.key)} if isinstance(value, Record) else {}
    references = reference_fields(type(value)) if isinstance(value, Record) else ()
    for field in fields(type(value)):
        item = getattr(value, field.name)
        if item is msgspec.UNSET:
            continue
        if field.name in references:
            out[f"{field.encode_name}Id"] = None if item is None else number_of(item)
        out[field.encode_name] = view(item)
    return out
