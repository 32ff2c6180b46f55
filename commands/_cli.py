"""The click command of an operation: its arguments, options and help come from the params type."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import click
import msgspec

from commands._context import Context
from commands._operation import Operation
from commands._output import FORMATS, show
from state.errors import UsageError

Field = msgspec.structs.FieldInfo


class Shown(NamedTuple):
    """What a command shows in the end."""

    result: Any
    text: str
    exit_code: int


Then = Callable[[Context, Any, dict[str, Any]], Shown | None]


def command(
    name: str,
    help_text: str,
    operation: Operation[Any, Any],
    options: Sequence[click.Option] = (),
    then: Then | None = None,
    numbered: bool = True,
) -> click.Command:
    """`then` goes on with the result where the command line can do more than the API; it gets `options`.

    It returns what to show instead of that, if there is such.
    """

    def callback(**given: Any) -> int:
        form = chosen_format(given)
        extra = {option.name: given.pop(str(option.name), None) for option in options}
        return _call(
            name, operation, given, form, lambda context, result: then and then(context, result, extra)
        )

    fields = msgspec.structs.fields(operation.params)
    parameters = [_parameter(field, f"{{{field.encode_name}}}" in operation.path) for field in fields]
    return click.Command(
        name,
        callback=callback,
        help=help_text,
        params=[*parameters, *options, *output_options(numbered, operation.formats)],
    )


def _call(
    name: str,
    operation: Operation[Any, Any],
    given: dict[str, Any],
    form: str,
    then: Callable[[Context, Any], Shown | None],
) -> int:
    context = click.get_current_context().find_object(Context)
    assert context is not None
    result = context.call(operation, to_params(operation.params, given))
    code = operation.exit_code(result)
    shown = None if code else then(context, result)
    result, text, code = shown or (result, operation.text(result), code)
    if form in operation.formats and not shown:
        click.echo(operation.formats[form](result).rstrip("\n"))
    else:
        show(name, result, text, form, code)
    return code


def output_options(numbered: bool = True, more: Iterable[str] = ()) -> list[click.Parameter]:
    """`numbered`: the result is of records, so there are ids to print. `more`: what else it can be printed as."""
    formats = [*(form for form in FORMATS if numbered or form != "ids"), *more]
    return [
        click.Option(["--json", "as_json"], is_flag=True, help="Print the JSON envelope."),
        click.Option(
            ["--format", "form"], type=click.Choice(formats), default="text", show_default=True,
            help="How to print the result.",
        ),
    ]  # fmt: skip


def chosen_format(given: dict[str, Any]) -> str:
    form = given.pop("form")
    return "json" if given.pop("as_json") else str(form)


def to_params(cls: type[Any], given: dict[str, Any]) -> Any:
    """Click's values as the operation's params; `-` is standard input where a text is expected."""
    values = {}
    for field in msgspec.structs.fields(cls):
        value = given.get(field.name)
        if value is None or value == ():
            continue
        values[field.encode_name] = _read(value, _meta(field))
    return convert(cls, values, flags(cls))


def flags(cls: type[Any]) -> dict[str, str]:
    """What the params are called on the command line of now: `--plan-id`, `<agentName>`."""
    context = click.get_current_context()
    shown = {
        parameter.name: parameter.opts[0]
        if isinstance(parameter, click.Option)
        else parameter.make_metavar(context)
        for parameter in context.command.params
    }
    return {field.encode_name: shown.get(field.name, "") for field in msgspec.structs.fields(cls)}


def _read(value: Any, meta: dict[str, Any]) -> Any:
    if value == "-" and (meta.get("text") or meta.get("file")):
        return read_stdin()
    if meta.get("file"):
        return read_file(value)
    if meta.get("json"):
        return read_json(value)
    return list(value) if isinstance(value, tuple) else value


def read_file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 (byte {error.start})") from None


def read_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise UsageError(f"not JSON: {error}") from None


def convert(cls: type[Any], values: dict[str, Any], names: Mapping[str, str] = MappingProxyType({})) -> Any:
    """`names`: what the user knows the keys by."""
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            raise UsageError(
                f"{names.get(name) or name}: holds a NUL character",
                "no file name, command or model can take it",
            )
    try:
        return msgspec.convert(values, cls)
    except msgspec.ValidationError as error:
        from state.mismatch import in_words

        key, why = in_words(error, cls, values)
        raise UsageError(f"{names.get(key) or key}: {why}", "--help shows what is expected") from None


def read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"standard input is not UTF-8 (byte {error.start})") from None


def _parameter(field: Field, is_argument: bool) -> click.Parameter:
    meta = _meta(field)
    if is_argument or meta.get("argument"):
        return click.Argument(
            [field.name], metavar=meta.get("metavar"), required=field.required, envvar=meta.get("env")
        )
    flag = "--" + meta.get("option", field.name.replace("_", "-"))
    kind = _click_type(field.type)
    return click.Option(
        [flag, field.name],
        required=field.required,
        help=meta.get("description"),
        **({"default": field.default} if _is_shown(field) else {}),
        show_default=True,
        envvar=meta.get("env"),
        is_flag=True if kind is bool else None,  # with False, click would take `--title=-x` for two options
        multiple=kind is list,
        type=None if kind in (bool, list) else kind,
        metavar=meta.get("metavar"),
    )


def _is_shown(field: Field) -> bool:
    """Defaults that tell something; that a flag is off does not."""
    return isinstance(field.default, (str, int, float)) and field.default not in ("", False)


def _meta(field: Field) -> dict[str, Any]:
    """What Annotated says of the field, the outermost last."""
    found: dict[str, Any] = {}
    kind = field.type
    while kind is not None:
        nested = None
        for part in get_args(kind):
            if isinstance(part, msgspec.Meta):
                described = {"description": part.description} if part.description else {}
                found = {**(part.extra or {}), **described, **found}
            elif get_origin(part) is Annotated:
                nested = part
        kind = nested
    return found


def _click_type(kind: Any) -> Any:
    origin = get_origin(kind)
    if origin is Annotated:
        return _click_type(get_args(kind)[0])
    if origin is Literal:
        return click.Choice(list(get_args(kind)))
    if origin is list:
        return list
    if origin is not None and type(None) in get_args(kind):
        rest = [part for part in get_args(kind) if part is not type(None)]
        return _click_type(rest[0]) if len(rest) == 1 else str
    if origin is Union or "|" in str(kind):
        return str
    return kind if kind in (bool, int, float) else str
