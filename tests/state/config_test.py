"""A number that can't work is refused when the configuration is read, not where it does harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import jsonschema
import msgspec
import pytest

from state.config import Config, read
from state.errors import InvalidFile
from state.schema import schema
from tests.conftest import Refactory, Repo

BAD = [
    ("agents: 0", "agents: expected a whole number from 1 to 64, found 0"),
    ("agents: -3", "agents: expected a whole number from 1 to 64, found -3"),
    ("testers: 0", "testers: expected a whole number from 1 to 64, found 0"),
    ("leaseSeconds: 0", "leaseSeconds: expected a number from 1 to 86400, found 0"),
    ("server: {port: 99999}", "server.port: expected a whole number from 0 to 65535, found 99999"),
    ("test: {seconds: -5}", "test.seconds: expected a number above 0, up to 604800, found -5"),
    ("budgets: {minutes: -1}", "budgets.minutes: expected a number above 0, up to 525600 or null, found -1"),
    ("budgets: {attempts: 0}", "budgets.attempts: expected a whole number from 1 to 1000, found 0"),
    ("budgets: {tokens: 0}", "budgets.tokens: expected a whole number from 1 to 1000000000000000 or null"),
    ("model: {retries: -1}", "model.retries: expected a whole number from 0 to 100, found -1"),
    ("model: {timeout: 1e300}", "model.timeout: expected a number above 0, up to 604800, found 1e+300"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_number_out_of_range_is_refused_with_its_place_and_what_is_expected(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "config.yaml"
    key, _, nested = text.partition(": {")
    path.write_text(f"version: 1\n{key}:\n  {nested.rstrip('}')}\n" if nested else f"version: 1\n{text}\n")
    with pytest.raises(InvalidFile) as caught:
        read(path)
    assert message in caught.value.message
    assert caught.value.message.startswith(f"{path}:{3 if nested else 2}:")


def test_commands_refuse_it_and_doctor_tells(repo: Repo, refactory: Refactory) -> None:
    repo.write({".refactory/config.yaml": "agents: 0\n"})
    done = refactory.run("run", "--title", "x")
    assert done.code == 2
    assert "config.yaml:1:" in done.err
    done = refactory.run("doctor")
    assert done.code == 1
    assert "agents: expected a whole number from 1 to 64, found 0" in done.out


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("errors", "(", "is no regular expression"),
        ("errors", "(" * 5000, "is no regular expression"),
        ("leaves", "/", "is no glob of paths in the worktree"),
        ("leaves", "a/../../b", "is no glob of paths in the worktree"),
        ("leaves", "", "is no glob of paths in the worktree"),
    ],
)
def test_a_preset_that_cannot_work_is_refused_with_its_line(
    tmp_path: Path, key: str, value: str, why: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"presets:\n  mine:\n    program: x\n    {key}:\n      - fine\n      - '{value}'\n")
    with pytest.raises(InvalidFile, match=why) as caught:
        read(path)
    assert caught.value.message.startswith(f"{path}:6:")
    assert f"presets.mine.{key}" in caught.value.message


def test_a_merge_driver_that_no_shell_would_take_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("reconcile:\n  semantic: merge '%O %A %B\n")
    with pytest.raises(InvalidFile, match="is no command: no closing quotation") as caught:
        read(path)
    assert caught.value.message.startswith(f"{path}:2:")
    assert "reconcile.semantic" in caught.value.message


@pytest.mark.parametrize("value", [0, -3, 65, 10**30])
def test_the_schema_has_the_same_bounds(value: int) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"agents": value}, schema("config"))


def test_every_number_of_the_configuration_has_bounds() -> None:
    assert list(unbounded(Config)) == []


def unbounded(kind: Any) -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        for part in [one for one in (get_args(field.type) or [field.type]) if one is not NoneType]:
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                yield from unbounded(part)
            elif part in (int, float) and get_origin(field.type) is not Annotated:
                yield f"{kind.__name__}.{field.name}"
