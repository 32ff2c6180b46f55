"""What a test command needs of this machine."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Collection

from agents.processes.environment import clean_environment
from state.errors import UsageError

_RUNNERS = ("pytest", "tox", "nox")  # Python's that are installed, and no module of the repository's own
_PLAIN = re.compile(r"[\w.+-]+")
_SETS = re.compile(r"\w+=")
_SECONDS = 10.0


def check_tools(command: str, pass_env: Collection[str]) -> None:
    """Raises UsageError where the command can't even start here; so it would be red, whatever a coder does."""
    env = clean_environment(pass_env=pass_env)
    lacks = _missing(_first(command), env)
    if lacks:
        raise UsageError(
            f"the tests (`{' '.join(command.split())}`) can't run here: {lacks}",
            "install it there, put the environment that has it first in PATH, or set test.command",
        )


def _first(command: str) -> list[str]:
    """The words of the first program that it starts; none where that takes a shell to tell."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set("();<>|&"):
                break
            words.append(word)
    except ValueError:
        return []
    while words and _SETS.match(words[0]):
        if words.pop(0).startswith("PATH="):
            return []
    return words if words and _PLAIN.fullmatch(words[0]) else []


def _missing(words: list[str], env: dict[str, str]) -> str:
    """Empty where nothing is known to be missing."""
    if not words:
        return ""
    found = shutil.which(words[0], path=env.get("PATH"))
    if not found:
        known = _exit_code(["sh", "-c", 'command -v "$1"', "sh", words[0]], env) == 0  # `cd`, `if`, `[`
        return "" if known else f"there is no program {words[0]}"
    if not re.fullmatch(r"python[\d.]*", words[0]) or words[1:2] != ["-m"]:
        return ""
    module = words[2] if len(words) > 2 else ""
    code = "import sys; from importlib.util import find_spec; sys.exit(3 * (find_spec(sys.argv[1]) is None))"
    # -P: nothing of the folder that we stand in is run. Older Pythons don't know it, and end with 2.
    lacking = module in _RUNNERS and _exit_code([found, "-P", "-c", code, module], env) == 3
    return f"{found} has no module {module}" if lacking else ""


def _exit_code(argv: list[str], env: dict[str, str]) -> int | None:
    try:
        return subprocess.run(argv, env=env, capture_output=True, check=False, timeout=_SECONDS).returncode
    except (OSError, subprocess.TimeoutExpired):
        return None
