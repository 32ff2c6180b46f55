from __future__ import annotations

from pathlib import Path

from agents.model.settings import ModelSettings
from agents.model.tools import Turn
from agents.model.transcript import write_transcript


def test_a_transcript_is_private_and_takes_any_text(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "model-1.md"
    write_transcript(path, ModelSettings(), "Do it.", [Turn("user", "\udcff ```")], "Done.", "1 requests")
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert text.index("Do it.") < text.index("? ```") < text.index("Done.")
