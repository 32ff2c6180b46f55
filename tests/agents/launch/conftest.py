"""A plan that waits to be launched at a forge, in two tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from state.records import Plan
from state.store import Store
from tests.conftest import Repo
from tests.forges.ready import approved, at_forge, configure
from tests.forges.server import ForgeServer


@pytest.fixture
def forge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ForgeServer]:
    """GitHub, unless the test asks for another."""
    with ForgeServer(getattr(request, "param", "github"), tmp_path / "forge") as server:
        yield server
        assert server.invalid == []


@pytest.fixture
def ready(repo: Repo, store: Store, forge: ForgeServer, monkeypatch: pytest.MonkeyPatch) -> Plan:
    configure(repo, forge.kind)
    at_forge(repo, forge, monkeypatch)
    return approved(repo, Store.open(repo.path), "One", "Two")
