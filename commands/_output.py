"""How a result leaves the program: text, or one JSON or YAML envelope whose keys never change."""

from __future__ import annotations

from collections.abc import Sequence
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


def encoded(value: dict[str, Any], form: str) -> str:
    if form == "yaml":
        from state.yaml_codec import dump

        return dump(value).decode().rstrip("\n")
    import json

    return json.dumps(value, ensure_ascii=False, indent=2)


def ids(data: Any) -> list[int]:
    """The record's own number, those of a list, or of the first that a result of several parts has."""
    if isinstance(data, list):
        return [number for item in data for number in ids(item)]
    if isinstance(data, dict):
        return [data["id"]] if "id" in data else next(filter(None, map(ids, data.values())), [])
    return []
