from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agents.workers.crew import Crew, Member
from state.errors import RefactoryError


@pytest.mark.parametrize(
    ("status", "code"), [(1, "failed"), (2, "usage"), (4, "conflict"), (6, "budget"), (8, "unavailable")]
)
def test_what_an_agent_ended_with_has_the_code_of_its_exit_code(
    tmp_path: Path, status: int, code: str
) -> None:
    """docs/exit-codes.md: scripts read either."""
    (tmp_path / "coders.log").write_text("refactory: the reason\n  what to do\n")
    process = subprocess.Popen(["sh", "-c", f"exit {status}"])
    process.wait()
    crew = Crew([], "1", tmp_path, {"coder": Member("coder", ["coder-1"], process)})
    with pytest.raises(RefactoryError, match="coder: the reason") as ended:
        crew.check()
    assert (ended.value.exit_code, ended.value.code) == (status, code)
    assert ended.value.hint.startswith("what to do; its log is ")
