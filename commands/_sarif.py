"""A review as SARIF 2.1.0, which code scanning and editors read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from agents.git.path_text import meant
from state.keys import number_of
from state.records import Finding, Review

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://pypi.org/project/refactory-orchestrator/"


def sarif(review: Review) -> str:
    rules = sorted({finding.rule for finding in review.findings})
    run = {
        "tool": {
            "driver": {
                "name": "Refactory",
                "informationUri": _HOME,
                "rules": [{"id": rule, "shortDescription": {"text": _title(rule)}} for rule in rules],
            }
        },
        "automationDetails": {"id": f"refactory/plan/{number_of(review.plan)}"},
        "results": [_result(finding, rules) for finding in review.findings],
        "properties": {
            "verdict": review.verdict,
            "commit": review.commit,
            "reviewers": review.reviewers,
        },
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _title(rule: str) -> str:
    return rule.replace("-", " ").capitalize()


def _result(finding: Finding, rules: Sequence[str]) -> dict[str, Any]:
    extra = {
        "task": number_of(finding.task) if finding.task else None,
        "suggestedTask": finding.suggested_task,
    }
    result = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": finding.severity,
        "message": {"text": finding.message or finding.rule},
        "properties": {name: value for name, value in extra.items() if value is not None},
    }
    return {**result, "locations": [_location(finding)]} if finding.file else result


def _location(finding: Finding) -> dict[str, Any]:
    uri = quote(os.fsencode(meant(finding.file or "")))
    place: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}}
    if finding.line:
        place["region"] = {"startLine": finding.line}
    return {"physicalLocation": place}
