"""What `doctor --fix` changes or removes is kept first: files in a folder, commits at backup refs."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from agents.git.repository import Repository
from state.location import Location


class Backup:
    """`folder` is made with the first file. `failed`: what could not be mended, and why."""

    def __init__(self, location: Location) -> None:
        self._location = location
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        now = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
        self.name = f"doctor-{now}.{nanoseconds // 1000:06d}Z"
        self.folder = location.private / "backup" / self.name
        self.kept: list[str] = []
        self.failed: list[str] = []

    def file(self, path: Path) -> None:
        """As it is now, unless it was kept before."""
        target = self.folder / self._relative(path)
        if path.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
            self.kept.append(str(target))

    def remove(self, path: Path) -> None:
        self.file(path)
        path.unlink(missing_ok=True)

    def ref(self, name: str, commit: str) -> None:
        kept = f"refs/refactory/backup/{self.name}/{name.removeprefix('refs/')}"
        Repository(self._location.git_dir).update_ref(kept, commit)
        self.kept.append(kept)

    def _relative(self, path: Path) -> Path:
        for folder, name in ((self._location.git_dir, ".git"), (self._location.root, ".")):
            if path.is_relative_to(folder):
                return Path(name) / path.relative_to(folder)
        return Path(path.name)
