from __future__ import annotations

import pytest

from state.secrets import kind, redacted


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop",
        "ghp_" + "a1B2" * 9,
        "AKIAABCDEFGHIJKLMNOP",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_key_is_not_kept(secret: str) -> None:
    assert redacted(f"a = {secret} # b") == "a = *** # b"


@pytest.mark.timeout(20)
def test_many_beginnings_without_an_end_take_no_longer_than_other_text() -> None:
    begin = "-----BEGIN PRIVATE KEY-----\n"
    assert "BEGIN" not in redacted(begin * 20_000)
    assert redacted(f"{begin}cut off\n{begin}abc\n-----END PRIVATE KEY----- b") == "****** b"


def test_the_key_in_use_is_not_kept_whatever_it_looks_like() -> None:
    assert redacted("my own key", "my own key") == "***"
    assert redacted("a b", "a") == "a b", "a key this short is none"


@pytest.mark.parametrize("key", ["ghp_", "gho_", "ghu_", "ghs_"])
def test_what_is_cut_out_is_also_refused_in_a_change(key: str) -> None:
    assert kind(f"TOKEN={key}{'a1B2' * 9}") == "an API key"


def test_a_password_is_refused_but_not_cut_out() -> None:
    line = "password = 'correct horse'"
    assert kind("password = 'correct-horse'") == "a password"
    assert redacted(line) == line
    assert kind("password = os.environ['PASSWORD']") is None
