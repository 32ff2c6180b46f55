"""A review for other programs: each form is read back by what it is made for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest

from agents.plan.parse import parse
from agents.reconciler import reconcile
from commands._annotations import workflow_commands
from commands._sarif import sarif
from state.records import Finding, Review
from state.store import Store
from tests.agents.finished import complete, planned
from tests.conftest import Refactory, Repo

# From npm's @microsoft/jest-sarif 1.0.0-beta.0 (MIT): the official schema.
SCHEMA = json.loads((Path(__file__).parents[1] / "data" / "sarif-2.1.0-rtm.5.json").read_text())

FOUND = [
    Finding(rule="secret", severity="error", message="looks like a password", file="a b/ü%.py", line=2,
            task="3-aaaaaaaa", suggested_task="Take it out"),
    Finding(rule="tested", severity="warning", message="100 % of\nnothing::error ::x"),
    Finding(rule="open-end", severity="note", message="leaves a TODO", file="x,y:z.py"),
]  # fmt: skip


def review(*findings: Finding) -> Review:
    return Review(
        key="1-aaaaaaaa", plan="1-aaaaaaaa", orchestration="1-aaaaaaaa", commit="0" * 40,
        verdict="rejected", findings=list(findings),
    )  # fmt: skip


@pytest.mark.parametrize("findings", [FOUND, []])
def test_sarif_is_valid_by_its_schema(findings: list[Finding]) -> None:
    log = json.loads(sarif(review(*findings)))
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    assert len(log["runs"][0]["results"]) == len(findings)


def test_the_schema_would_find_an_error() -> None:
    log = json.loads(sarif(review(*FOUND)))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate(log)


def test_sarif_says_where_and_what_to_do() -> None:
    (run,) = json.loads(sarif(review(*FOUND)))["runs"]
    first, second, third = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b/%C3%BC%25.py"
    assert place["region"] == {"startLine": 2}
    assert first["properties"] == {"task": 3, "suggestedTask": "Take it out"}
    assert "locations" not in second
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    assert run["tool"]["driver"]["rules"][third["ruleIndex"]]["id"] == "open-end"


def test_annotations_are_escaped_as_github_wants_it() -> None:
    lines = workflow_commands(FOUND).splitlines()
    assert lines == [
        "::error file=a b/ü%25.py,line=2,title=secret::looks like a password",
        "::warning title=tested::100 %25 of%0Anothing::error ::x",
        "::notice file=x%2Cy%3Az.py,title=open-end::leaves a TODO",
    ]


def test_names_that_git_quotes_are_the_files_own(repo: Repo, refactory: Refactory, store: Store) -> None:
    (repo.path / ".refactory" / "config.yaml").write_text("test:\n  command: 'true'\n")
    plan = planned(store, "One")
    secret = "token = 'abcdefgh12345678'\n"
    names = ["\u00e4.py", 'a"\u00e4.py', "b\\x41\t.py", os.fsdecode(b"c\xff.py")]
    complete(store, repo, "One", dict.fromkeys(names, secret))
    reconcile(store, plan.key)
    (run,) = json.loads(refactory.run("review", "1", "--format", "sarif").out)["runs"]
    places = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]
    ]
    assert {os.fsdecode(unquote_to_bytes(place)) for place in places} == set(names)
    annotated = refactory.run("review", "1", "--format", "github").out
    assert '::error file=a"\u00e4.py,line=1,' in annotated and "\\303" not in annotated
    assert 'a"\u00e4.py' in refactory.run("plan:status", "1", "--format", "junit").out


def test_the_command_prints_each_form(repo: Repo, refactory: Refactory, store: Store) -> None:
    (repo.path / ".refactory" / "config.yaml").write_text("test:\n  command: 'true'\n")
    plan = planned(store, "One")
    complete(store, repo, "One", {"a.py": "x = 1\ntoken = 'abcdefgh12345678'\n"})
    reconcile(store, plan.key)
    log = refactory.run("review", "1", "--format", "sarif")
    assert log.code == 1, "rejected, in whatever form"
    jsonschema.Draft4Validator(SCHEMA).validate(json.loads(log.out))
    assert refactory.run("review", "1", "--format", "github").out.startswith("::error file=a.py,line=2,")
    assert "secret" in refactory.run("review", "1").out
    (task,) = parse(refactory.run("review", "1", "--format", "tasks").out).tasks
    assert (task.title, task.scope) == ("Take the secret out of a.py, and have it revoked", ["a.py"])
