"""Agents by preset, played by small scripts: what they say, leave behind and cost; real ones: real_agents_test.py."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.foreign.events import Listener
from agents.foreign.left_behind import tidy
from agents.foreign.preset import as_argument, filled, load, shipped
from agents.git.repository import Repository
from agents.model.errors import ModelAuthFailed
from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.processes.admission import admitted, free_mb, places_for
from agents.processes.inhabitants import inhabitants
from agents.workers.worker import Worker
from agents.worktrees.pool import Pool
from agents.worktrees.workspace import local
from commands._context import Context
from commands._ledger import OperationLedger
from state.preset import Events, Pick, Preset
from state.records import Pull, Request, Task
from state.store import Store
from tests.conftest import Refactory, Repo

Play = Callable[..., tuple[Task, Pull]]
USAGE = """echo '{"type": "usage", "in": 5, "out": 2, "model": "m-1"}'\n"""
PRESET = """presets:
  mine:
    program: ./agent.sh
    arguments: ["{options}"]
    noWalls: [open]
    walls: [walled]
    login: log in first
    events:
      message: [{where: {type: message}, take: [text]}]
      error: [{where: {type: error}, take: [text]}]
      model: [{where: {type: usage}, take: [model]}]
      inputTokens: [{where: {type: usage}, take: [in]}]
      outputTokens: [{where: {type: usage}, take: [out]}]
    errors: ["FATAL: .*"]
    leaves: [".mine*"]
    ignores: [".mine*"]
"""


@pytest.fixture
def play(repo: Repo, refactory: Refactory) -> Play:
    """A task, done by an agent that is this script, in the repository as `agent.sh`."""

    def run(
        script: str, scope: str = "", more: str = "", files: dict[str, str] | None = None
    ) -> tuple[Task, Pull]:
        repo.commit({"agent.sh": f"#!/bin/sh\n{script}", **(files or {})})
        repo.path.joinpath("agent.sh").chmod(0o755)
        repo.git("commit", "-qam", "mode")
        text = f"version: 1\nbudgets: {{attempts: 1}}\ncoder:\n  backend: command\n  preset: mine\n{more}{PRESET}"
        repo.write({".refactory/config.yaml": text})
        store = Store.open(refactory.folder)
        with store.transaction("test") as changes:
            request = changes.new(Request, title="T")
        made = plan(store, request.key, f"## One\n{scope}", "template")
        orchestrate(store, made.key, 1, "main", None, None)
        ledger = OperationLedger(Context(repo.path))
        Worker("coder-1", "coder", ledger, lambda _: local(store), repo.path).work(once=True)
        task = store.get(Task, made.tasks[0])
        return task, store.get(Pull, task.pulls[-1])

    return run


def changed(repo: Repo, task: Task) -> set[str]:
    return set(repo.git("diff", "--name-only", f"main..{task.commit}").split())


@pytest.mark.parametrize("name", shipped())
def test_each_shipped_preset_is_whole(name: str) -> None:
    preset = load(name)
    assert preset.about and preset.program
    assert preset.arguments is not None or preset.acp is not None
    assert name in ("command", "acp") or (preset.install and preset.login)


def test_what_an_agent_tells_is_recorded(play: Play, repo: Repo) -> None:
    task, pull = play(f"cat >task.txt; echo $1 >walls.txt; {USAGE}{USAGE}")
    assert task.state == "testing"
    assert changed(repo, task) == {"task.txt", "walls.txt"}
    assert "Task: One" in repo.show("task.txt", task.commit or "")
    assert pull.usage and (pull.usage.model, pull.usage.input_tokens, pull.usage.output_tokens) == (
        "m-1",
        10,
        4,
    )
    assert pull.usage.requests == 2
    walled = repo.show("walls.txt", task.commit or "")
    assert walled == ("walled" if pull.sandbox == "bwrap" else "open")


def test_arguments_and_variables_of_ones_own_are_passed(play: Play, repo: Repo) -> None:
    task, _ = play('echo "$MODE $*" >seen.txt', more="  arguments: [--fast]\n  env: {MODE: quiet}\n")
    assert repo.show("seen.txt", task.commit or "") in ("quiet walled --fast", "quiet open --fast")


def test_its_last_message_is_recorded_without_keys(
    play: Play, refactory: Refactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_AGENT_KEY", "quite-a-secret")
    said = """echo '{"type": "message", "text": "Done with '$MY_AGENT_KEY' and '$MINE' sk-0123456789abcdef0123."}'"""
    keys = "  passEnv: [MY_AGENT_KEY]\n  env: {MINE: another-secret}\n"
    task, pull = play(f"echo x >new.txt; {said}", more=keys)
    assert (task.state, pull.preset) == ("testing", "mine")
    assert pull.message == "Done with *** and *** ***."
    assert "It said: Done with ***" in refactory.ok("task:inspect", "1").out


def test_an_agent_that_changes_nothing_is_quoted(play: Play) -> None:
    task, pull = play("""echo '{"type": "message", "text": "All is well."}'; exit 0""")
    assert (task.state, pull.failure) == ("failed", "mine changed nothing\nAll is well.")
    assert pull.message == "All is well."


def test_a_refused_key_is_told_with_what_to_do(play: Play) -> None:
    with pytest.raises(ModelAuthFailed) as caught:
        play("""echo '{"type": "error", "text": "status 401 Unauthorized"}'; exit 0""")
    assert caught.value.message == "mine is not let in by its model: status 401 Unauthorized"
    assert caught.value.hint == "log in first"


def test_an_agent_that_is_refused_again_and_again_is_not_waited_for(play: Play) -> None:
    start = time.monotonic()
    with pytest.raises(ModelAuthFailed):
        play("echo FATAL: 401; echo FATAL: 401; sleep 60")
    assert time.monotonic() - start < 30


def test_work_that_was_begun_before_the_key_was_refused_is_kept(play: Play, repo: Repo) -> None:
    with pytest.raises(ModelAuthFailed):
        play("echo 1 >half.txt; echo FATAL: 401; echo FATAL: 401; sleep 60")
    (backup,) = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory/backup").split()
    assert repo.show("half.txt", backup) == "1"


def test_a_401_that_it_only_talks_about_is_no_refusal(play: Play) -> None:
    task, _ = play(
        """echo '{"type": "message", "text": "now answers 401 Unauthorized"}'; echo x >a.txt; exit 3"""
    )
    assert task.state == "testing"


def test_what_its_tooling_leaves_is_removed_and_nothing_else(play: Play, repo: Repo) -> None:
    script = "mkdir .mine.d; echo 1 >.mine.d/a; echo 2 >.mine.log; echo 3 >.minefield; echo '.mine*' >>.gitignore\n"
    task, _ = play(script + "echo x >a.txt", files={".minefield": "0\n", ".gitignore": "*.tmp\n"})
    assert changed(repo, task) == {"a.txt", ".minefield"}, "a file of the repository's own is its business"


def test_a_gitignore_that_the_task_is_about_is_left(play: Play, repo: Repo) -> None:
    task, _ = play("echo '.mine*' >.gitignore", scope="scope: .gitignore\n")
    assert changed(repo, task) == {".gitignore"}


def test_a_link_in_place_of_gitignore_leads_nowhere(play: Play, repo: Repo, tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    target.write_text("*.tmp\n.mine*\n")
    task, _ = play(
        f"rm .gitignore; ln -s {target} .gitignore; echo x >a.txt", files={".gitignore": "*.tmp\n"}
    )
    assert target.read_text() == "*.tmp\n.mine*\n"
    assert ".gitignore" in changed(repo, task)


def test_its_own_commits_are_folded_in(play: Play, repo: Repo) -> None:
    script = (
        "echo x >a.txt; git add a.txt; git -c user.name=x -c user.email=x@x commit -qm mine; echo y >b.txt"
    )
    task, _ = play(script)
    assert changed(repo, task) == {"a.txt", "b.txt"}
    assert "mine" not in repo.git("log", "--format=%s", task.commit or "").split()


@pytest.mark.parametrize("mode", ["none", "auto"])
def test_a_daemon_that_it_leaves_in_the_worktree_is_ended(play: Play, repo: Repo, mode: str) -> None:
    task, _ = play(
        "echo x >a.txt; setsid sh -c 'sleep 300 & sleep 300' >/dev/null 2>&1 &", more=f"sandbox: {mode}\n"
    )
    assert task.state == "testing"
    pool = Store.open(repo.path).location.cache / "worktrees"
    assert [pid for folder in pool.glob("*") for pid in inhabitants(folder)] == []


def test_a_missing_program_says_how_to_install_it(refactory: Refactory, repo: Repo) -> None:
    preset = "presets: {gone: {program: no-such-agent, arguments: [], install: get it somewhere}}\n"
    repo.write({".refactory/config.yaml": "coder: {backend: command, preset: gone}\n" + preset})
    done = refactory.run("run", "--title", "T", "--from", "-", input="## One\n")
    assert "gone: there is no program no-such-agent here" in done.err + done.out


def test_an_unknown_preset_names_the_known(refactory: Refactory, repo: Repo) -> None:
    repo.write({".refactory/config.yaml": "coder: {backend: command, preset: kodex}\n"})
    done = refactory.run("run", "--title", "T", "--from", "-", input="## One\n")
    assert "no preset is called 'kodex'" in done.err + done.out
    assert "codex" in done.err + done.out


def test_placeholders_are_replaced_and_braces_of_others_left() -> None:
    given = ["a", "{options}", "-m={model}", "{none}", 'x={name="{model}"}']
    assert filled(given, {"options": ["-x", "-y"], "model": "{options}"}) == [
        "a", "-x", "-y", "-m={options}", "{none}", 'x={name="{options}"}',
    ]  # fmt: skip


def test_a_task_too_long_for_an_argument_is_in_a_file() -> None:
    assert as_argument("short", Path("/t")) == "short"
    assert as_argument("é" * 60_000, Path("/t")).endswith("in the file /t")


def test_usage_is_found_in_one_document_and_under_stars(tmp_path: Path) -> None:
    events = Events(input_tokens=[Pick(take=["messages.*.usage.in"])], message=[Pick(take=["info.said"])])
    path = tmp_path / "traj.json"
    path.write_text('{"info": {"said": "done"},\n "messages": [{"usage": {"in": 3}}, {"x": 1}, {"usage": {"in": -4}},\n'
                    ' {"usage": {"in": 5}}, {"usage": {"in": true}}]}')  # fmt: skip
    told = Listener(Preset(program="x", events=events), tmp_path / "none").finish(path)
    assert (told.message, told.usage and told.usage.input_tokens) == ("done", 8)


def test_lines_are_read_as_they_come(tmp_path: Path) -> None:
    log = tmp_path / "log"
    listener = Listener(Preset(program="x", events=Events(error=[Pick(take=["error"])])), log)
    listener.look()
    for part in ('{"error": "on', 'e"}\n{"error":', ' "two"}', "\n[[[[[", "\n" + "[" * 100_000 + "\n"):
        with log.open("a") as file:
            file.write(part)
        listener.look()
    assert listener.finish().errors == ["one", "two"]


def test_a_long_line_that_comes_in_many_pieces_is_not_copied_for_each(tmp_path: Path) -> None:
    path = tmp_path / "log"
    listener = Listener(Preset(program="x", events=Events(error=[Pick(take=["error"])])), path)
    start = time.process_time()
    with path.open("ab", buffering=0) as log:
        for piece in (b'{"error": "', *[b"x" * 8192] * 2000, b'!"}\n'):
            log.write(piece)
            listener.look()
    assert time.process_time() - start < 2
    assert [error[-2:] for error in listener.finish().errors] == ["x!"]


def test_an_expression_that_never_ends_is_given_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("FATAL: first\n" + f"{'x' * 50}\n" * 50)
    listener = Listener(Preset(program="x", errors=["FATAL: .*", r"(?:(?:x|x)+)+\d"]), log)
    start = time.process_time()
    assert listener.finish().errors == ["FATAL: first"]
    assert time.process_time() - start < 1.5


def test_what_it_leaves_may_claim_to_be_larger_than_memory(tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.write_text('{"error": "one"}\n')
    os.truncate(events, 20 * 2**30)
    picked = Events(error=[Pick(take=["error"])])
    told = Listener(Preset(program="x", events=picked), tmp_path / "none").finish(events)
    assert told.errors == ["one"]


def test_what_is_left_everywhere_is_not_gits(repo: Repo, tmp_path: Path) -> None:
    git_dir = repo.path / ".git"
    pool = Pool(Repository(git_dir), tmp_path / "pool", git_dir / "refactory" / "git-lock")
    with pool.checkout(repo.git("rev-parse", "main")) as worktree:
        (worktree.path / "d" / "e").mkdir(parents=True)
        (worktree.path / "d" / "e" / "junk").write_text("x")
        tidy(worktree, Preset(program="x", leaves=["*", "**/junk"]), [])
        assert not worktree.snapshot().changed
        assert {path.name for path in worktree.path.iterdir()} == {".git", "calc.py", "tests"}


def test_only_as_many_run_at_once_as_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_mb()
    assert free and free > 100
    places_for.cache_clear()
    assert places_for(free // 2 - 50) in (1, 2, 3)
    assert places_for(10 * free) == 1, "one in any case"
    with admitted(10 * free, lambda: True):
        start = time.monotonic()
        waits = iter([True, False])
        with admitted(10 * free, lambda: next(waits)):
            assert time.monotonic() - start >= 0.5, "the second one waits, until nobody wants it"
