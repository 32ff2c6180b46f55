from __future__ import annotations

import os
import threading
from pathlib import Path

from agents.worktrees.presence import anybody, present


def test_an_agent_is_seen_while_it_works(tmp_path: Path) -> None:
    assert not anybody(tmp_path)
    with present(tmp_path):
        assert anybody(tmp_path)
    assert not anybody(tmp_path)


def test_the_mark_of_a_killed_agent_is_removed(tmp_path: Path) -> None:
    mark = tmp_path / "agents" / str(os.getpid())
    mark.parent.mkdir()
    mark.write_text("another start")
    assert not anybody(tmp_path)
    assert not mark.exists()


def test_a_mark_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """Looking all the time while agents come and go: none is missed, nothing crashes."""
    missed, done = [], threading.Event()

    def look() -> None:
        while not done.is_set():
            anybody(tmp_path)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(300):
            with present(tmp_path):
                missed.append(not anybody(tmp_path))
                assert looker.is_alive(), "it crashed"
    finally:
        done.set()
        looker.join()
    assert not any(missed)
