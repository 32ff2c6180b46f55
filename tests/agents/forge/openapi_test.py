"""Acceptance 20: what we ask GitHub is checked against its own description. The extract is the real thing's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.forges.openapi import EXTRACT, extract, violation
from tests.forges.state import NAME, OWNER

PULLS = f"/api/v3/repos/{OWNER}/{NAME}/pulls"
GOOD = {"title": "T", "head": "h", "base": "main", "body": "", "draft": False}


def installed(package: str) -> Path:
    """Where `npm install` put it; OCTOKIT names the folder that has node_modules."""
    folder = Path(os.environ.get("OCTOKIT", ".")) / "node_modules" / "@octokit" / package
    if not folder.is_dir():
        assert "OCTOKIT" not in os.environ, f"{folder} is not there"
        pytest.skip(f"npm install @octokit/{package}, and OCTOKIT=its folder")
    return folder


@pytest.mark.slow
def test_the_extract_is_what_github_describes() -> None:
    whole = json.loads((installed("openapi") / "generated" / "api.github.com.json").read_bytes())
    made = json.dumps(extract(whole), indent=1, sort_keys=True) + "\n"
    if os.environ.get("REGENERATE"):
        EXTRACT.write_text(made, encoding="utf-8")
    assert EXTRACT.read_text(encoding="utf-8") == made


def test_a_good_request_is_valid() -> None:
    headers = {"Content-Type": "application/json"}
    assert violation("POST", PULLS, headers, json.dumps(GOOD).encode()) == ""
    assert violation("GET", f"{PULLS}?state=all&head=a:b&base=main", {}, b"") == ""


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", PULLS, {**GOOD, "head": 3}),
        ("POST", PULLS, {"title": "no head"}),
        ("POST", PULLS, {**GOOD, "draft": "yes"}),
        ("GET", f"{PULLS}?state=every", None),
        ("DELETE", PULLS, None),
        ("GET", f"/api/v3/repos/{OWNER}/{NAME}/nowhere", None),
    ],
)
def test_a_bad_request_is_noticed(method: str, target: str, body: object) -> None:
    data = json.dumps(body).encode() if body else b""
    assert violation(method, target, {"Content-Type": "application/json"}, data)
