"""The audit logs."""

from __future__ import annotations

from collections.abc import Iterator

from agents.audit.verify import verify
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, found


def audit(evidence: Evidence) -> Iterator[Found]:
    for one in verify(evidence.store).findings:
        where = one.file if one.line is None else f"{one.file}:{one.line}"
        yield found("audit", f"{where}: {one.message}", one.hint or "`refactory audit:verify` says more")
