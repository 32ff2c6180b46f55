"""Acceptance 4: a test that hunts for secrets finds none."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from agents.sandbox import for_agents
from state.config import Sandbox
from tests.agents.sandbox.rooms import Room
from tests.conftest import Repo

CANARY = "canary-" + "5c0ffee5"
HUNT = r"""
import os, sys
word, found = ("canary-" + "5c0ffee5").encode(), set()

def look(path):
    try:
        if not os.path.isfile(path) and not path.startswith("/proc/"):
            return
        with open(path, "rb") as file:
            if word in file.read(1 << 20):
                found.add(path)
    except OSError:
        pass

if any(word.decode() in value for value in os.environ.values()):
    found.add("environment")
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline"):
        look(f"/proc/{pid}/{name}")
skipped = ("/proc", "/usr", "/sys", "/root/.pyenv", sys.prefix, sys.base_prefix)
for folder, folders, files in os.walk("/"):
    folders[:] = [one for one in folders if not os.path.join(folder, one).startswith(skipped)]
    for name in files:
        look(os.path.join(folder, name))
print("found", sorted(found))
"""


@pytest.fixture
def hidden(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canaries in the places where secrets are kept."""
    home = Path(os.environ["HOME"])
    places = [
        home / name
        for name in (".ssh/id_rsa", ".netrc", ".config/gh/hosts.yml", ".npmrc", ".cargo/credentials.toml")
    ]
    places += [
        repo.path / ".git/refactory/tokens/t",
        repo.path / ".git/refactory/logs/x.md",
        repo.path / ".git/hooks/x",
    ]
    places += [repo.path / ".env", repo.path / ".git/FETCH_HEAD", tmp_path / "elsewhere"]
    (home / ".cargo/bin").mkdir(parents=True)
    for path in places:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY)
    repo.git("remote", "add", "origin", f"https://user:{CANARY}@example.com/x.git")
    repo.git("config", "http.https://example.com/.extraheader", f"Authorization: {CANARY}")
    for name in ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "SOME_TOKEN", "HARMLESS_NAME"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{CANARY}@proxy")


@pytest.mark.usefixtures("hidden")
def test_tests_find_no_secret(room: Room) -> None:
    assert room.python(HUNT) == "found []\n"


@pytest.mark.usefixtures("hidden")
def test_the_hunt_finds_them_without_walls(free_room: Room) -> None:
    """So that the check above can fail: what walls hide, a process of the same user can read."""
    free_room.settings = Sandbox(mode="none")
    hunt = HUNT.replace('os.walk("/")', 'os.walk(os.environ["HOME"])')
    said = free_room.python(hunt)
    assert ".ssh/id_rsa" in said
    assert "'environment'" in said, "a proxy's password"
    assert "OPENAI" not in free_room.said("env")


@pytest.mark.usefixtures("hidden")
def test_agents_see_what_they_ask_for_and_no_more(room: Room) -> None:
    view = for_agents(room.worktree, room.settings, home=[".config/gh/hosts.yml"])
    end = room([sys.executable, "-c", HUNT], sandbox=view, VIRTUAL_ENV=sys.prefix)
    found = set(ast.literal_eval(end.tail().removeprefix("found ")))
    proxy = {"environment"} | {path for path in found if path.endswith("/environ")}
    assert found - proxy == {f"{os.environ['HOME']}/.config/gh/hosts.yml"}


@pytest.mark.usefixtures("hidden")
def test_a_whole_home_may_be_bound_and_its_secrets_stay_hidden(room: Room) -> None:
    room.settings = Sandbox(mode="bwrap", read_only=["~/"])
    (Path(os.environ["HOME"]) / "data").write_text("harmless")
    assert "harmless" in room.said("cat ~/data")
    assert room.python(HUNT) == "found []\n"
