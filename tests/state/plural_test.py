from __future__ import annotations

from state.plural import plural


def test_one_thing_is_no_things() -> None:
    assert [plural(count, "file") for count in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert [plural(days, "day") for days in (0.5, 1.0, 30.0)] == ["0.5 days", "1 day", "30 days"]
