"""The program: finds the command's file, runs it, shows errors. `refactory a:b-c` is commands/a_b_c.py."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# A command makes its objects and ends: to search them for garbage, also at the end, was a fifth of its time.
gc.set_threshold(100_000)
atexit.register(gc.freeze)

_HERE = Path(__file__).resolve().parent
# Installed, the packages lie in a private folder: nothing named `agents` or `state` goes to site-packages.
sys.path.insert(0, str(_HERE / "_refactory" if (_HERE / "_refactory").is_dir() else _HERE))

import click  # noqa: E402

from state.errors import RefactoryError, UsageError  # noqa: E402
from state.streams import hush, prepare, say  # noqa: E402

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

VERSION = "0.1.0"
INTERRUPTED = 130
TERMINATED = 143
UNEXPECTED = 70  # EX_SOFTWARE, sysexits(3)
# What the machine refuses in the middle of a file, too, where an error has no name: no bug of ours.
_MACHINE_REFUSES = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO", "EMFILE", "ENFILE", "ENOMEM")
}


def command_name(module: str) -> str:
    """`plan_create` is `plan:create`; `patch_apply_all` would be `patch:apply-all`."""
    return module.replace("_", ":", 1).replace("_", "-")


def module_name(command: str) -> str:
    return command.replace(":", "_").replace("-", "_")


class ClosedPipe(Exception):
    """The reader (head, less) has seen enough. Not an OSError: of those click makes exit code 1."""


class Commands(click.Group):
    """One file per command; only the chosen one is imported."""

    folder = Path(sys.path[0]) / "commands"

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (path.stem for path in self.folder.glob("*.py"))
        return sorted(command_name(name) for name in names if not name.startswith("_"))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            raise ClosedPipe from None
        return result

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = module_name(cmd_name)
        known = name.isidentifier() and name[0] != "_" and command_name(name) == cmd_name
        if not known or not (self.folder / f"{name}.py").is_file():
            return None
        import importlib

        module = importlib.import_module(f"commands.{name}")
        declared: click.Command | None = getattr(module, "COMMAND", None)
        if declared is not None:
            declared.name, declared.help = cmd_name, declared.help or module.__doc__
            return declared
        from commands._cli import command

        return command(cmd_name, module.__doc__ or "", module.OPERATION)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """With what may be meant where there is none of that name: `request create` is `request:create`."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            meant = "` or `".join(self._meant(ctx, args))
            if not meant:
                raise
            raise click.UsageError(f"{error.message} (did you mean `{meant}`?)", ctx) from None

    def _meant(self, ctx: click.Context, args: list[str]) -> list[str]:
        from difflib import get_close_matches

        names = self.list_commands(ctx)
        joined = ":".join(args[:2])
        if joined in names:
            return [joined]
        noun = args[0].partition(":")[0]
        return (
            get_close_matches(args[0], names, 3, cutoff=0.85)  # a slip of the keyboard
            or [name for name in names if name.startswith(f"{noun}:")]
            or get_close_matches(args[0], names, 3)
        )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self._summary(name)) for name in names]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summary(name)) for name in self.list_commands(ctx)])

    def _summary(self, name: str) -> str:
        """The docstring's first line, read as text: to import every command would take a second."""
        with (self.folder / f"{module_name(name)}.py").open(encoding="utf-8") as file:
            return file.readline().strip().strip('"')


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-C", "folder", default=".", metavar="DIR", help="Work in the repository around DIR.")
@click.option(
    "--api-url", envvar="REF_API_URL", metavar="URL", help="Work through this server. [REF_API_URL]"
)
@click.version_option(VERSION, prog_name="refactory", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, folder: str, api_url: str | None) -> None:
    """From a request to tested, reviewed, merged code: AI coding agents in parallel, from scripts and CI."""
    from commands._context import Context

    ctx.obj = Context(Path(folder), api_url or None)


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code; the console script exits with it."""
    argv = sys.argv[1:] if argv is None else argv
    # A kill by name must run our `finally`s, too: they end what we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    prepare()
    try:
        return _run(argv)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message(), sys.stdout)
        return UsageError.exit_code
    except click.ClickException as error:
        hint = "" if not isinstance(error, click.UsageError) or not error.ctx else _help_hint(error.ctx)
        return _failed(argv, UsageError(error.format_message(), hint))
    except RefactoryError as error:
        return _failed(argv, error)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except (BrokenPipeError, ClosedPipe):
        hush(sys.stdout)
        return 0
    except OSError as error:
        refused = error.filename or error.errno in _MACHINE_REFUSES
        return _failed(argv, _refused(error) if refused else _unexpected(error))
    except Exception as error:
        return _failed(argv, _unexpected(error))


def _run(argv: list[str]) -> int:
    result: Any = cli.main(argv, prog_name="refactory", standalone_mode=False)
    return result if isinstance(result, int) else 0


def _help_hint(ctx: click.Context) -> str:
    return f"`{ctx.command_path} --help` shows what is expected"


def _failed(argv: list[str], error: RefactoryError) -> int:
    from commands._text import printable

    command, form = asked(argv)
    if form in ("json", "yaml"):
        from commands._output import encoded, envelope

        say(encoded(envelope(command, error.data, [error]), form), sys.stdout)
    else:
        say("", sys.stdout, end="")
    say(printable("refactory: " + error.told("\n  ")), sys.stderr)
    return error.exit_code


def asked(argv: list[str]) -> tuple[str, str]:
    """The command and the format that an erroneous command line means: click may not have come as far."""
    options = argv[: argv.index("--")] if "--" in argv else argv
    form = "text"
    for word, following in zip(options, [*options[1:], ""], strict=True):
        if word.startswith("--format"):
            form = word.partition("=")[2] or following
    words = argv
    while words and words[0].startswith("-"):
        words = words[2 if words[0] in ("-C", "--api-url") else 1 :]
    return (words[0] if words else "", "json" if "--json" in options else form)


def _refused(error: OSError) -> RefactoryError:
    """A file that is not what it should be, or a full disk, is for its owner to mend: no bug of ours."""
    names = [name for name in (error.filename, error.filename2) if name]
    where = " -> ".join(os.fsdecode(name) if isinstance(name, bytes) else str(name) for name in names)
    what = f"{where}: {error.strerror}" if where else f"can't write or open a file: {error.strerror}"
    return RefactoryError(what, "mend the cause, and run the command again")


def _unexpected(error: Exception) -> RefactoryError:
    """A bug of ours: a log ready to paste into a report, and its path."""
    try:
        hint = f"the details are in {_logged(error)}"
    except OSError as refusal:
        hint = f"its details could not be written ({refusal.strerror}): make room, and run the command again"
    failure = RefactoryError(f"unexpected error: {type(error).__name__}: {error}", hint)
    failure.code, failure.exit_code = "unexpected", UNEXPECTED
    return failure


def _logged(error: Exception) -> str:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="refactory-", suffix=".log", delete=False) as log:
        log.write(f"refactory {VERSION}, Python {sys.version}\n")
        log.writelines(traceback.format_exception(error))
    return log.name


if __name__ == "__main__":
    sys.exit(main())
