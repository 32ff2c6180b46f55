"""The system calls of a forked child, seen or hindered by strace(1)."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from tests.state.faults import child, said

_PR_SET_PTRACER = 0x59616D61  # else some systems let only ancestors trace


@cache
def can_trace() -> bool:
    """strace may be missing, or forbidden (in most containers)."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0
    )


def traced(work: Callable[[], object], output: Path, options: Sequence[str]) -> str:
    """What the child says that does this work; only the work is traced."""
    ready, go = os.pipe()

    def attempt(say: Callable[[str], object]) -> None:
        os.close(go)
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
        say("ready")
        os.readv(ready, [bytearray(1)])
        done = work()
        say(str(done))

    with child(attempt) as (pid, reading):
        os.close(ready)
        assert os.read(reading, 6) == b"ready\n"
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(pid), "-o", str(output), *options],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert tracer.stderr
        assert "attached" in tracer.stderr.readline()
        os.close(go)
        heard = said(reading)
        tracer.communicate()
    return heard
