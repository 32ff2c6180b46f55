"""Several agents from one start of the program: what they all import is imported once, then they are forked.

A fork is safe here as nothing has started a thread yet; each child is an agent process like any other.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

_RESTARTS = 20  # per agent; one that is killed more often than this is killed by its task
_PATIENCE = 15.0  # seconds to end in order
_POLL = 0.05
_ENDING = (signal.SIGTERM, signal.SIGINT)


def prefork(names: Sequence[str], parent: int | None) -> str:
    """Returns in each child, with its name. The process that called never returns: it starts again whichever
    is killed, and exits with the first failure, or once all have ended, or when `parent` is gone.
    """
    supervisor = _Supervisor(parent)
    before = signal.signal(signal.SIGTERM, supervisor.stop), signal.signal(signal.SIGINT, supervisor.stop)
    name = supervisor.supervise(names)
    signal.signal(signal.SIGTERM, before[0])
    signal.signal(signal.SIGINT, before[1])
    if supervisor.stopping:  # told so before it could know that it is a child
        sys.exit(0)
    return name


class _Supervisor:
    def __init__(self, parent: int | None) -> None:
        self.parent = parent
        self.children: dict[int, str] = {}
        self.starts: dict[str, int] = {}
        self.stopping = False

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def supervise(self, names: Sequence[str]) -> str:
        for name in names:
            if self.fork(name):
                return name
        while self.children and not self.stopping and self.parent in (None, os.getppid()):
            time.sleep(_POLL)
            killed = self.reap()
            if killed and self.fork(killed):
                return killed
        return self.end(0)

    def fork(self, name: str) -> bool:
        """True in the child."""
        sys.stdout.flush()
        sys.stderr.flush()
        # Python forgets in the child what came before `os.fork` returned: we may tell it to end at once.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        pid = os.fork()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if pid:
            self.children[pid] = name
            self.starts[name] = self.starts.get(name, 0) + 1
        return pid == 0

    def reap(self) -> str | None:
        """The name of one that was killed; one that failed by itself ends us all: the others would fail, too."""
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return None
        name, code = self.children.pop(pid), os.waitstatus_to_exitcode(status)
        if code > 0:
            self.end(code)
        if code < 0 and self.starts[name] > _RESTARTS:
            print(f"refactory: {name} was killed {_RESTARTS} times", file=sys.stderr, flush=True)
            self.end(1)
        return name if code < 0 else None

    def end(self, code: int) -> NoReturn:
        """Ask the children to end, and wait until they have."""
        for pid in self.children:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while self.children:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            self.children.pop(pid, None)
            if not pid and time.monotonic() > deadline:
                for left in self.children:
                    os.kill(left, signal.SIGKILL)
            time.sleep(0 if pid else 0.01)
        leave(code)


def leave(code: int) -> NoReturn:
    """End at once: to take apart all that was imported to be shared took each process a tenth of a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
