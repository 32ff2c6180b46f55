"""Print the script that completes this program's commands and options in a shell.

\b
bash: source <(refactory completion bash)                   in ~/.bashrc
zsh:  source <(refactory completion zsh)                    in ~/.zshrc, after compinit
fish: refactory completion fish > ~/.config/fish/completions/refactory.fish
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from commands._cli import chosen_format, output_options
from commands._output import show

SHELLS = ("bash", "zsh", "fish")
_SCRIPTS = Path(__file__).parent / "_completion"
_CURSOR = "\0"  # no word of a command line can hold it


@click.pass_context
def run(ctx: click.Context, /, shell: str, line: str | None, word: str | None, **given: object) -> int:
    form = chosen_format(given)
    if line is None:
        script = (_SCRIPTS / f"refactory.{shell}").read_text(encoding="utf-8")
        show("completion", {"shell": shell, "script": script}, script.rstrip("\n"), form)
    else:
        for item in candidates(ctx.find_root().command, line, word):
            click.echo(item)
    return 0


def candidates(program: click.Command, line: str, word: str | None) -> Iterator[str]:
    """`value TAB help` for all that may stand at the end of `line`.

    `word` is what the shell will replace, if that is not the whole last word: bash ends words at `:` and `=`.
    """
    _, *words = split_arg_string(line + _CURSOR)
    if not words:
        return
    *finished, last = words
    last = last.removesuffix(_CURSOR)
    kept = last.removesuffix(word) if word is not None else ""
    option = last.partition("=")[0] + "=" if last.startswith("-") and "=" in last else ""
    # The parser of the words before stops at an error of theirs and says what fits until there.
    for item in ShellComplete(program, {}, "refactory", "").get_completions(finished, last):
        if item.type == "plain":
            yield f"{(option + str(item.value)).removeprefix(kept)}\t{_one_line(item)}".rstrip("\t")


def _one_line(item: CompletionItem[str]) -> str:
    return " ".join((item.help or "").split())


COMMAND = click.Command(
    "completion",
    callback=run,
    help=__doc__,
    params=[
        click.Argument(["shell"], type=click.Choice(SHELLS)),
        click.Option(["--line"], hidden=True),
        click.Option(["--word"], hidden=True),
        *output_options(numbered=False),
    ],
)
