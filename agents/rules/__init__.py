"""The review rules that need no model. Each is a function from one task's change to findings."""

from __future__ import annotations

from agents.rules import contents, loosened_config, steering, weaker_tests
from agents.rules.change import Change as Change
from agents.rules.change import Rule
from state.records import Finding

RULES: tuple[Rule, ...] = (*contents.RULES, *steering.RULES, *weaker_tests.RULES, *loosened_config.RULES)


def findings(change: Change) -> list[Finding]:
    return [finding for rule in RULES for finding in rule(change)]
