"""Acceptance 18: thousands of requests made from our own OpenAPI description, alone and in sequences that fit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api_server import Server, serving
from tests.model_server import ModelServer

PROGRAM = Path(sys.executable).with_name("schemathesis")
# What no schema can say (a time, a commit that is there) is a 422, another content than expected a 412.
CONFIG = """[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 412, 422]
"""
TASK = {"id": "a", "title": "One", "detail": "", "scope": ["a.py"], "depends_on": [], "acceptance": []}
CONDITIONS = ("If-Match", "Idempotency-Key")  # made up, they would keep most requests from being carried out


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_request_that_the_description_allows_or_forbids_is_answered_otherwise(tmp_path: Path) -> None:
    with ModelServer(lambda _: {"design": "", "tasks": [TASK]}) as model, serving(tmp_path) as server:
        ready(server, model)
        document = server.ask("GET", "/openapi.json").json
        cases = checked(server, document, tmp_path, "coverage")
        cases += checked(server, without_conditions(document), tmp_path, "fuzzing,stateful")
        assert cases >= 1000
        assert server.ask("GET", "/status").status == 200
        assert server.run("audit:verify").returncode == 0


def ready(server: Server, model: ModelServer) -> None:
    author = ("-c", "user.name=T", "-c", "user.email=t@example.com")
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-mx"], cwd=server.folder, check=True)
    config = f"model: {{baseUrl: '{model.url}', retries: 0}}\n"
    (server.folder / ".refactory" / "config.yaml").write_text(config)


def without_conditions(document: dict[str, object]) -> dict[str, object]:
    def stripped(value: object) -> object:
        if isinstance(value, dict):
            return {key: stripped(item) for key, item in value.items()}
        if isinstance(value, list):
            kept = [item for item in value if not (isinstance(item, dict) and item.get("name") in CONDITIONS)]
            return [stripped(item) for item in kept]
        return value

    found = stripped(document)
    assert isinstance(found, dict)
    return found


def checked(server: Server, document: dict[str, object], folder: Path, phases: str) -> int:
    """How many cases there were; all of them passed."""
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "schemathesis.toml").write_text(CONFIG)
    command = [PROGRAM, "--config-file", folder / "schemathesis.toml", "run", folder / "openapi.json"]
    command += ["--url", server.url, "-H", f"Authorization: Bearer {server.token}", "--phases", phases]
    command += ["--max-examples", "30", "--seed", "1", "--no-color", "--suppress-health-check", "all"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert found and found[1] == found[2], done.stdout[-2000:]
    return int(found[1])
