"""Rules on files that lead elsewhere or change what git does: links, attributes, submodules."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from agents.edits.tree.paths import as_file_systems_see_it, is_named
from agents.git.diff import changes
from agents.git.path_text import shown
from agents.rules.change import Change, Rule, readable
from state.records import Finding, Severity

_LINK, _SUBMODULE = "120000", "160000"
_COMMENT = re.compile(r"^\s*(#|$)")
_DRIVER = re.compile(r"\s(filter|merge|diff)=(?!union\b|text\b|binary\b)(\S+)")
_COMMAND = re.compile(r"^\s*update\s*=\s*!")


def links(change: Change) -> Iterator[Finding]:
    """Who reads or writes through one reaches what nobody has reviewed."""
    for path, target in _new_links(change):
        where = _leads_to(path, target)
        if where:
            yield change.finding("outside-link", "error", f"is a link to {shown(target)}, {where}", path)


def _new_links(change: Change) -> Iterator[tuple[str, str]]:
    for changed in changes(change.git, change.base, change.commit):
        if changed.new_mode == _LINK:
            data = change.git.blob(change.commit, changed.path) or b""
            yield changed.path, data.decode("utf-8", "surrogateescape")


def _leads_to(path: str, target: str) -> str:
    """Why it is to be looked at; empty for a plain one to a file of the repository."""
    if target.startswith("/"):
        return "out of the repository"
    parts = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)).split("/")
    if parts[0] == "..":
        return "out of the repository"
    if ".git" in map(as_file_systems_see_it, parts):
        return "into git's own folder"
    if re.search(r"[^./][^/]*/+(\./+)*\.\.(/|$)", target):
        return "and back up from there: where that is depends on other links"
    return ""


def attributes(change: Change) -> Iterator[Finding]:
    """Drivers are programs in somebody's configuration; other attributes hide files from diffs, or convert them."""
    for line in readable(change.delta.added):
        if _named(line.path, ".gitattributes") and not _COMMENT.match(line.text):
            driver = _DRIVER.search(line.text)
            severity = _severity(change, ".gitattributes", dangerous=bool(driver))
            what = (
                f"has git run the {driver[1]} driver {driver[2]}"
                if driver
                else "changes how git treats files"
            )
            yield change.finding("git-attributes", severity, what, line.path, line.number)


def submodules(change: Change) -> Iterator[Finding]:
    for changed in changes(change.git, change.base, change.commit):
        if changed.new_mode == _SUBMODULE:
            message = "is a commit of another repository, which nobody reviews here"
            yield change.finding("submodule", "warning", message, changed.path)
    for line in readable(change.delta.added):
        if _named(line.path, ".gitmodules") and not _COMMENT.match(line.text):
            severity = _severity(change, ".gitmodules", dangerous=bool(_COMMAND.match(line.text)))
            message = f"changes where other repositories come from: {line.text.strip()}"
            yield change.finding("submodule", severity, message, line.path, line.number)


def _severity(change: Change, name: str, dangerous: bool) -> Severity:
    """A task whose scope names the file is about it."""
    return "error" if dangerous and not is_named(name, change.task.scope) else "warning"


def _named(path: str, name: str) -> bool:
    return as_file_systems_see_it(posixpath.basename(path)) == name


RULES: tuple[Rule, ...] = (links, attributes, submodules)
