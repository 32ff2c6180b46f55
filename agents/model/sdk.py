"""The openai SDK, imported without aiohttp, which it loads for a client that is not used here.

Each start of the coders would wait 0.15 s for it, a sixth of what they import.
"""

from __future__ import annotations

import sys

_loaded = sys.modules.get("aiohttp")
sys.modules["aiohttp"] = None  # type: ignore[assignment] # "not to be had" (PEP 328): the SDK goes on without
try:
    import openai
finally:
    del sys.modules["aiohttp"]
    if _loaded is not None:
        sys.modules["aiohttp"] = _loaded

__all__ = ["openai"]
