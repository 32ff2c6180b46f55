from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from agents.sandbox.run import Finished, Limits, run
from state.errors import WorkFailed

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        with open(sys.argv[1], "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
while not (os.path.exists(sys.argv[1]) and os.path.getsize(sys.argv[1])):
    time.sleep(0.01)
"""


class Runner:
    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.env = {"PATH": os.environ["PATH"]}

    def __call__(self, argv: list[str] | str, **options: object) -> Finished:
        options = {"cwd": self.cwd, "env": self.env, "log": self.cwd / "log", **options}
        return run(argv, **options)  # type: ignore[arg-type]


@pytest.fixture
def start(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def python(code: str, *args: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, args)]


def gone(pid: int) -> bool:
    """Dead; its zombie may still wait for its new parent."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def test_output_exit_code_and_place(start: Runner, tmp_path: Path) -> None:
    end = start("echo out; echo err >&2; pwd; exit 3")
    assert (end.exit_code, end.stopped, end.output_truncated) == (3, None, False)
    assert end.output_path.read_text().split() == ["out", "err", str(tmp_path)]
    assert end.tail(4) == str(tmp_path)[-3:] + "\n"


def test_arguments_are_not_split_or_expanded(start: Runner) -> None:
    assert start(["printf", "%s|", "a b", "$HOME", "*", ""]).tail() == "a b|$HOME|*||"


def test_the_environment_is_what_was_given(start: Runner) -> None:
    start.env = {"ONLY": "this"}
    names = start(python("import os; print(*os.environ)")).tail().split()
    assert set(names) - {"PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE"} == {"ONLY", "REFACTORY_RUN_ID"}


def test_death_by_signal_is_negative(start: Runner) -> None:
    assert start("kill -9 $$").exit_code == -9


def test_missing_command_is_127_and_missing_folder_an_error(start: Runner, tmp_path: Path) -> None:
    assert start(["no-such-command"]).exit_code == 127
    with pytest.raises(WorkFailed, match="nowhere"):
        start(["true"], cwd=tmp_path / "nowhere")
    with pytest.raises(WorkFailed, match="null byte"):
        start(["echo", "a\0b"])


def test_stdin_is_empty_or_as_given(start: Runner) -> None:
    assert start("cat; echo end").tail() == "end\n"
    end = start("wc -c", stdin=b"x" * 300_000)
    assert end.tail().strip() == "300000"


def test_time_limit_ends_it(start: Runner) -> None:
    end = start("echo before; sleep 600", limits=Limits(seconds=0.3))
    assert end.timed_out
    assert end.exit_code == -9
    assert end.tail() == "before\n"


def test_endless_output_is_capped_and_its_end_kept(start: Runner) -> None:
    limits = Limits(output_bytes=200_000)
    end = start(python("print('first'); print('x' * 3_000_000); print('last')"), limits=limits)
    assert end.output_truncated
    assert end.exit_code == 0
    assert 200_000 <= end.output_path.stat().st_size < 200_100
    text = end.output_path.read_text()
    assert text.startswith("first\nxxx")
    assert text.endswith("xxx\nlast\n")
    assert f"[... {3_000_000 + 12 - 200_000} bytes left out ...]" in text
    assert start("yes", limits=Limits(seconds=0.5, output_bytes=1000)).timed_out


def test_output_that_just_fits_is_whole(start: Runner) -> None:
    end = start("printf 12345678", limits=Limits(output_bytes=8))
    assert (end.tail(), end.output_truncated) == ("12345678", False)


def test_a_memory_hog_fails(start: Runner) -> None:
    end = start(python("bytearray(300 << 20)"), limits=Limits(memory_mb=200))
    assert end.exit_code == 1
    assert "MemoryError" in end.tail()


def test_a_daemon_that_left_the_session_is_killed(start: Runner, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    assert start(python(DAEMON, pid_file)).exit_code == 0
    assert gone(int(pid_file.read_text()))


def test_background_processes_are_killed_and_not_waited_for(start: Runner) -> None:
    end = start("sleep 600 & echo $!")
    assert end.exit_code == 0
    assert gone(int(end.tail()))


def test_a_run_inside_a_run_dies_with_the_outer(start: Runner, tmp_path: Path) -> None:
    inner = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from pathlib import Path
from agents.sandbox.run import run
run("echo $$ > pid; exec sleep 600", cwd=Path("."), env={{"PATH": {start.env["PATH"]!r}}}, log=Path("inner"))
"""
    pid_file = tmp_path / "pid"
    end = start(python(inner), keep_running=lambda: not (pid_file.exists() and pid_file.read_text()))
    assert end.stopped == "cancelled"
    assert gone(int(pid_file.read_text()))


def test_other_runs_live_on(start: Runner, tmp_path: Path) -> None:
    ends: list[Finished] = []
    other = Runner(tmp_path)
    thread = threading.Thread(
        target=lambda: ends.append(
            other("while [ ! -e go ]; do sleep 0.02; done; echo done", log=tmp_path / "2")
        )
    )
    thread.start()
    start("sleep 600 & setsid sleep 600 &")
    (tmp_path / "go").touch()
    thread.join()
    assert ends[0].tail() == "done\n"


def test_too_many_processes_end_it(start: Runner) -> None:
    end = start("for i in 1 2 3 4 5 6; do sleep 600 & done; wait", limits=Limits(processes=4))
    assert end.stopped == "processes"


@pytest.mark.parametrize("where", ["on_start", "keep_running"])
def test_an_exception_leaves_nothing_running(start: Runner, where: str) -> None:
    pids: list[int] = []

    def interrupt(*pid: int) -> bool:
        pids.extend(pid)
        raise KeyboardInterrupt

    options = {"on_start": pids.append, where: interrupt}
    with pytest.raises(KeyboardInterrupt):
        start("sleep 600", **options)
    assert gone(pids[0])


def test_output_can_be_followed(start: Runner, tmp_path: Path) -> None:
    seen: list[str] = []

    def look() -> bool:
        seen.append((tmp_path / "log").read_text())
        return "now" not in seen[-1]

    assert start("echo now; sleep 600", keep_running=look).stopped == "cancelled"


def test_tail_replaces_what_is_no_text(start: Runner) -> None:
    assert start(r"printf 'a\377b'").tail() == "a�b"


def test_seconds_are_measured(start: Runner) -> None:
    before = time.monotonic()
    assert 0 < start("true").seconds <= time.monotonic() - before
