"""What GitHub really answered, as npm's @octokit/fixtures recorded it, headers included."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.forge.errors import ForgeNotFound, ForgeRejected
from agents.forge.protocol import Check, Forge, Wanted
from tests.agents.forge.openapi_test import installed
from tests.forges.server import Fault, ForgeServer

pytestmark = pytest.mark.slow
ONLY_GITHUB = pytest.mark.parametrize("server", ["github"], indirect=True)
LENGTH = {"content-length", "connection", "transfer-encoding", "content-encoding", "content-type", "location"}


def recorded(scenario: str, where: str, status: int, answers: str) -> Fault:
    """The recording whose request is `where`, as the answer to ours: `answers`."""
    path = installed("fixtures") / "scenarios" / "api.github.com" / scenario / "normalized-fixture.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    one = next(
        one
        for one in found
        if f"{one['method']} {one['path'].rpartition('/')[2]}" == where and one["status"] == status
    )
    headers = {name: str(value) for name, value in one["headers"].items() if name not in LENGTH}
    return Fault(answers, status, {**headers, "Content-Type": "application/json"}, one["response"])


@ONLY_GITHUB
def test_an_issue(server: ForgeServer, forge: Forge) -> None:
    server.faults = [recorded("add-labels-to-issue", "post issues", 201, "GET .*/issues/1")]
    server.faults[0].status = 200
    issue = forge.issue(1)
    assert (issue.number, issue.title) == (1, "Issue without a label")
    assert issue.url == "https://github.com/octokit-fixture-org/add-labels-to-issue/issues/1"


@ONLY_GITHUB
def test_labels(server: ForgeServer, forge: Forge) -> None:
    server.faults = [recorded("add-labels-to-issue", "post labels", 200, "POST .*/labels")]
    forge.label(1, ["Foo", "bAr", "baZ"])


@ONLY_GITHUB
def test_statuses(server: ForgeServer, forge: Forge, wanted: Wanted) -> None:
    """The newest of each context counts, as GitHub has it in the combined status."""
    server.faults = [recorded("create-status", "get status", 200, "GET .*/status")]
    assert [check.state for check in forge.checks(wanted.commit)] == ["failed", "passed"]
    assert all(isinstance(check, Check) and check.name for check in forge.checks(wanted.commit))


@ONLY_GITHUB
def test_a_validation_error(server: ForgeServer, forge: Forge, wanted: Wanted) -> None:
    server.faults = [recorded("errors", "post labels", 422, "POST .*/pulls")]
    with pytest.raises(ForgeRejected, match="answered 422: Validation Failed: Label color invalid"):
        forge.create(wanted)


@ONLY_GITHUB
def test_not_found(server: ForgeServer, forge: Forge) -> None:
    server.faults = [recorded("branch-protection", "get protection", 404, "GET .*/issues/1")]
    with pytest.raises(ForgeNotFound, match="Branch not protected"):
        forge.issue(1)


@ONLY_GITHUB
def test_a_renamed_repository_is_followed(server: ForgeServer, forge: Forge) -> None:
    moved = recorded("rename-repository", "get rename-repository", 301, "GET .*/issues/1")
    issue = recorded("add-labels-to-issue", "post issues", 201, "GET /api/v3/repositories/1000")
    moved.headers = {**moved.headers, "Location": f"{server.url}/api/v3/repositories/1000"}
    issue.status = 200
    server.faults = [moved, issue]
    assert forge.issue(1).number == 1
    server.invalid.clear()  # the new address is an answer's, not ours
