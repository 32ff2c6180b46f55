from __future__ import annotations

from pathlib import Path

import pytest

from agents.launcher import landing, launch
from state.errors import UsageError, WorkFailed
from state.records import Launch, Plan, Task
from state.store import Store
from tests.conftest import Repo
from tests.forges.ready import approved


@pytest.fixture
def plan(repo: Repo, store: Store) -> Plan:
    (repo.path / ".refactory" / "config.yaml").write_text("test:\n  command: 'true'\n")
    return approved(repo, Store.open(repo.path), "One")


def run(repo: Repo, plan: Plan, **settings: str) -> Launch:
    lines = "".join(f"  {key}: {value!r}\n" for key, value in settings.items())
    path = repo.path / ".refactory" / "config.yaml"
    path.write_text(f"test:\n  command: 'true'\nlaunch:\n  healthSeconds: 0.1\n{lines}")
    store = Store.open(repo.path)
    planned, review = landing(store, plan, "command", None, False)
    return launch(store, plan, planned, review, None)[0]


def test_it_runs_in_the_tested_commit_and_once(
    repo: Repo, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_KEY", "k")
    monkeypatch.setenv("OTHER_KEY", "other")
    said = tmp_path / "said"
    command = (
        f"cat one.txt >> {said}; echo $REFACTORY_COMMIT $REFACTORY_BEFORE $DEPLOY_KEY-$OTHER_KEY >> {said}"
    )
    path = repo.path / ".refactory" / "config.yaml"
    path.write_text(f"test:\n  command: 'true'\nlaunch:\n  command: {command}\n  passEnv: [DEPLOY_KEY]\n")
    store = Store.open(repo.path)
    planned, review = landing(store, plan, "command", None, False)
    done, _ = launch(store, plan, planned, review, None)
    assert said.read_text() == f"One\n{done.landing.commit} {done.landing.before} k-\n"
    assert {task.state for task in store.all(Task)} == {"merged"}
    assert repo.git("rev-parse", "main") == done.landing.before
    assert launch(store, plan, planned, review, None)[0] == done
    assert said.read_text().count("One") == 1


def test_an_unhealthy_one_is_launched_again(repo: Repo, plan: Plan, tmp_path: Path) -> None:
    up = tmp_path / "up"
    settings = {"command": f"echo x >> {up}", "healthCheck": f"test -s {up}"}
    done = run(repo, plan, **settings)
    up.unlink()
    assert run(repo, plan, **settings) == done
    assert up.read_text() == "x\n"


def test_a_red_command_is_rolled_back(repo: Repo, plan: Plan, tmp_path: Path) -> None:
    up = tmp_path / "up"
    with pytest.raises(
        WorkFailed, match=r"launch.command ended with exit code 3 \(no way\); it was rolled back"
    ) as raised:
        run(repo, plan, command=f"touch {up}; echo no way; exit 3", rollback=f"rm {up}")
    assert raised.value.exit_code == 1
    assert not up.exists()
    assert Store.open(repo.path).all(Launch) == []
    assert "command.log" in [path.name for path in Path(raised.value.hint.rpartition(" ")[2]).iterdir()]


def test_an_unhealthy_launch_is_rolled_back(repo: Repo, plan: Plan, tmp_path: Path) -> None:
    up = tmp_path / "up"
    with pytest.raises(WorkFailed, match=r"launch\.healthCheck failed for 0\.1 s; it was rolled back"):
        run(repo, plan, command=f"touch {up}", healthCheck="exit 1", rollback=f"rm {up}")
    assert not up.exists()


def test_what_is_not_rolled_back_is_said(repo: Repo, plan: Plan) -> None:
    with pytest.raises(WorkFailed, match=r"nothing was rolled back .*: what it has changed is still so"):
        run(repo, plan, command="exit 3")
    with pytest.raises(
        WorkFailed, match=r"launch\.rollback ended with exit code 5, too: what it has changed"
    ):
        run(repo, plan, command="exit 3", rollback="exit 5")
    with pytest.raises(UsageError, match="no command"):
        run(repo, plan)
