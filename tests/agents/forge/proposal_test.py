"""Acceptance 20: one pull request, whatever happens on the way; each refusal has its own error."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from agents.forge.ci import wait_for_ci
from agents.forge.errors import (
    ForgeAuth,
    ForgeError,
    ForgeForbidden,
    ForgeGarbage,
    ForgeNotFound,
    ForgeProtected,
    ForgeRateLimited,
    ForgeRejected,
    ForgeUnavailable,
)
from agents.forge.proposal import dress, merge, propose
from agents.forge.protocol import Forge, Wanted
from state.config import Forge as Settings
from state.errors import UsageError
from tests.forges.ready import head
from tests.forges.server import Fault, ForgeServer
from tests.forges.state import TOKEN, Check

CREATE = r"POST .*/(pulls|merge_requests)"
LOOK = r"GET .*/(pulls|merge_requests)"
GREEN = [Check("build", "passed"), Check("lint", "passed", old=True)]


def test_it_is_opened_once_and_then_updated(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    first = propose(forge, wanted, settings)
    (pull,) = server.state.pulls
    assert (pull.head, pull.base, pull.title, pull.body) == (wanted.head, "main", "Title", "Body")
    assert (first.number, first.state, first.commit, first.draft) == (
        pull.number,
        "open",
        wanted.commit,
        False,
    )
    pull.title = "changed by hand"
    assert propose(forge, wanted, settings) == first
    assert [(one.number, one.title) for one in server.state.pulls] == [(first.number, "Title")]


def test_labels_reviewers_and_draft(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    draft = Wanted(wanted.head, wanted.base, wanted.commit, wanted.title, wanted.body, draft=True)
    first = propose(forge, draft, settings)
    dress(forge, first, ["bot", "refactor"], ["ann"], settings)
    second = propose(forge, wanted, settings)
    dress(forge, second, ["bot"], ["ann", "bob"], settings)
    (pull,) = server.state.pulls
    assert (pull.labels, sorted({*pull.reviewers})) == (["bot", "refactor"], ["ann", "bob"])
    assert (first.draft, second.draft, pull.draft, pull.title) == (True, True, True, "Title")


@pytest.mark.parametrize("server", ["forgejo"], indirect=True)  # the others take names
def test_a_label_beyond_the_first_page_is_not_made_again(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    server.state.labels = {f"label-{number}": number for number in range(45)}
    dress(forge, propose(forge, wanted, settings), ["label-44"], [], settings)
    assert server.state.labels["label-44"] == 44
    assert server.state.pulls[0].labels == ["label-44"]


@pytest.mark.parametrize("server", ["github", "forgejo"], indirect=True)  # GitLab keeps one who has reviewed
def test_who_was_asked_or_has_reviewed_is_left_in_peace(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    pull = propose(forge, wanted, settings)
    dress(forge, pull, [], ["ann", "acme/core"], settings)
    server.state.pulls[0].reviewers.remove("ann")
    server.state.pulls[0].reviewed.append("ann")
    dress(forge, pull, [], ["Ann", "acme/core"], settings)
    assert server.state.pulls[0].reviewers == ["acme/core"]
    assert server.count("POST .*/requested_reviewers") == 1


def test_a_reviewer_that_nobody_knows_is_said_with_what_is_open(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    pull = propose(forge, wanted, settings)
    with pytest.raises(ForgeError, match="is open, but not as it should be") as raised:
        dress(forge, pull, [], ["nobody"], settings)
    assert raised.value.exit_code in (3, 4)
    assert pull.url in raised.value.message


def test_a_time_out_after_creation_makes_no_second_one(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    server.faults = [Fault(CREATE, after=True, hang=3)]
    propose(forge, wanted, settings)
    assert (len(server.state.pulls), server.count(CREATE)) == (1, 1)


def test_a_lost_answer_or_a_502_after_creation_makes_no_second_one(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    server.faults = [Fault(CREATE, after=True), Fault(LOOK, status=502, body="<html>"), Fault(LOOK)]
    propose(forge, wanted, settings)
    assert (len(server.state.pulls), server.count(CREATE)) == (1, 1)


def test_a_list_that_lags_behind_makes_no_second_one(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    propose(forge, wanted, settings)
    server.faults = [
        Fault(LOOK, status=200, body=[]),
        Fault(f"{LOOK}/main/.*", 404, body={"message": "not found"}),
    ]
    propose(forge, wanted, settings)
    assert (len(server.state.pulls), server.count(CREATE)) == (1, 2)


def test_retry_after_is_honoured(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    status = 403 if server.kind == "github" else 429
    server.faults = [Fault(CREATE, status, {"Retry-After": "1"}, {"message": "slow down"})]
    propose(forge, wanted, settings)
    asked = [one.at for one in server.seen if one.method == "POST"]
    assert (len(server.state.pulls), len(asked)) == (1, 2)
    assert 1.0 <= asked[1] - asked[0] < 4


@pytest.mark.parametrize(
    "headers",
    [{"Retry-After": "3600"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}],
)
def test_a_wait_beyond_our_patience_is_not_begun(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings, headers: dict[str, str]
) -> None:
    server.faults = [Fault(LOOK, 429, headers, {"message": "Too many"}, times=9)]
    with pytest.raises(ForgeRateLimited, match="asks to wait") as raised:
        propose(forge, wanted, settings)
    assert raised.value.exit_code == 8
    assert len(server.seen) == 1


REFUSALS: list[tuple[int, object, type[ForgeError], int]] = [
    (401, {"message": "Bad credentials"}, ForgeAuth, 4),
    (403, {"message": "Resource not accessible by integration"}, ForgeForbidden, 4),
    (404, {"message": "Not Found"}, ForgeNotFound, 3),
    (422, {"message": "Validation Failed", "errors": [{"message": "no commits between"}]}, ForgeRejected, 4),
    (200, "<html>a proxy's page</html>", ForgeGarbage, 8),
    (200, {"not": "what was asked for"}, ForgeGarbage, 8),
]


@pytest.mark.parametrize(("status", "body", "error", "code"), REFUSALS)
def test_each_refusal_has_its_error(
    server: ForgeServer,
    forge: Forge,
    wanted: Wanted,
    settings: Settings,
    status: int,
    body: object,
    error: type[ForgeError],
    code: int,
) -> None:
    server.faults = [Fault(CREATE, status, body=body)]
    with pytest.raises(error) as raised:
        propose(forge, wanted, settings)
    assert raised.value.exit_code == code
    assert server.url in raised.value.message
    assert TOKEN not in raised.value.message
    assert (server.count(CREATE), server.state.pulls) == (1, [])


def test_a_redirected_change_is_not_followed_blindly(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    server.faults = [Fault(CREATE, 301, {"Location": f"{server.url}/elsewhere"})]
    with pytest.raises(ForgeError, match=r"redirected to|answered 404"):
        propose(forge, wanted, settings)
    assert server.state.pulls == []
    server.invalid.clear()  # PyGithub follows, with the same request, to this same host only


def test_a_forge_that_stays_broken_is_given_up(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    server.faults = [Fault(LOOK, 503, body={"message": "down"}, times=1000)]
    with pytest.raises(ForgeUnavailable, match="answered 503"):
        propose(forge, wanted, replace(settings, patience=0.3))
    assert 2 <= len(server.seen) < 50


def test_a_forge_that_is_not_there_is_given_up(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    server.close()
    with pytest.raises(ForgeUnavailable, match="Connection refused"):
        propose(forge, wanted, replace(settings, patience=0.1))


def test_ci_is_waited_for(server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings) -> None:
    server.state.checks = [[], [Check("build", "pending")], [Check("build", "pending"), GREEN[1]], GREEN]
    assert wait_for_ci(forge, wanted.commit, settings).state == "passed"
    server.state.checks = [
        [Check("build", "pending"), Check("lint", "pending")],
        [Check("build", "failed"), GREEN[1]],
    ]
    verdict = wait_for_ci(forge, wanted.commit, settings)
    assert verdict.state == "failed"
    assert len(verdict.failed) == 1
    server.state.checks = [[]]
    assert wait_for_ci(forge, wanted.commit, replace(settings, ci_start_seconds=0.1)).state == "none"
    server.state.checks = [[Check("build", "pending")]]
    assert wait_for_ci(forge, wanted.commit, replace(settings, ci_seconds=0.1)).state == "pending"


def test_the_merge_is_of_this_commit_and_once(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    pull = propose(forge, wanted, settings)
    server.faults = [Fault(r"(PUT|POST) .*/merge", after=True)]
    merge(forge, pull, wanted, settings)
    assert head(server.state.repository, "main") == wanted.commit
    assert server.count(r"(PUT|POST) .*/merge") == 1
    assert propose(forge, wanted, settings).state == "merged"


def test_a_head_that_moved_is_not_merged(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    pull = propose(forge, wanted, settings)
    old = Wanted(wanted.head, "main", "0" * 40, "Title", "Body")
    with pytest.raises(ForgeRejected, match="is open and not merged"):
        merge(forge, pull, old, settings)


def test_a_rule_that_forbids_the_merge_is_named(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    pull = propose(forge, wanted, settings)
    server.state.protected = "At least 1 approving review is required"
    with pytest.raises(
        ForgeProtected, match=r"is open and not merged: .*approving review is required"
    ) as raised:
        merge(forge, pull, wanted, settings)
    assert raised.value.exit_code == 4


def test_one_that_was_closed_by_hand_stays_closed(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    propose(forge, wanted, settings)
    server.state.pulls[0].state = "closed"
    propose(forge, wanted, settings)
    assert [pull.state for pull in server.state.pulls] == ["closed", "open"]


def test_a_missing_library_or_token_is_said(
    server: ForgeServer, connected: Callable[[], Forge], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*sys.modules]:
        if name.startswith(("agents.forge.git", "agents.forge.forgejo", "agents.forge.session")):
            monkeypatch.delitem(sys.modules, name)
    for name in ("github", "gitlab", "requests"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match="not installed") as raised:
        connected()
    assert f"refactory-orchestrator[{server.kind}]" in raised.value.hint
    monkeypatch.delenv("FORGE_TEST_TOKEN")
    with pytest.raises(UsageError, match="no token for") as raised:
        connected()
    assert "FORGE_TEST_TOKEN" in raised.value.hint


def test_green_is_believed_when_it_stays(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    server.state.checks = [[Check("lint", "passed")], [Check("lint", "passed"), Check("slow", "failed")]]
    assert wait_for_ci(forge, wanted.commit, settings).state == "failed"


def test_a_check_beyond_the_first_page_counts(
    server: ForgeServer, forge: Forge, wanted: Wanted, settings: Settings
) -> None:
    server.state.checks = [
        [*(Check(f"c{n}", "passed", old=True) for n in range(60)), Check("z", "failed", old=True)]
    ]
    assert wait_for_ci(forge, wanted.commit, settings).state == "failed"
