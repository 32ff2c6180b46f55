"""Old files are read as if written today and written as of today; files of the future are refused."""

from __future__ import annotations

import pytest

from state import migrations
from state.config import Config
from state.errors import InvalidFile
from state.migrations import current
from state.record_files import decode, encode, kind, parse
from state.records import KINDS, Record, Request
from state.schema import TYPES
from state.yaml_reader import load


class Note(Record, frozen=True, kw_only=True):
    """A kind with a past: version 1 had a `name`, version 2 one `tag`, version 3 has `tags`."""

    folder = "notes"
    version: int = 3
    title: str
    tags: list[str] = []


KEY = "1-abcdefgh"
FIRST = f"key: {KEY}\nversion: 1\nname: x\n".encode()


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> None:
    def titled(old: migrations.Values) -> migrations.Values:
        return {**{key: value for key, value in old.items() if key != "name"}, "title": old["name"]}

    def tagged(old: migrations.Values) -> migrations.Values:
        tags = [old["tag"]] if "tag" in old else []
        return {**{key: value for key, value in old.items() if key != "tag"}, "tags": tags}

    monkeypatch.setitem(migrations.STEPS, "note", {1: titled, 2: tagged})


@pytest.mark.usefixtures("past")
@pytest.mark.parametrize(
    ("data", "tags"),
    [
        (FIRST, []),
        (FIRST.replace(b"version: 1\n", b""), []),
        (f"key: {KEY}\nversion: 2\ntitle: x\ntag: a\n".encode(), ["a"]),
        (f"key: {KEY}\nversion: 3\ntitle: x\ntags: [a, b]\n".encode(), ["a", "b"]),
    ],
)
def test_an_old_file_is_read_and_written_as_of_today(data: bytes, tags: list[str]) -> None:
    note = decode(Note, data, "f", KEY)
    assert note == Note(key=KEY, title="x", tags=tags)
    assert load(encode(note), "f")["version"] == 3
    assert decode(Note, encode(note), "f", KEY) == note


@pytest.mark.usefixtures("past")
def test_what_an_old_file_lacks_is_named() -> None:
    with pytest.raises(InvalidFile, match=r"^f:1:1: the key 'key' is missing"):
        decode(Note, b"version: 1\nname: x\n", "f", KEY)
    with pytest.raises(InvalidFile, match=r"^f:1:1: title: expected text, found a list"):
        decode(Note, f"key: {KEY}\nname: [x]\n".encode(), "f", KEY)


@pytest.mark.parametrize("cls", [Request, Config])
def test_a_newer_file_says_which_version_it_needs(cls: type[Request] | type[Config]) -> None:
    with pytest.raises(InvalidFile) as caught:
        parse(cls, b"version: 2\nunheardOf: 1\n", "f")
    needed = "needs Refactory with record version 2; this one reads up to 1"
    assert caught.value.message == f"f:1:1: version: {needed}"
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize("cls", [*KINDS, Config], ids=kind)
def test_new_records_have_the_version_that_the_steps_lead_to(cls: type[Record]) -> None:
    fields = dict(zip(cls.__struct_fields__[::-1], cls.__struct_defaults__[::-1], strict=False))
    assert fields["version"] == current(kind(cls))


def test_steps_begin_at_the_first_version_and_leave_none_out() -> None:
    assert set(migrations.STEPS) <= set(TYPES)
    for steps in migrations.STEPS.values():
        assert sorted(steps) == list(range(1, len(steps) + 1))
