"""How a result leaves the program: text, or one JSON or YAML envelope whose keys never change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import click

from state.errors import RefactoryError, outcome

FORMATS = ("text", "json", "yaml", "ids")
VERSION = 1


def envelope(command: str, data: Any, errors: Sequence[RefactoryError]) -> dict[str, Any]:
    """The keys are pinned by tests/commands/envelope_test.py: scripts rely on them."""
    from commands._view import view

    return {
        "version": VERSION,
        "command": command,
        "status": "error" if errors else "ok",
        "data": view(data),
        "errors": [{"code": e.code, "message": e.message, "hint": e.hint or None} for e in errors],
    }


def show(command: str, result: Any, text: str, form: str, exit_code: int = 0) -> None:
    if form == "text":
        if text:
            click.echo(text)
    elif form == "ids":
        from commands._view import view

        for number in ids(view(result)):
            click.echo(str(number))
    else:
        errors = [outcome(exit_code)] if exit_code else []
        click.echo(encoded(envelope(command, result, errors), form))
    if form in ("text", "ids"):
        _tell_rest(result)


def encoded(value: dict[str, Any], form: str) -> str:
    import json

    from commands._text import CONTROL

    if form == "yaml":
        from state.yaml_codec import dump

        # A byte of a file's name that is no text can't be written in YAML in any way.
        text = json.dumps(value, ensure_ascii=False).encode(errors="replace")
        return dump(json.loads(text)).decode().rstrip("\n")
    # What JSON lets through and a terminal obeys: C1 controls, marks that reorder text.
    escapes = {code: f"\\u{code:04x}" for code in CONTROL}
    return json.dumps(value, ensure_ascii=False, indent=2).translate(escapes)


def ids(data: Any, shared: Collection[int] = ()) -> list[int | str]:
    """The record's own number, those of a list, or of the first that a result of several parts has.

    The key, where the result says that the number is `shared` by several records.
    """
    if isinstance(data, list):
        return [number for item in data for number in ids(item, shared)]
    if isinstance(data, dict):
        if "id" in data:
            return [data["key"] if data["id"] in shared else data["id"]]
        inner = data.get("shared") or ()
        return next(filter(None, (ids(part, inner) for part in data.values())), [])
    return []


def _tell_rest(result: Any) -> None:
    """Of a list that was cut, where neither text nor ids could show it."""
    total, items = getattr(result, "total", None), getattr(result, "items", None)
    if isinstance(total, int) and isinstance(items, list) and len(items) < total:
        note = f"refactory: {len(items)} of {total}; --limit and --offset show the others"
        click.echo(note, err=True)
