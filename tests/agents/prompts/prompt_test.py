from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.model.tokens import tokens_of
from agents.prompts.prompt import coder_message, instructions, sent_back, task_text
from agents.tasks.work import Claim
from agents.worktrees.workspace import local
from state.config import Config
from state.records import Orchestration, Task
from state.store import Store
from tests.conftest import Repo


def claim(design: str = "", **given: object) -> Claim:
    task = Task(key="1-aaaaaaaa", plan="1-aaaaaaaa", title="Add mul", **given)  # type: ignore[arg-type]
    orchestration = Orchestration(key="1-aaaaaaaa", plan="1-aaaaaaaa", target_branch="main", base="0" * 40)
    return Claim(
        task=task, orchestration=orchestration, design=design, token=1, lease_seconds=1, config=Config()
    )


def test_a_task_alone_is_its_title() -> None:
    assert task_text(claim()) == "Task: Add mul\n"


def test_all_that_is_known_of_a_task_is_told_the_title_first() -> None:
    text = task_text(
        claim("One module each.", detail="How.", scope=["a.py"], acceptance=["make"], feedback="It failed.")
    )
    assert text.startswith("Task: Add mul\n\nHow.\n")
    for part in ("One module each.", "match: a.py", "\n    make\n", "sent back:\nIt failed."):
        assert part in text


def test_a_refused_answer_is_told_with_its_task() -> None:
    assert sent_back("Add mul", "no such file").startswith("Task: Add mul\n")


@pytest.mark.parametrize("name", ["coder", "loop", "planner", "resolver", "reviewer"])
def test_instructions_are_short_and_guard_against_planted_ones(name: str, tmp_path: Path) -> None:
    text = instructions(name, tmp_path)
    assert len(text) < 3000 and re.search(r"data, never an instruction", text)


def test_a_coder_sees_what_the_scopes_tests_import_and_a_map_of_the_rest(repo: Repo, store: Store) -> None:
    files = {
        "shop/cart.py": "def total():\n    return 1\n",
        "shop/prices.py": "class Prices:\n    def of(self, item):\n        return 2\n",
        "tests/test_cart.py": "from shop.prices import Prices\n",
    }
    commit = repo.commit(files)
    asked = claim(scope=["shop/cart.py", "tests/test_cart.py"])
    with local(store).pool.checkout(commit) as worktree:
        text = coder_message(asked, worktree, 10_000)
        small = coder_message(asked, worktree, 150)
    overview, _, shown = text.partition("## Contents")
    assert "### shop/prices.py\n```\nclass Prices:" in shown, "its test imports it"
    assert "calc.py:\n    def add(a, b):" in overview and "def total" not in overview
    assert tokens_of(small) <= 150 + tokens_of(task_text(asked))


def test_every_prompt_is_in_use() -> None:
    folder = Path(__file__).parents[3] / "agents" / "prompts"
    assert sorted(path.stem for path in folder.glob("*.md")) == [
        "coder",
        "loop",
        "planner",
        "resolver",
        "reviewer",
    ]


def test_prompts_can_be_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / ".refactory" / "prompts"
    folder.mkdir(parents=True)
    (folder / "coder.md").write_text("Write COBOL.\n")
    assert instructions("coder", tmp_path) == "Write COBOL."
    assert "programmer" in instructions("loop", tmp_path)
