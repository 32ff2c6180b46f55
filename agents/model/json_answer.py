"""Finds the JSON object in what a model wrote around it."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from agents.model.errors import ModelGarbage

# An answer of a million braces must not cost a million attempts.
_MAX_STARTS = 200


def first_object(text: str) -> dict[str, Any]:
    """The first JSON object in the text, whether bare, fenced, or after some words."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    for number, start in enumerate(re.finditer(r"\{", text)):
        if number == _MAX_STARTS:
            break
        try:
            found: dict[str, Any] = decoder.raw_decode(text, start.start())[0]
        except (ValueError, RecursionError):
            continue
        return found
    raise ModelGarbage(
        "the model answered without a JSON object", "another model may follow the schema better"
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
