"""The schemas: printed, and where editors look for them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import yaml

from state import schema
from tests.conftest import Refactory, Repo

NAMES = {"request", "plan", "task", "orchestration", "pull", "review", "launch", "config"}
_HEADER = re.compile(r"# yaml-language-server: \$schema=(.*)\n")


def test_all_or_one_is_printed_anywhere(tmp_path: Path) -> None:
    anywhere = Refactory(tmp_path)
    found = json.loads(anywhere.ok("schema").out)
    assert set(found) == NAMES
    one = json.loads(anywhere.ok("schema", "task").out)
    assert one == found["task"] == anywhere.data("schema", "task")
    assert one["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert one["additionalProperties"] is False
    assert one["properties"]["key"]["pattern"]
    assert one["properties"]["version"]["const"] == 1


def test_an_unknown_kind_is_refused_with_those_there_are(tmp_path: Path) -> None:
    done = Refactory(tmp_path).run("schema", "tasks")
    assert done.code == 2
    assert all(name in done.err for name in NAMES)


def test_every_file_leads_an_editor_to_its_schema(refactory: Refactory, repo: Repo) -> None:
    """As an editor does it, with nothing but the files: `init` wrote the schemas."""
    refactory.ok("run", "--title", "T", "--from", "-", "--until", "plan", input="## One\n\n## Two\n")
    refactory.ok("orchestrate", "1")
    files = list((repo.path / ".refactory").rglob("*.yaml"))
    assert {path.parent.name for path in files} == {
        ".refactory",
        "requests",
        "plans",
        "tasks",
        "orchestrations",
    }
    for path in files:
        text = path.read_text(encoding="utf-8")
        header = _HEADER.match(text)
        assert header, path
        schema = json.loads((path.parent / header[1]).read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))


def test_schemas_are_written_anew_where_they_differ(refactory: Refactory, repo: Repo) -> None:
    folder = repo.path / ".refactory/schemas"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {f"{name}.json" for name in NAMES}
    assert refactory.data("schema", "--write") == {"written": []}
    (folder / "task.json").write_text("{}")
    (folder / "plan.json").unlink()
    assert {Path(path).name for path in refactory.data("schema", "--write")["written"]} == {
        "task.json",
        "plan.json",
    }
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_kind_alone_is_not_written(refactory: Refactory) -> None:
    assert refactory.run("schema", "task", "--write").code == 2


def test_a_folder_that_can_not_be_written_is_named(refactory: Refactory, repo: Repo) -> None:
    folder = repo.path / ".refactory/schemas"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("a file")
    done = refactory.run("schema", "--write")
    assert done.code == 1
    assert ".refactory/schemas" in done.err


def test_every_key_is_described() -> None:
    for name in schema.TYPES:
        found = schema.schema(name)
        for part in (found, *found.get("$defs", {}).values()):
            for key, field in part.get("properties", {}).items():
                assert field["description"].strip(), f"{name}: {key}"
                assert "](" not in field["description"], "no links of the pages"
    assert (
        schema.schema("task")["properties"]["title"]["description"] == "One line; the subject of its commit"
    )
