"""What a coder is told of its task."""

from __future__ import annotations

from agents.work import Claim


def task_text(claim: Claim) -> str:
    """Title, detail, scope, acceptance, and what went wrong before; plain text, for a model or a program."""
    task = claim.task
    parts = [f"Task: {task.title}", task.detail.strip()]
    if claim.design.strip():
        parts.append(f"Design of the whole:\n{claim.design.strip()}")
    if task.scope:
        parts.append("Change only files that match: " + ", ".join(task.scope))
    if task.acceptance:
        parts.append("These commands must pass:\n" + "\n".join(f"    {line}" for line in task.acceptance))
    if task.feedback:
        parts.append(f"The last attempt was sent back:\n{task.feedback.strip()}")
    return "\n\n".join(part for part in parts if part) + "\n"
