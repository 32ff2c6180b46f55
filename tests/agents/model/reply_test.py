from __future__ import annotations

from typing import Any

import pytest

from agents.model.reply import READERS

ANSWERS: dict[str, dict[str, Any]] = {
    "chat": {"choices": [{"message": {"content": "x"}}]},
    "responses": {"status": "completed", "output": []},
}
NAMES = {"chat": ("prompt_tokens", "completion_tokens"), "responses": ("input_tokens", "output_tokens")}


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("told", [-1, -100_000_000, 10**22])
def test_tokens_that_cannot_be_make_no_room_in_a_budget(api: Any, told: int) -> None:
    """Below zero they would; more than a record can hold ended the whole run."""
    read, _ = READERS[api]
    reply = read({**ANSWERS[api], "usage": dict.fromkeys(NAMES[api], told)})
    assert (reply.input_tokens, reply.output_tokens) == (0, 0)
    reply = read({**ANSWERS[api], "usage": dict.fromkeys(NAMES[api], 7)})
    assert (reply.input_tokens, reply.output_tokens) == (7, 7)
