from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.api_server import Answer, Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("openapi")) as server:
        yield server


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    document: dict[str, Any] = server.ask("GET", "/openapi.json").json
    return document


def test_the_documented_paths(document: dict[str, Any]) -> None:
    found = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert found >= {
        "POST /requests",
        "GET /requests",
        "GET /requests/{id}",
        "POST /requests/{id}/plans",
        "GET /plans/{id}",
        "POST /plans/{id}/orchestrate",
        "GET /orchestrations/{id}",
        "GET /tasks",
        "GET /tasks/{id}",
        "POST /agents/{agentName}/prs",
        "GET /openapi.json",
        "GET /healthz",
    }


def test_it_is_sound(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    references = set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", repr(document)))
    assert references <= set(document["components"]["schemas"])
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for operation in operations)


def test_every_path_parameter_is_declared(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))


def check(document: dict[str, Any], method: str, path: str, answer: Answer) -> None:
    """The answer is one that the description says `path` (as it is written there) has."""
    responses = document["paths"][path][method.lower()]["responses"]
    response = responses.get(str(answer.status), responses["default"])
    schema = response["content"][answer.headers["Content-Type"]]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json)


def test_answers_are_as_described(server: Server, document: dict[str, Any]) -> None:
    made = server.ask("POST", "/requests", {"title": "x", "description": "- [ ] one\n- [ ] two\n"})
    check(document, "POST", "/requests", made)
    assert made.status == 201
    number = made.json["id"]
    check(document, "GET", "/requests", server.ask("GET", "/requests"))
    check(document, "GET", "/requests/{id}", server.ask("GET", f"/requests/{number}"))
    check(document, "GET", "/requests/{id}", server.ask("GET", "/requests/999"))
    check(document, "POST", "/requests", server.ask("POST", "/requests", {}))
    check(document, "GET", "/tasks", server.ask("GET", "/tasks"))
    check(document, "GET", "/healthz", server.ask("GET", "/healthz"))
    check(document, "GET", "/openapi.json", server.ask("GET", "/openapi.json"))


def test_records_are_described_with_the_keys_that_views_add(document: dict[str, Any]) -> None:
    task = document["components"]["schemas"]["Task"]
    assert set(task["required"]) == set(task["properties"])
    assert task["properties"]["planId"]["type"] == "integer"
    assert task["properties"]["orchestrationId"]["type"] == ["integer", "null"]
    assert task["properties"]["id"]["type"] == "integer"


def test_a_plan_s_answers(server: Server, document: dict[str, Any]) -> None:
    made = server.ask("POST", "/requests", {"title": "plan me", "description": "- [ ] one\n- [ ] two\n"})
    plan = server.ask("POST", f"/requests/{made.json['id']}/plans", {})
    check(document, "POST", "/requests/{id}/plans", plan)
    assert plan.status == 201, plan.json
    shown = server.ask("GET", plan.headers["Location"])
    check(document, "GET", "/plans/{id}", shown)
    check(document, "GET", "/tasks", server.ask("GET", f"/tasks?planId={plan.json['id']}"))
