from __future__ import annotations

from pathlib import Path

import pytest

from agents.model.settings import ModelSettings
from agents.model.tools import Turn
from agents.model.transcript import redacted, write_transcript


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


def test_the_key_in_use_is_not_kept_whatever_it_looks_like() -> None:
    assert redacted("my own key", "my own key") == "***"
    assert redacted("a b", "a") == "a b", "a key this short is none"


def test_a_transcript_is_private_and_takes_any_text(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "model-1.md"
    write_transcript(path, ModelSettings(), "Do it.", [Turn("user", "\udcff ```")], "Done.", "1 requests")
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert text.index("Do it.") < text.index("? ```") < text.index("Done.")
