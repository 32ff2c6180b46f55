"""The openai SDK, imported without aiohttp, which it loads for a client that is not used here.

Each start of the coders would wait 0.15 s for it, a sixth of what they import.
"""

from __future__ import annotations

import sys

# In a process that has it, such as the server, there is nothing to save, and another thread may be importing of it.
if "aiohttp" in sys.modules:
    import openai
else:
    sys.modules["aiohttp"] = None  # type: ignore[assignment] # so an import of it fails: the SDK goes on without
    try:
        import openai
    finally:
        del sys.modules["aiohttp"]

__all__ = ["openai"]
