"""Every type of record comes back from its file as it was, byte for byte, and its file follows its schema."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from state.canonical import load
from state.config import Config
from state.errors import InvalidFile
from state.record_files import decode, encode, header, kind, parse
from state.records import KINDS, Record
from state.references import reference_fields
from state.schema import TYPES, schema
from state.yaml_codec import dump
from tests.state.any_records import RECORDS

VALIDATORS = {name: jsonschema.Draft202012Validator(schema(name)) for name in TYPES}
WRONG = st.sampled_from([None, True, 7, -1, 1.5, "", "x", [], ["x"], [7], {}, {"x": 1}, [{}], [None]])


@given(RECORDS)
def test_every_record_comes_back_as_it_was(record: Record) -> None:
    data = encode(record)
    back = decode(type(record), data, "f", record.key)
    assert back == record
    assert encode(back) == data


@given(RECORDS)
def test_a_file_without_the_first_line_is_the_same_record(record: Record) -> None:
    data = encode(record)
    first, rest = data.split(b"\n", 1)
    assert first == f"# yaml-language-server: $schema=../schemas/{kind(type(record))}.json".encode()
    assert decode(type(record), rest, "f", record.key) == record


@given(RECORDS)
def test_every_record_follows_its_schema(record: Record) -> None:
    VALIDATORS[kind(type(record))].validate(yaml.safe_load(encode(record)))


@given(RECORDS, st.data())
def test_the_schema_refuses_what_the_reader_refuses(record: Record, data: st.DataObject) -> None:
    """A value, anywhere, of any other type: the one accepts it if and only if the other does."""
    value = load(encode(record), "f", header(type(record)))
    where: Any = value
    while isinstance(inner := where[key := data.draw(st.sampled_from(list(where)))], dict) and inner:
        where = inner
    where[key if data.draw(st.booleans()) else "new"] = data.draw(WRONG)
    if key in ("key", *reference_fields(type(record))):
        return  # that these are keys is checked when they are followed
    assert accepted(type(record), value) == VALIDATORS[kind(type(record))].is_valid(value)


def accepted(cls: type[Record], value: dict[str, object]) -> bool:
    try:
        parse(cls, dump(value), "f")
    except InvalidFile as error:
        assert error.message.startswith("f:")
        return False
    return True


@pytest.mark.parametrize("name", TYPES)
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


def test_what_is_missing_is_no_record_to_either() -> None:
    for cls in KINDS:
        assert not VALIDATORS[kind(cls)].is_valid({"version": 1})
        assert not accepted(cls, {"version": 1})


TASK = "key: 3-abcdefgh\nplan: 1-abcdefgh\n"
PULL = "key: 3-abcdefgh\ntask: 1-abcdefgh\nagent: a\nattempt: 1\n"


@pytest.mark.parametrize(
    ("cls", "text", "said"),
    [
        ("task", TASK, "1:1: the key 'title' is missing"),
        ("task", TASK + "title: 5\n", "3:1: title: expected text, found 5"),
        ("task", TASK + "title: x\nstate: foo\n", "4:1: state: expected one of pending, assigned, "),
        ("task", TASK + "title: x\nscope:\n  - a\n  - {b: 1}\n", "6:5: scope[1]: expected text, found keys"),
        ("task", TASK + "title: x\nagent: [a]\n", "4:1: agent: expected text or null, found a list"),
        ("task", TASK + "title: x\nattempts: 1.0\n", "4:1: attempts: expected a whole number, found 1.0"),
        ("task", TASK + "title: x\ncolour: red\n", "4:1: colour: unknown key"),
        (
            "task",
            TASK + "title: x\nversion: 0\n",
            "4:1: version: expected a whole number of at least 1, found 0",
        ),
        (
            "task",
            TASK + "title: x\nversion: one\n",
            "4:1: version: expected a whole number of at least 1, found 'one'",
        ),
        ("task", TASK.replace("3-", "4-") + "title: x\n", "1:1: key: expected the file's name, 3-abcdefgh, "),
        ("pull", PULL + "tests:\n  verdict: green\n", "6:3: tests.verdict: expected one of passed, failed, "),
        ("pull", PULL + "usage:\n  tokens: 1\n", "6:3: usage.tokens: unknown key"),
        ("pull", PULL + "usage: 3\n", "5:1: usage: expected keys and values or null, found 3"),
        ("config", "agents: many\n", "1:1: agents: expected a whole number from 1 to 64, found 'many'"),
        (
            "config",
            "coder:\n  backend: x\n",
            "2:3: coder.backend: expected one of model, loop, command, acp, scripted, ",
        ),
        ("config", "# c\ncoder: {backened: x}\n", "2:9: coder.backened: unknown key"),
        ("config", "budgets: {atempts: 3}\n", "1:11: budgets.atempts: unknown key"),
        ("config", "version: one\n", "1:1: version: expected 1, found 'one'"),
    ],
)
def test_what_does_not_fit_is_named_with_what_was_expected(cls: str, text: str, said: str) -> None:
    kinds: dict[str, type[Record]] = {kind(each): each for each in KINDS}
    with pytest.raises(InvalidFile) as caught:
        if cls == "config":
            parse(Config, text.encode(), "f")
        else:
            decode(kinds[cls], text.encode(), "f", "3-abcdefgh")
    assert caught.value.message.startswith(f"f:{said}")
    assert caught.value.hint


def test_text_that_looks_like_a_number_is_said_to_want_quotes() -> None:
    with pytest.raises(InvalidFile) as caught:
        parse(KINDS[2], (TASK + "title: 5\n").encode(), "f")
    assert caught.value.hint == 'put it in double quotes: "5"'
