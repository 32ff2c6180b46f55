from __future__ import annotations

import os

import pytest

from agents.processes.environment import clean_environment


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/bin")
    return monkeypatch


def test_only_listed_names_pass(outside: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "LC_ALL", "https_proxy", "CARGO_HOME", "UNKNOWN", "PYTHONPATH", "GIT_DIR"):
        outside.setenv(name, "x")
    passed = {"PATH": "/bin", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"} | dict.fromkeys(
        ["HOME", "LC_ALL", "https_proxy", "CARGO_HOME"], "x"
    )
    assert clean_environment() == passed


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "LC_TOKEN", "lc_secret", "GIT_SSH", "DB_PASSWORD"])
def test_secrets_pass_only_by_name(outside: pytest.MonkeyPatch, name: str) -> None:
    outside.setenv(name, "x")
    assert name not in clean_environment()
    assert clean_environment(pass_env=[name])[name] == "x"


def test_extra_wins_and_a_path_is_always_there(outside: pytest.MonkeyPatch) -> None:
    outside.delenv("PATH")
    assert clean_environment({"TERM": "vt100", "MINE": "1"}) == {
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TERM": "vt100",
        "MINE": "1",
    }


def test_a_users_own_choice_of_byte_code_wins(outside: pytest.MonkeyPatch) -> None:
    outside.setenv("PYTHONDONTWRITEBYTECODE", "")
    assert clean_environment()["PYTHONDONTWRITEBYTECODE"] == ""
