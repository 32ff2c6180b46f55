"""Whether the audit logs are whole: by their chains, by what was noted of their ends, by git's history of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agents.audit.history import FOLDER, elsewhere, lost_versions, versions
from agents.audit.mirror import mirrored, remembered, set_back
from agents.git.repository import Repository
from state.audit_chain import Anchor, Log, acceptance, breaks, checked, missing, read_files, split, strangers
from state.audit_memory import Head
from state.plural import plural
from state.store import Store


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`file` is relative to the working tree's top; `line` counts from 1, null: it is about the whole file.
    `lost` is the hash of the last of the lines that are gone, where the loss can be accepted.
    """

    file: str
    line: int | None = None
    message: str
    hint: str = ""
    lost: str | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`findings`: what must not be. `notes`: lines that are known of and not here, but for a good reason."""

    files: int
    lines: int
    findings: list[Finding]
    notes: list[Finding]


def verify(store: Store) -> Verification:
    return verified(store)[0]


def verified(store: Store) -> tuple[Verification, dict[str, Head]]:
    """The answer, and the heads of the logs as they were read."""
    private, git = store.location.private, Repository(store.location.own_git_dir, store.location.root)
    noted = mirrored(private, git)
    with store.lock("audit:verify"):  # a line and what is remembered of it belong together
        files = read_files(store.location.records / "audit")
        noted += remembered(private)
    logs = {name: checked(name, data) for name, data in files.items()}
    gone = list(_committed(git, logs))
    findings, notes = _noted(store, git, logs, noted, {finding.file for finding in gone})
    missed, accepted = _accepted(logs, [*gone, *findings])
    answer = Verification(
        files=len(logs),
        lines=sum(len(log.hashes) for log in logs.values()),
        findings=[*_in_files(store, logs), *_ref(private, git), *missed],
        notes=[*notes, *accepted],
    )
    return answer, {name: log.head for name, log in logs.items()}


def accept(store: Store, findings: Sequence[Finding], reason: str) -> None:
    """Say in the log that these lost lines are not missed, and why; the chains keep that, too."""
    with store.transaction("audit:verify") as changes:
        for finding in findings:
            if finding.lost:
                changes.say(*acceptance(finding.file.removeprefix(FOLDER), finding.lost, reason))


def _accepted(logs: Mapping[str, Log], findings: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    """What is still missed, and what is not."""
    said = {lost: text for log in logs.values() for lost, text in log.accepted.items()}
    missed = [finding for finding in findings if finding.lost not in said]
    notes = [
        replace(finding, hint=said[finding.lost])
        for finding in findings
        if finding.lost and finding.lost in said
    ]
    return missed, notes


def _in_files(store: Store, logs: Mapping[str, Log]) -> Iterator[Finding]:
    for name, line, message in breaks(logs):
        yield Finding(file=FOLDER + name, line=line, message=message)
    for name in strangers(store.location.records / "audit"):
        yield Finding(file=FOLDER + name, message="is no audit log", hint="move it out of that folder")


def _ref(private: Path, git: Repository) -> Iterator[Finding]:
    wrong = set_back(private, git)
    if wrong:
        ref, commit = wrong
        hint = f"`git update-ref {ref} {commit}` puts it back"
        yield Finding(file=ref, message=f"was removed or set back; it was at {commit[:12]}", hint=hint)


def _committed(git: Repository, logs: Mapping[str, Log]) -> Iterator[Finding]:
    """Lines that HEAD's own history has: no checkout, rebase, merge or revert may drop them."""
    if git.resolve("HEAD") is None:
        return
    for name, log, commit in lost_versions(git, logs, versions(git, "HEAD")):
        same = _same(logs[name].data if name in logs else b"", log.data)
        yield Finding(
            file=FOLDER + name,
            line=same + 1,
            message=f"{plural(log.head.count - same, 'committed line')} gone or changed from here on",
            hint=f"commit {commit[:12]} has them: `git show {commit[:12]}:{FOLDER}{name}`",
            lost=log.head.hash,
        )


def _same(present: bytes, committed: bytes) -> int:
    """How many lines both begin with."""
    pairs = zip(split(present), split(committed), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _noted(
    store: Store,
    git: Repository,
    logs: Mapping[str, Log],
    noted: Sequence[Anchor],
    explained: Collection[str],
) -> tuple[list[Finding], list[Finding]]:
    """Noted heads that are not here: findings, and those that have a good reason."""
    unknown = [anchor for anchor in missing(logs, noted) if FOLDER + anchor.name not in explained]
    everywhere = versions(git, "--all") if unknown else {}
    findings: list[Finding] = []
    notes: list[Finding] = []
    for anchor in unknown:
        present = logs.get(anchor.name)
        found = elsewhere(git, store.location.root, anchor, everywhere)
        harmless = found[1].data.startswith(present.data if present else b"") if found else not anchor.own
        message, hint = _explained(anchor, present, found and found[0], harmless)
        if not found and not harmless:
            hint = _in_reflog(git, anchor) or hint
        finding = Finding(file=FOLDER + anchor.name, message=message, hint=hint, lost=anchor.head.hash)
        (notes if harmless else findings).append(finding)
    return findings, notes


def _in_reflog(git: Repository, anchor: Anchor) -> str:
    """How to keep the commit with these lines, if only git's reflog still has it."""
    everywhere = versions(git, "--reflog", "HEAD") if git.resolve("HEAD") else {}
    for blob, commit in everywhere.get(anchor.name, {}).items():
        if checked(anchor.name, git.raw("cat-file", "blob", blob)).has(anchor.head):
            return f"commit {commit[:12]}, on no branch, has them: `git branch rescue {commit[:12]}` keeps it"
    return ""


def _explained(anchor: Anchor, present: Log | None, where: str | None, harmless: bool) -> tuple[str, str]:
    count, here = anchor.head.count, present.head.count if present else 0
    if where and harmless:
        return f"{where} has {plural(count - here, 'more line')}", ""
    if where:
        return f"other lines than in {where}", "one of the two was changed"
    said = (
        f"{plural(count, 'line')} by {anchor.source}, the last one {anchor.head.hash[:12]}; here are {here}"
    )
    if harmless:
        return f"{said}: not merged yet, or lost", ""
    return (
        f"{said}, without that one: cut off or changed",
        "git has these lines nowhere; a backup may have them. If they are not missed: audit:verify --accept",
    )
