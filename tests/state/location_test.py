from __future__ import annotations

from pathlib import Path

from state.location import Location


def at(root: Path, git_dir: Path) -> Location:
    return Location(root, git_dir, git_dir)


def test_two_clones_never_share_a_cache(tmp_path: Path) -> None:
    one, other = (at(tmp_path / name, tmp_path / name / ".git") for name in ("app/two", "app-two"))
    assert one.cache != other.cache
    deep = [at(tmp_path, tmp_path / top / ("x" * 200)) for top in ("a", "b")]
    assert deep[0].cache != deep[1].cache


def test_the_cache_of_a_clone_stays_the_same_and_tells_whose_it_is(tmp_path: Path) -> None:
    location = at(tmp_path / "app", tmp_path / "app" / ".git")
    assert location.cache == at(tmp_path, tmp_path / "x" / ".." / "app" / ".git").cache
    assert "-app-.git-" in location.cache.name
