"""Every operation's input can be read: a bound on `T | None` is found out only when it is used."""

from __future__ import annotations

import msgspec
import pytest

from commands._http.routes import Exposed, exposed


@pytest.mark.parametrize("each", exposed(), ids=lambda each: each.name)
def test_the_params_are_readable(each: Exposed) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `nobodyKnowsIt`"):
        msgspec.convert({"nobodyKnowsIt": 1}, each.operation.params)
