"""All that the page shows."""

from __future__ import annotations

import msgspec

from commands._status import Status
from state.audit_entries import Entry
from state.records import Pull


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All that the page shows. `steps`: the audit log's lines of these records, the newest last."""

    status: Status
    attempts: list[Pull]
    steps: list[Entry]
