"""Time as it is written into records."""

from __future__ import annotations

import time


def now() -> str:
    """RFC 3339, UTC, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
