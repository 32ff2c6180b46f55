"""Disks that are full, out of inodes or read-only, for real: small ones, mounted where only the test sees them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROGRAM


def can_mount() -> bool:
    script = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return (
        bool(shutil.which("unshare"))
        and subprocess.run(script, capture_output=True, check=False).returncode == 0
    )


pytestmark = pytest.mark.skipif(not can_mount(), reason="no user namespaces")

INTERRUPT = """
from pathlib import Path
from state.journal import Changes, begin
(path,) = Path(".refactory/requests").iterdir()
text = path.read_text().replace(path.stem, "2-aaaaaaaa").replace("first", "second")
changes = Changes({"requests/2-aaaaaaaa.yaml": text}, {})
begin(Path(".git/refactory/journal"), Path(".refactory"), changes, "request:create")
"""
SETUP = """
set -e
program=$1 folder=$2 python=$3 interrupt=$4
refactory() { "$python" "$program/refactory.py" "$@" 2>&1 || echo "exit $?"; }
titles() { grep -h ^title: .refactory/requests/*; }
interrupt() { PYTHONPATH=$program "$python" -c "$interrupt"; }
mount -t tmpfs -o "$5" none "$folder"
cd "$folder"
git init -q --template=
refactory init >/dev/null
refactory request:create --title first >/dev/null
"""


def on_disk(folder: Path, options: str, script: str) -> str:
    """What this script says, run in a repository with one request on a disk of its own."""
    values = [str(PROGRAM.parent), str(folder), sys.executable, INTERRUPT, options]
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", SETUP + script, "bash", *values],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout


FILL = "dd if=/dev/zero of=filler bs=1k 2>/dev/null || true; "


def test_a_full_disk(tmp_path: Path) -> None:
    """Nothing is half-done: the same command, when there is space again, does it once."""
    said = on_disk(
        tmp_path,
        "size=1m",
        FILL + "refactory request:create --title second; refactory request:list --format ids; "
        "rm filler; refactory request:create --title second; titles",
    )
    refused, _, rest = said.partition("exit 1\n")
    assert "No space left on device" in refused
    assert "nothing was changed" in refused
    assert rest.endswith("title: first\ntitle: second\n")
    assert rest.startswith("1\n")


def test_what_was_interrupted_is_finished_on_a_full_disk(tmp_path: Path) -> None:
    """To carry it out takes no space, so reading commands show it, and are not refused."""
    said = on_disk(tmp_path, "size=1m", "interrupt; " + FILL + "refactory request:list --format ids; titles")
    assert said == (
        "refactory: recovered: `request:create` was interrupted; its change is complete now\n"
        "1\n2\ntitle: first\ntitle: second\n"
    )


def test_a_full_inode_table(tmp_path: Path) -> None:
    said = on_disk(
        tmp_path,
        "size=1m,nr_inodes=100",
        "mkdir many; for n in $(seq 200); do touch many/$n 2>/dev/null || break; done; "
        "refactory request:create --title second; rm -r many; refactory request:create --title second; titles",
    )
    assert "No space left on device" in said
    assert "nothing was changed" in said
    assert said.endswith("title: first\ntitle: second\n")


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """The signal that comes with it kills no one."""
    said = on_disk(
        tmp_path,
        "size=1m",
        "(ulimit -f 0; refactory request:create --title second); refactory request:create --title second; titles",
    )
    assert "File too large" in said
    assert "nothing was changed" in said
    assert said.endswith("title: first\ntitle: second\n")


def test_a_read_only_disk(tmp_path: Path) -> None:
    """An interrupted change is shown as it will be, and finished when the disk can be written again."""
    said = on_disk(
        tmp_path,
        "size=1m",
        "interrupt; mount -o remount,ro none .; refactory request:list --format ids; "
        "refactory request:show 2 --format yaml; refactory request:create --title third; "
        "mount -o remount,rw none .; refactory request:create --title third; titles",
    )
    read_only, _, writable = said.partition("exit 1\n")
    assert "can't be finished now" in read_only
    assert "\n1\n2\n" in read_only
    assert "title: second" in read_only
    assert "Read-only file system" in read_only
    assert writable.startswith("refactory: recovered: `request:create`")
    assert writable.endswith("title: first\ntitle: second\ntitle: third\n")


def test_a_full_disk_that_has_only_a_linked_worktree(tmp_path: Path) -> None:
    """It is met before anything is changed, and hinders no other worktree of the clone."""
    said = on_disk(
        tmp_path,
        "size=20m",
        "git add . && git -c user.name=a -c user.email=a@b commit -qm first; mkdir /tmp/small.$$; "
        "mount -t tmpfs -o size=1m none /tmp/small.$$; git worktree add -q /tmp/small.$$/tree; cd /tmp/small.$$/tree; "
        + FILL
        + "refactory request:create --title second; find . -name '*.tmp'; titles; "
        "cd $folder; refactory request:create --title third >/dev/null; titles; "
        "cd /tmp/small.$$/tree; rm filler; refactory request:create --title fourth >/dev/null; titles; "
        "find . -name '*.tmp'; cd /; umount /tmp/small.$$; rmdir /tmp/small.$$",
    )
    refused, _, rest = said.partition("exit 1\n")
    assert "No space left on device" in refused
    assert "nothing was changed" in refused
    assert sorted(rest.split("title: ")[1:]) == ["first\n", "first\n", "first\n", "fourth\n", "third\n"]
