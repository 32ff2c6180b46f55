"""A forge of each kind, with a branch to propose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from agents.forge import connect
from agents.forge.place import place_of
from agents.forge.protocol import Forge, Wanted
from state.config import Forge as Settings
from tests.conftest import Repo, make_repo
from tests.forges.server import ForgeServer
from tests.forges.state import TOKEN

HEAD = "refactory/plans/1-abcdefgh"


@pytest.fixture(scope="module")
def branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with `main` and the branch."""
    folder = tmp_path_factory.mktemp("branches")
    repo = make_repo(folder / "repo")
    repo.commit({"a.txt": "a\n"})
    repo.git("checkout", "-q", "-b", HEAD)
    repo.commit({"b.txt": "b\n"})
    repo.git("clone", "-q", "--bare", str(repo.path), str(folder / "bare.git"))
    return folder / "bare.git"


@pytest.fixture(params=["github", "gitlab", "forgejo"])
def server(request: pytest.FixtureRequest, tmp_path: Path, branches: Path) -> Iterator[ForgeServer]:
    with ForgeServer(request.param, tmp_path / "forge", branches) as server:
        yield server
        assert server.invalid == []


@pytest.fixture
def settings(server: ForgeServer) -> Settings:
    kind = msgspec.convert({"kind": server.kind}, Settings).kind
    return Settings(
        kind=kind,
        token_env="FORGE_TEST_TOKEN",
        timeout=1,
        patience=20,
        backoff=0.01,
        ci_poll=0.02,
        ci_seconds=5,
        ci_start_seconds=5,
    )


@pytest.fixture
def connected(
    server: ForgeServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Forge]:
    monkeypatch.setenv("FORGE_TEST_TOKEN", TOKEN)
    return lambda: connect(place_of(server.remote, settings), settings)


@pytest.fixture
def forge(connected: Callable[[], Forge]) -> Forge:
    return connected()


@pytest.fixture
def wanted(branches: Path) -> Wanted:
    return Wanted(HEAD, "main", Repo(branches).git("rev-parse", HEAD), "Title", "Body")
