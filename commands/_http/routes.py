"""The operations that the API shows: those of all command files that declare a route."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands._operation import Operation


@dataclass(frozen=True)
class Exposed:
    """`name` is the command file's: plan_create."""

    name: str
    summary: str
    operation: Operation[Any, Any]


def exposed() -> list[Exposed]:
    """Imports every command: for the server, not for the start of a command."""
    names = sorted(
        path.stem for path in Path(__file__).parents[1].glob("*.py") if not path.stem.startswith("_")
    )
    modules = [importlib.import_module(f"commands.{name}") for name in names]
    return [
        Exposed(name, (module.__doc__ or "").partition("\n")[0], module.OPERATION)
        for name, module in zip(names, modules, strict=True)
        if isinstance(getattr(module, "OPERATION", None), Operation) and module.OPERATION.path
    ]
