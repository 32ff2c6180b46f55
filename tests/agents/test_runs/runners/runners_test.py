"""The files in tests/data/test_output are what these runners printed: pytest 9.2, unittest of Python 3.11, jest 30,
vitest 4.1, mocha 12, node 20, go 1.19, cargo 1.95.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.test_runs.runners import read

DATA = Path(__file__).parents[3] / "data" / "test_output"


def said(name: str) -> str:
    return (DATA / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "passed", "failed", "skipped"),
    [
        ("pytest-red", 2, 3, 2),
        ("pytest-quiet", 2, 3, 2),
        ("pytest-colour", 2, 3, 2),
        ("pytest-xdist", 2, 3, 2),
        ("pytest-green", 1, 0, 0),
        ("pytest-broken", 0, 1, 0),
        ("pytest-none", 0, 0, 0),
        ("pytest-none2", 0, 0, 0),
        ("unittest-red", 1, 3, 2),
        ("unittest-verbose", 1, 3, 2),
        ("unittest-green", 1, 0, 1),
        ("unittest-none", 0, 0, 0),
        ("jest-red", 1, 1, 2),
        ("jest-green", 1, 0, 3),
        ("jest-broken", 1, 2, 2),
        ("jest-all-skipped", 0, 0, 4),
        ("jest-none-passed", 0, 0, 0),
        ("vitest-red", 1, 1, 2),
        ("vitest-green", 1, 0, 3),
        ("vitest-broken", 1, 2, 2),
        ("vitest-none-passed", 0, 0, 0),
        ("mocha-red", 1, 2, 1),
        ("mocha-dot", 1, 2, 1),
        ("mocha-green", 1, 0, 0),
        ("mocha-none", 0, 0, 0),
        ("node-red", 1, 1, 1),
        ("node-spec", 1, 1, 1),
        ("node-green", 1, 0, 2),
        ("node-none2", 0, 0, 3),
        ("go-red", 0, 2, 0),
        ("go-red-verbose", 2, 2, 1),
        ("go-green", 1, 0, 0),
        ("go-green-verbose", 1, 0, 0),
        ("go-broken", 0, 3, 0),
        ("go-none", 0, 0, 0),
        ("go-none-verbose", 0, 0, 0),
        ("go-no-files", 0, 0, 0),
        ("cargo-red", 2, 1, 1),
        ("cargo-green", 1, 0, 0),
        ("cargo-none", 0, 0, 0),
    ],
)
def test_what_runners_print_is_counted(name: str, passed: int, failed: int, skipped: int) -> None:
    counts = read(said(name))
    assert counts is not None
    assert (counts.passed, counts.bad, counts.skipped) == (passed, failed, skipped)
    assert counts.succeeded == (passed > 0 and not failed)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("pytest-red", {"test_a.py::test_fails", "test_a.py::test_param[a b]", "test_a.py::test_error"}),
        ("pytest-broken", {"test_b.py"}),
        (
            "unittest-red",
            {
                "test_fails (unit_a.T.test_fails)",
                "test_breaks (unit_a.T.test_breaks)",
                "test_sub (unit_a.T.test_sub) (x=1)",
            },
        ),
        ("jest-broken", {"jest/a.test.js > adding > fails", "jest/b.test.js"}),
        ("vitest-broken", {"vitest/a.test.mjs > adding > fails", "vitest/b.test.mjs [ vitest/b.test.mjs ]"}),
        ("mocha-red", {"adding > fails", "adding > deeper > fails, too"}),
        ("node-red", {"fails"}),
        ("node-spec", {"node/a.test.js > fails"}),
        ("go-red", {"example.com/adder TestFails", "example.com/adder TestFails/sub_case"}),
        (
            "go-broken",
            {
                "example.com/adder TestFails",
                "example.com/adder TestFails/sub_case",
                "example.com/adder/broken [build failed]",
            },
        ),
        ("cargo-red", {"tests::fails"}),
    ],
)
def test_failed_tests_are_named(name: str, names: set[str]) -> None:
    counts = read(said(name))
    assert counts is not None
    assert counts.names == names


@pytest.mark.parametrize("output", ["", "Built 3 files in 0.2s\n", "ok\n", "Tests: all fine\n", "FAIL: no\n"])
def test_what_no_runner_printed_is_not_counted(output: str) -> None:
    assert read(output) is None


def test_several_runs_of_one_command_are_added_up() -> None:
    counts = read(said("pytest-green") + said("jest-red") + said("cargo-green"))
    assert counts is not None
    assert (counts.passed, counts.bad) == (3, 1)


def test_names_are_known_only_if_all_are() -> None:
    counts = read("FAILED a.py::one\n2 failed in 0.1s\n")
    assert counts is not None
    assert (counts.bad, counts.names) == (2, None)


def test_hostile_output_takes_no_time() -> None:
    """Nothing in it may make a pattern go back over what it has seen."""
    for line in ("1 passed, " * 200_000, "  1) " + "\n      a" * 200_000, "= " * 500_000, "1 " * 500_000):
        read(line)
