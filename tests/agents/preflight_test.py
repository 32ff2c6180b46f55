"""What is wrong with a run is said before anything of it is recorded."""

from __future__ import annotations

import pytest

from tests.conftest import Refactory, Repo

MINE = "coder:\n  backend: command\n  preset: mine\npresets:\n  mine:\n    arguments: []\n"


@pytest.mark.parametrize(
    ("code", "config", "options", "said"),
    [
        (2, "", ("--from", "-"), "depends on"),
        (2, "", ("--target-branch", "a..b"), "no branch name"),
        (3, "", ("--target-branch", "nowhere"), "no branch 'nowhere'"),
        (3, "", ("--remote", "nowhere"), "no remote 'nowhere'"),
        (2, "", ("--push-target",), "--push-target goes with --as push"),
        (2, "coder:\n  backend: command\n  preset: codxe\n", (), "no preset is called 'codxe'"),
        (2, "coder:\n  backend: command\n", (), "neither coder.preset nor coder.command is set"),
        (2, MINE + "    program: no-such-program\n", (), "there is no program no-such-program here"),
        (2, MINE + "    program: sh\n    errors: ['(']\n", (), "is no regular expression"),
        (2, "agents: many\n", (), "agents"),
        (2, "model:\n  baseUrl: localhost:8080\n", (), "it looks like http://127.0.0.1:8080/v1"),
    ],
)
def test_nothing_is_recorded(
    repo: Repo, refactory: Refactory, code: int, config: str, options: tuple[str, ...], said: str
) -> None:
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write(config)
    done = refactory.run("run", "--title", "T", *options, input="## One\ndepends on: 7\n")
    assert (done.code, said in done.err) == (code, True), done.err
    assert not list((repo.path / ".refactory").glob("requests/*.yaml"))


def test_a_detached_head_is_no_branch_to_land_on(repo: Repo, refactory: Refactory) -> None:
    repo.git("checkout", "-q", "--detach")
    done = refactory.run("run", "--title", "T")
    assert (done.code, "HEAD is detached" in done.err) == (2, True)
    assert not list((repo.path / ".refactory").glob("requests/*.yaml"))
    refactory.ok("run", "--title", "T", "--until", "plan")
