"""Each wall is attacked from inside."""

from __future__ import annotations

import os
from pathlib import Path

from agents.sandbox import for_agents, for_tests
from state.config import Sandbox as Settings
from tests.agents.sandbox.rooms import Room
from tests.conftest import Repo


def test_the_worktree_can_be_changed_and_nothing_else(room: Room, repo: Repo, tmp_path: Path) -> None:
    end = room(f"echo work >new.py; touch {tmp_path}/x {repo.path}/x /usr/x /etc/x /x; cat {tmp_path}/secret")
    assert (room.worktree.path / "new.py").read_text() == "work\n"
    assert end.sandbox == "bwrap"
    assert not [
        path for path in (tmp_path / "x", repo.path / "x", Path("/usr/x"), Path("/etc/x")) if path.exists()
    ]


def test_home_and_tmp_are_its_own_and_gone_afterwards(room: Room) -> None:
    home = Path(os.environ["HOME"])
    (home / "mine").write_text("x")
    assert room.said("ls -A ~ /tmp/; echo >~/theirs; echo >/tmp/theirs; ls ~/theirs").count("mine") == 0
    assert [path.name for path in home.iterdir()] == ["mine"]
    assert not Path("/tmp/theirs").exists()


def test_git_can_be_read_and_not_written(room: Room, repo: Repo) -> None:
    before = repo.git("for-each-ref")
    said = room.said(
        "git log --format=%s; git status --short; git commit --allow-empty -m x; git branch x; rm .git"
    )
    assert said.startswith("base\n")
    assert "Read-only file system" in said
    assert "rm: cannot remove '.git'" in said
    assert repo.git("for-each-ref") == before


def test_what_the_kernel_lets_root_change_is_read_only(room: Room) -> None:
    assert "Read-only" in room.said("cat /proc/sys/vm/swappiness >/proc/sys/vm/swappiness")
    assert room.said("grep CapEff /proc/self/status").split() == ["CapEff:", "0" * 16]


def test_processes_outside_can_not_be_seen_or_ended(room: Room) -> None:
    pids = room.said("ls /proc | grep -c '^[0-9]'; kill -9 -1").split()
    assert int(pids[0]) < 10
    assert room.said(f"kill {os.getpid()}; echo $?").endswith("1\n")


def test_what_is_named_is_there(room: Room, tmp_path: Path) -> None:
    home = Path(os.environ["HOME"])
    for name in (".codex/auth.json", ".codex/other", "state/x"):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(name)
    report = tmp_path / "report"
    report.mkdir()
    view = for_agents(
        room.worktree, room.settings, writable=[report], home=[".codex/auth.json"], home_writable=["state"]
    )
    end = room(
        f"cat ~/.codex/*; echo y >~/state/x; echo y >~/.codex/auth.json; echo y >{report}/y", sandbox=view
    )
    assert end.tail().startswith(".codex/auth.json")
    assert ".codex/other" not in end.tail()
    assert ((home / "state/x").read_text(), (report / "y").read_text()) == ("y\n", "y\n")
    assert (home / ".codex/auth.json").read_text() == ".codex/auth.json"


def test_the_configuration_binds_more(room: Room, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("there")
    settings = Settings(mode="bwrap", read_only=[str(tmp_path / "data"), "../gone"])
    assert room(f"cat {tmp_path}/data/x", sandbox=for_tests(room.worktree, settings)).tail() == "there"


def test_an_interpreter_that_is_hidden_is_named(room: Room, tmp_path: Path) -> None:
    interpreter = tmp_path / "odd" / "python"
    interpreter.parent.mkdir()
    interpreter.symlink_to("/bin/sh")
    script = room.worktree.path / "run"
    script.write_text(f"#!{interpreter}\necho hello\n")
    script.chmod(0o755)
    end = room("./run")
    assert end.exit_code in (126, 127)
    assert f"{interpreter} is not visible here; sandbox.readOnly" in end.tail()


def test_without_walls_it_runs_as_it_is(free_room: Room) -> None:
    free_room.settings = Settings(mode="none")
    assert free_room("cd ..; pwd").sandbox == "none"
