"""A plan that is combined and approved, in a clone whose origin is a forge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from agents.reconciler import reconcile
from agents.reviewer import review
from state.records import Plan
from state.store import Store
from tests.agents.finished import complete, planned
from tests.conftest import Repo
from tests.forges.server import ForgeServer
from tests.forges.state import TOKEN

QUICK = {
    "tokenEnv": "FORGE_TEST_TOKEN",
    "timeout": "2",
    "patience": "20",
    "backoff": "0.01",
    "ciPoll": "0.02",
    "ciSeconds": "5",
    "ciStartSeconds": "0.2",
}


def configure(repo: Repo, kind: str, settings: Mapping[str, str] | None = None) -> None:
    lines = [f"  {key}: {value}\n" for key, value in {"kind": kind, **QUICK, **(settings or {})}.items()]
    path = repo.path / ".refactory" / "config.yaml"
    path.write_text("test:\n  command: 'true'\nforge:\n" + "".join(lines), encoding="utf-8")


def at_forge(repo: Repo, forge: ForgeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_TEST_TOKEN", TOKEN)
    repo.git("push", "-q", str(forge.state.repository), "main")
    repo.git("remote", "add", "origin", forge.remote)


def approved(repo: Repo, store: Store, *titles: str) -> Plan:
    plan = planned(store, *titles)
    for title in titles:
        complete(store, repo, title, {f"{title.lower()}.txt": f"{title}\n"})
    reconcile(store, plan.key)
    assert review(store, plan.key).verdict == "approved"
    return store.get(Plan, plan.key)


def head(path: Path, branch: str) -> str:
    return Repo(path).git("rev-parse", "--verify", "-q", f"refs/heads/{branch}", check=False)
