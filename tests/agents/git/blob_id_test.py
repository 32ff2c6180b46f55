from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agents.git.blob_id import blob_id


@pytest.mark.parametrize("data", [b"", b"a\r\n\0\xff"])
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_git_gives_the_same_name(tmp_path: Path, algorithm: str, data: bytes) -> None:
    subprocess.run(["git", "init", "-q", f"--object-format={algorithm}"], cwd=tmp_path, check=True)
    args = ["git", "hash-object", "--no-filters", "--stdin"]
    name = (
        subprocess.run(args, cwd=tmp_path, input=data, capture_output=True, check=True)
        .stdout.decode()
        .strip()
    )
    assert blob_id(data, like=name) == blob_id(memoryview(data + b"more")[: len(data)], like=name) == name
