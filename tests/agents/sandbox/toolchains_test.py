from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agents.sandbox.toolchains import toolchains
from tests.agents.sandbox.rooms import Room
from tests.conftest import Repo


def tool(path: Path, said: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {said}\n")
    path.chmod(0o755)
    return path


def test_a_virtual_environment_of_an_interpreter_elsewhere(room: Room, tmp_path: Path) -> None:
    venv = tmp_path / "v"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    said = room.said("python -c 'import sys, ssl, json; print(sys.prefix)'", PATH=f"{venv}/bin:/usr/bin:/bin")
    assert said == f"{venv}\n"


def test_the_repository_s_own_environment(room: Room, repo: Repo) -> None:
    tool(repo.path / ".venv/bin/mine", "own")
    (repo.path / "node_modules").mkdir()
    (repo.path / "node_modules" / "x").write_text("module")
    assert room.said(
        f"{repo.path}/.venv/bin/mine; cat {repo.path}/node_modules/x; ls {repo.path}/calc.py"
    ) == (f"own\nmodulels: cannot access '{repo.path}/calc.py': No such file or directory\n")


def test_links_in_path_are_followed_to_their_toolchain(tmp_path: Path) -> None:
    tool(tmp_path / "apps/x/versions/2/x", "x")
    tool(tmp_path / "sdk/bin/y", "y")
    (tmp_path / "sdk/lib").mkdir()
    folder = tmp_path / "home/bin"
    folder.mkdir(parents=True)
    (folder / "x").symlink_to(tmp_path / "apps/x/versions/2/x")
    (folder / "y").symlink_to("../../sdk/bin/y")
    found = toolchains({"PATH": str(folder), "HOME": str(tmp_path / "home")}, None, set())
    assert {folder, tmp_path / "apps/x/versions/2", tmp_path / "sdk"} <= set(found)


def test_places_that_may_not_be_looked_at_are_left_out(tmp_path: Path) -> None:
    """As root's home in the PATH that `su` leaves. Root may look there, but not at a name that is too long."""
    mine, refused = tool(tmp_path / "bin/x", "x").parent, Path("/") / ("x" * 300) / "bin"
    (mine / "link").symlink_to(refused / "y")
    env = {"PATH": f"{refused}:{mine}", "HOME": str(tmp_path), "GOPATH": str(refused)}
    assert mine in toolchains(env, None, set())


def test_nothing_is_taken_whole_that_holds_the_home_or_the_repository(tmp_path: Path) -> None:
    home, common = tmp_path / "home", tmp_path / "work/repo/.git"
    for path in (
        home / "lib",
        home / "bin",
        common,
        tmp_path / "work/lib",
        tmp_path / "work/bin",
        home / ".local/lib",
    ):
        path.mkdir(parents=True)
    (home / ".local/bin").mkdir()
    places = (home / "bin", home, tmp_path / "work/bin", home / ".local/bin", Path("/"))
    env = {"PATH": ":".join(map(str, places)), "HOME": str(home), "VIRTUAL_ENV": str(home), "GOPATH": "/"}
    found = toolchains(env, None, {common})
    assert not {home, tmp_path / "work", home / ".local", Path("/")} & set(found)
    assert {home / "bin", tmp_path / "work/bin", home / ".local/bin", home / ".local/lib"} <= set(found)
