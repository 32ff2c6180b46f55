"""An issue of each forge becomes a request, once."""

from __future__ import annotations

from typing import cast

import pytest

from agents.forge.errors import ForgeGarbage
from agents.forge.protocol import Forge
from commands.request_import import RequestImport, run
from state.errors import NotFound, UsageError
from state.store import Store
from tests.conftest import Repo
from tests.forges.ready import configure
from tests.forges.server import ForgeServer
from tests.forges.state import NAME, OWNER, Issue, Pull


@pytest.fixture
def here(repo: Repo, store: Store, server: ForgeServer, forge: Forge) -> Store:
    """`forge`: for the token."""
    configure(repo, server.kind)
    repo.git("remote", "add", "origin", server.remote)
    server.state.issues[70] = Issue(70, "Add a\tthing ", "First line\r\n\r\n## One\r\n")
    return Store.open(repo.path)


def test_by_number_or_url_and_once(here: Store, server: ForgeServer) -> None:
    made = run(here, RequestImport(issue="70"))
    url = f"{server.url}/{OWNER}/{NAME}/{'-/' * (server.kind == 'gitlab')}issues/70"
    assert (made.new, made.request.title, made.request.issue) == (True, "Add a thing", url)
    assert made.request.description == "First line\n\n## One"
    again = run(here, RequestImport(issue=url))
    assert (again.new, again.request) == (False, made.request)


def test_what_is_none_is_refused(here: Store, server: ForgeServer) -> None:
    with pytest.raises(NotFound):
        run(here, RequestImport(issue="#71"))
    server.state.pulls.append(Pull(72, "h", "main", "T", "", False))
    with pytest.raises((UsageError, NotFound)):  # GitLab numbers them apart
        run(here, RequestImport(issue="72"))


def test_a_title_that_is_no_text_is_no_bug_of_ours(here: Store, server: ForgeServer) -> None:
    server.state.issues[70] = Issue(70, cast(str, None), None)
    with pytest.raises(ForgeGarbage, match="title"):
        run(here, RequestImport(issue="70"))
    server.state.issues[70] = Issue(70, "a\0b", "c\0d")
    made = run(here, RequestImport(issue="70")).request
    assert (made.title, made.description) == ("ab", "cd")


def test_the_comment_is_kept_up_to_date(server: ForgeServer, forge: Forge) -> None:
    server.state.issues[70] = Issue(70, "T", None)
    made = forge.add_comment(70, "one")
    assert forge.edit_comment(70, made.id, "two").url == made.url
    assert [(one.id, one.body) for one in forge.comments(70)] == [(made.id, "two")]
    assert made.url.startswith(server.url)
