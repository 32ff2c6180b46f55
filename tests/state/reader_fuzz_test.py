"""Files that somebody or something spoilt: read alike by both readers or refused with a place, never anything else."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from state import canonical, yaml_reader
from state.errors import InvalidFile
from state.record_files import encode, header, parse
from state.records import Record
from tests.state.any_records import RECORDS
from tests.state.odd_values import PIECES, same

_PLACE = re.compile(r"f:[1-9]\d*:[1-9]\d*: ")
# fmt: off
_TOKENS = [
    b"- ", b"? ", b": ", b"{", b"}", b"[", b"]", b",", b"|2-\n", b">+\n", b"---\n", b"...\n", b"%TAG ! x\n", b"&a ",
    b"*a ", b"!t ", b"<<: ", b"# c\n", b"  # c\n", b"\n\n", b"\r\n", b"\r", b"\t", b"    ", b"'", b'"', b"\\", b"\xff",
    b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\0", b"<<<<<<< x\n", b"2", b"null",
]
# fmt: on
INSERTED = st.sampled_from(_TOKENS) | PIECES.map(str.encode) | st.binary(max_size=3)
# Where, how many bytes go, what comes instead, how often.
EDITS = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.sampled_from([0, 0, 1, 2, 10]), INSERTED, st.sampled_from([1, 1, 1, 60])
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@settings(max_examples=2_500, suppress_health_check=list(HealthCheck))
@given(RECORDS, EDITS)
def test_spoilt_files(record: Record, edits: list[tuple[int, int, bytes, int]]) -> None:
    data = encode(record)
    for at, gone, inserted, times in edits:
        at %= len(data) + 1
        data = data[:at] + inserted * times + data[at + gone :]
    try:
        value = yaml_reader.load(data, "f")
    except InvalidFile as error:
        assert _PLACE.match(error.message)
        assert outcome(record, data) == error.message
        return
    assert same(canonical.load(data, "f", header(type(record))), value)
    if not isinstance(read := outcome(record, data), str):
        assert parse(type(record), encode(read), "f") == read


def outcome(record: Record, data: bytes) -> Record | str:
    """What a command would make of the file."""
    try:
        return parse(type(record), data, "f")
    except InvalidFile as error:
        assert _PLACE.match(error.message)
        return error.message
