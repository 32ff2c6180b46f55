from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.edits.tree.paths import in_scope, refuse_reason

GIT = [
    ".git",
    ".GIT",
    ".Git",
    ".g\u200cit",
    "\ufeff.git",
    "git~1",
    "GIT~1",
    ".git.",
    ".git ",
    ".git. .",
    ".git::$DATA",
]
GIT += [".git::$INDEX_ALLOCATION", ".git:x", ".\uff47it"]
OURS = [".refactory", ".Refactory", ".refac\u200dtory", ".refactory. ", "REFACT~1", ".refactory:stream"]


@pytest.mark.parametrize("name", GIT + OURS)
@pytest.mark.parametrize("path", ["{}", "{}/config", "sub/{}/hooks/x", "sub/{}"])
def test_protected_names(name: str, path: str) -> None:
    assert refuse_reason(path.format(name))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/./b",
        "./a",
        "a//b",
        "a/",
        "a\\b",
        "C:/x",
        "a\0b",
        "a\nb",
    ],
)
def test_malformed_paths(path: str) -> None:
    assert refuse_reason(path)


@pytest.mark.parametrize("path", ["a" * 256, "é" * 128, "a/" * 2000 + "b"])
def test_long_paths(path: str) -> None:
    assert refuse_reason(path) == "the path is too long"


@pytest.mark.parametrize(
    "path", [".github/x.yml", ".gitignore", "a b/ü.py", "git", "x.git", "..a", "refactory.py"]
)
def test_plain_paths(path: str) -> None:
    assert refuse_reason(path) is None


def test_the_scope_is_named() -> None:
    assert refuse_reason("docs/x", ["src/**"]) == "outside the task's scope (src/**)"


@pytest.mark.parametrize(
    ("glob", "inside", "outside"),
    [
        ("src/**", ["src/a", "src/a/b.py"], ["src", "a/src/b"]),
        ("*.py", ["a.py", "x/y/a.py"], ["a.pyc", "a.py.txt"]),
        ("docs/", ["docs/a", "x/docs/a/b"], ["docs"]),
        ("README", ["README", "x/README", "README/x"], ["README.md"]),
        ("/README", ["README"], ["x/README"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["a", "b/z"]),
        ("./src/*.py", ["src/a.py"], ["src/b/a.py"]),
        ("[ab]?", ["a1", "x/b2"], ["c1"]),
    ],
)
def test_scope(glob: str, inside: list[str], outside: list[str]) -> None:
    assert [path for path in inside + outside if in_scope(path, [glob])] == inside


def test_no_scope_allows_all_and_the_last_glob_decides() -> None:
    assert in_scope("any/thing", [])
    assert not in_scope("src/gen/x", ["src/", "!src/gen/"])
    assert in_scope("src/x", ["src/", "!src/gen/"])


PART = st.sampled_from(["a", "b", "ab", "a.py"])
GLOB = st.sampled_from(["a", "b", "*", "a*", "*.py", "?", "**"])


@settings(max_examples=60)
@given(
    st.lists(PART, min_size=1, max_size=4),
    st.lists(GLOB, min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_scope_agrees_with_gitignore(
    tmp_path_factory: pytest.TempPathFactory, path: list[str], glob: list[str], slash: bool, folder: bool
) -> None:
    text = "/" * slash + "/".join(glob) + "/" * folder
    root = tmp_path_factory.getbasetemp() / "ignore"
    if not root.exists():
        subprocess.run(["git", "init", "-q", str(root)], check=True)
    Path(root, ".gitignore").write_text(f"{text}\n")
    command = ["git", "-C", str(root), "check-ignore", "-q", "--no-index", "/".join(path)]
    assert in_scope("/".join(path), [text]) == (subprocess.run(command, check=False).returncode == 0), text
