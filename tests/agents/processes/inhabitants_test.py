from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.processes.inhabitants import inhabitants, kill_inhabitants
from agents.processes.tree import MARK

pytestmark = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="no /proc here")


def sleeper(folder: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "print('.', flush=True); import time; time.sleep(100)"]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **env}, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    return process


def test_only_what_a_run_has_started_is_killed(tmp_path: Path) -> None:
    ours, theirs = sleeper(tmp_path, {MARK: ":1"}), sleeper(tmp_path, {"ABOUT": f"{MARK}=1"})
    try:
        assert set(inhabitants(tmp_path)) == {ours.pid, theirs.pid}
        kill_inhabitants(tmp_path)
        assert ours.wait(timeout=10) == -signal.SIGKILL
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.communicate()
        ours.kill()
        ours.communicate()
