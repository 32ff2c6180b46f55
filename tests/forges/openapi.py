"""GitHub's own description of its API: is a request one that it allows?

tests/data/github-openapi.json is an extract of npm's @octokit/openapi (MIT): the operations that we call, without what
they answer. tests/agents/forge/openapi_test.py compares it with the whole, and `REGENERATE=1` makes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

EXTRACT = Path(__file__).parents[1] / "data" / "github-openapi.json"
_PREFIX = "/api/v3"
_REPO = "/repos/{owner}/{repo}"
OPERATIONS = {
    f"{_REPO}/pulls": ("get", "post"),
    f"{_REPO}/pulls/{{pull_number}}": ("patch",),
    f"{_REPO}/pulls/{{pull_number}}/merge": ("put",),
    f"{_REPO}/pulls/{{pull_number}}/requested_reviewers": ("get", "post"),
    f"{_REPO}/pulls/{{pull_number}}/reviews": ("get",),
    f"{_REPO}/issues/{{issue_number}}": ("get",),
    f"{_REPO}/issues/{{issue_number}}/labels": ("post",),
    f"{_REPO}/issues/{{issue_number}}/comments": ("get", "post"),
    f"{_REPO}/issues/comments/{{comment_id}}": ("get", "patch"),
    f"{_REPO}/commits/{{ref}}/check-runs": ("get",),
    f"{_REPO}/commits/{{ref}}/status": ("get",),
}


def extract(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The operations above, and the components that they refer to."""
    paths = {
        path: {verb: _without_answers(whole["paths"][path][verb]) for verb in verbs}
        for path, verbs in OPERATIONS.items()
    }
    components: dict[str, Any] = {}
    _collect(paths, whole, components)
    kept = {key: whole[key] for key in ("openapi", "info", "servers")}
    return {**kept, "paths": paths, "components": components}


def _without_answers(operation: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: operation[key] for key in ("operationId", "parameters", "requestBody") if key in operation}
    return {**kept, "responses": {"default": {"description": "left out"}}}


def _collect(part: Any, whole: Mapping[str, Any], components: dict[str, Any]) -> None:
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _collect(one, whole, components)
    if isinstance(part, dict) and isinstance(ref := part.get("$ref"), str):
        _, _, kind, name = ref.split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = whole["components"][kind][name]
            _collect(components[kind][name], whole, components)


def violation(method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
    """What is wrong with the request; empty if nothing is."""
    from openapi_core.exceptions import OpenAPIError

    try:
        description().validate_request(_Request(method, target, headers, body))
    except OpenAPIError as error:
        return f"{method} {target}: {error} {error.__cause__ or ''}".strip()
    return ""


@cache
def description() -> Any:
    """Loading it takes longer than a test's time limit for an answer."""
    from openapi_core import OpenAPI

    return OpenAPI.from_dict(json.loads(EXTRACT.read_text(encoding="utf-8")))


class _Request:
    """As openapi-core wants it (openapi_core.protocols.Request)."""

    def __init__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        parts = urlsplit(target)
        self.host_url = "https://api.github.com"
        self.path = parts.path.removeprefix(_PREFIX)
        self.method = method.lower()
        self.body = body or None
        self.content_type = headers.get("Content-Type", "application/json").partition(";")[0]
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(parts.query)), header=Headers(list(headers.items()))
        )
