"""The lines of a diff that name a file and say what happens to it as a whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agents.edits.changes import EXECUTABLE, REGULAR, EditRefused, FileEdit, Hunk
from agents.edits.formats.diff_names import NOTHING, command_names, header_name, plain_name, without_prefixes

EXTENDED = re.compile(
    r"(old mode|new mode|deleted file mode|new file mode|similarity index|dissimilarity index"
    r"|rename from|rename to|copy from|copy to|index(?= [0-9a-f]+\.\.)) ?(.*)"
)
BINARY = re.compile(r"GIT binary patch\s*$|Binary files .* differ\s*$")


@dataclass
class Header:
    """What has been read about one file; `old` and `new` are as written, prefixes and all."""

    old: str | None = None
    new: str | None = None
    said: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, key: str) -> str | None:
        return self.said.get(key)

    def names(self) -> tuple[str, str]:
        """The path before and after, without prefixes; /dev/null if there is none."""
        source, target = self["rename from"] or self["copy from"], self["rename to"] or self["copy to"]
        if source is not None and target is not None:
            return plain_name(source), plain_name(target)
        if self.old is None or self.new is None:
            raise EditRefused(
                "a diff without file names: write `--- a/PATH` and `+++ b/PATH` above its @@ line"
            )
        old, new = without_prefixes(self.old, self.new)
        if self["new file mode"] is not None:
            return NOTHING, new
        if self["deleted file mode"] is not None:
            return old, NOTHING
        return old, new

    def mode(self) -> int | None:
        text = self["new file mode"] or self["new mode"]
        return None if text is None else regular_mode(text.strip())


def regular_mode(text: str) -> int:
    """A file is executable or not; links and submodules are none of an agent's business."""
    if not re.fullmatch(r"100[0-7]{3}", text):
        what = {"120000": "a symbolic link", "160000": "a submodule"}.get(text, "an unknown kind of file")
        raise EditRefused(f"mode {text} is {what}: only regular files can be changed")
    return EXECUTABLE if int(text, 8) & 0o100 else REGULAR


def is_pair(lines: list[str], at: int) -> bool:
    """`--- old` over `+++ new`."""
    return lines[at].startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")


def is_header(lines: list[str], at: int) -> bool:
    """A pair that surely is one: a hunk (or nothing) follows, and both names agree."""
    if not is_pair(lines, at) or (at + 2 < len(lines) and not lines[at + 2].startswith("@@")):
        return False
    old, new = _pair(lines, at)
    return NOTHING in (old, new) or len(set(without_prefixes(old, new))) == 1


def _pair(lines: list[str], at: int) -> tuple[str, str]:
    return header_name(lines[at][4:]), header_name(lines[at + 1][4:])


def _belongs(header: Header, pair: tuple[str, str]) -> bool:
    """False for a pair that is about another file than the lines above it."""
    if header["rename from"] is None and (header.old is None or header.new is None):
        return True
    known = header.names()
    if NOTHING in known:
        known = (known[0], known[0]) if known[1] == NOTHING else (known[1], known[1])
    return all(name in (NOTHING, own) for name, own in zip(without_prefixes(*pair), known, strict=True))


def read_header(lines: list[str], at: int) -> tuple[Header, int] | None:
    """The header that starts at this line, and the line after it."""
    header, start = Header(), at
    if lines[at].startswith("diff --git "):
        names = command_names(lines[at].removeprefix("diff --git "))
        header.old, header.new = names or (None, None)
        at += 1
    while at < len(lines) and (found := EXTENDED.match(lines[at])):
        header.said[found[1]] = found[2]
        at += 1
    if at < len(lines) and is_pair(lines, at) and _belongs(header, _pair(lines, at)):
        header.old, header.new = _pair(lines, at)
        at += 2
    return (header, at) if at > start else None


def file_edit(header: Header, hunks: tuple[Hunk, ...]) -> FileEdit:
    """The edit that a header and its hunks ask for."""
    old, new = header.names()
    if header["copy from"] is not None:
        return FileEdit(old, "copy", new, header.mode(), hunks)
    for key in ("old mode", "new mode", "deleted file mode"):
        if (text := header[key]) is not None:
            regular_mode(text.strip())
    if old == NOTHING:
        return _created(new, header.mode(), hunks)
    if new == NOTHING:
        return FileEdit(old, "delete", hunks=hunks)
    if old != new:
        return FileEdit(old, "rename", new, header.mode(), hunks)
    if not hunks and header.mode() is None:
        raise EditRefused(f"{old}: the diff has a header but no @@ lines")
    return FileEdit(old, mode=header.mode(), hunks=hunks)


def _created(path: str, mode: int | None, hunks: tuple[Hunk, ...]) -> FileEdit:
    if path == NOTHING:
        raise EditRefused("a diff from /dev/null to /dev/null")
    if len(hunks) > 1 or any(line[0] == "-" for hunk in hunks for line in hunk.lines):
        raise EditRefused(f"{path}: a new file has one hunk, of + lines only")
    content = "".join(f"{line}\n" for hunk in hunks for line in hunk.new)
    if hunks and hunks[0].final_newline is False:
        content = content.removesuffix("\n")
    return FileEdit(path, "create", mode=mode or REGULAR, content=content)
