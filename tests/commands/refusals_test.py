"""What is refused is named as it stands on the command line, in words."""

from __future__ import annotations

import pytest

from tests.conftest import Refactory


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("request:create",), "Missing option '--title'."),
        (
            ("request:create", "--title", "x" * 501),
            "--title: expected text of 0 to 500 characters, found 501 characters",
        ),
        (("run", "--title", "x" * 501), "--title: expected text of 0 to 500 characters"),
        (
            ("restore", "--commit", ""),
            "--commit: expected text of at least 1 character, found 0 characters",
        ),
        (("tasks:list", "--limit", "0"), "--limit: expected a whole number from 1 to 10000, found 0"),
        (
            ("agent:claim", "a/b"),
            "<agentName>: expected 1 to 64 letters, digits and ._-, the first a letter or digit, found 'a/b'",
        ),
        (
            ("pull:record", "a", "--task-id", "1", "--commit", "zz"),
            "--commit: expected a whole commit id, 40 or 64 hexadecimal digits, found 'zz'",
        ),
        (("audit:log", "--format", "ids"), "'ids' is not one of 'text', 'json', 'yaml'"),
        (("schema", "--format", "ids"), "'ids' is not one of 'text', 'json', 'yaml'"),
    ],
)
def test_it_is_named_in_words(refactory: Refactory, command: tuple[str, ...], message: str) -> None:
    done = refactory.run(*command)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        (("request:creat", "--title", "x"), "request:create"),
        (("request", "create"), "request:create"),
        (("task:list",), "tasks:list"),
        (("plan",), "plan:"),
        (("plan:show", "1"), "plan:approve` or `plan:create` or `plan:list` or `plan:status`"),
        (("laucnh", "1"), "launch"),
    ],
)
def test_a_command_that_is_not_there_is_answered_with_the_one_that_is_meant(
    refactory: Refactory, command: tuple[str, ...], meant: str
) -> None:
    done = refactory.run(*command)
    assert done.code == 2
    assert f"did you mean `{meant}" in done.err
    assert "did you mean" not in refactory.run("zzzzzzz").err
