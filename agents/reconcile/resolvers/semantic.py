"""A merge driver that knows the language, if the user has one: mergiraf, or the command in the configuration."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from agents.processes.environment import clean_environment
from agents.reconcile.resolvers import Resolver
from agents.reconcile.resolvers.clash import Clash, lines_of

NAME = "semantic"
_MERGIRAF = "mergiraf merge --git %O %A %B -s base -x ours -y theirs -p %P"
_SECONDS = 30.0


def resolver(command: str | None) -> Resolver:
    """`%O`, `%A`, `%B` are files with base, ours and theirs, `%P` the path (gitattributes(5)); `%A` gets the result."""
    words = shlex.split(command or (_MERGIRAF if shutil.which("mergiraf") else ""))

    def resolve(clash: Clash) -> Clash:
        """The whole file or nothing; what others have closed already is left to them."""
        if not words or clash.by or clash.kind != "edit/edit":
            return clash
        merged = _run(words, clash)
        return clash if merged is None else replace(clash, parts=(lines_of(merged),), by=(NAME,))

    return resolve


def _run(words: list[str], clash: Clash) -> bytes | None:
    with tempfile.TemporaryDirectory(prefix="refactory-merge-") as name:
        suffix = Path(clash.path).suffix
        places = {f"%{side}": Path(name, f"{side}{suffix}") for side in "OAB"}
        for path, data in zip(places.values(), (clash.base, clash.ours, clash.theirs), strict=True):
            path.write_bytes(data)
        fills = {**{mark: str(path) for mark, path in places.items()}, "%P": clash.path}
        argv = [_filled(word, fills) for word in words]
        with suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(
                argv, cwd=name, env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True,
                timeout=_SECONDS, check=False,
            )  # fmt: skip
            return places["%A"].read_bytes() if done.returncode == 0 else None
    return None


def _filled(word: str, fills: dict[str, str]) -> str:
    for mark, value in fills.items():
        word = word.replace(mark, value)
    return word
