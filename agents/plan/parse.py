"""A list of tasks as people write it: Markdown, YAML or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from agents.plan.drafts import TaskDraft, TaskList, check_number, listed
from agents.plan.fields import MarkdownTask
from agents.plan.markdown import parse_markdown
from state.errors import UsageError
from state.yaml_codec import MAX_BYTES

_KEYS = ("id", "title", "detail", "scope", "files", "depends_on", "dependsOn", "after", "acceptance")
_JSON = re.compile(r"\s*(?:\[\s*\{|\{\s*\")")
_YAML_ITEM = re.compile(rf"-[ \t]+[\"']?(?:{'|'.join(_KEYS)})[\"']?:(?:\s|$)")
_YAML_MAPPING = re.compile(r"(?:design|tasks):(?:\s|$)")
_TASKS_KEY = re.compile(r"^tasks:", re.MULTILINE)
_NONE = {"", "-", "none", "nothing"}


def parse(text: str) -> TaskList:
    """The tasks of a list in YAML, JSON or Markdown; none if the text is prose.

    Tasks without an id are numbered; `depends_on` and `after` may name an id, a number or a title.
    Ticked ones are left out.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise UsageError(f"the task list is larger than {MAX_BYTES} bytes", "split it")
    given = _structured(text)
    design, tasks = parse_markdown(text) if given is None else _from_mapping(given)
    ticked = [task.title for task in tasks if task.done]
    return TaskList(design=design, tasks=_drafts(tasks), ticked=ticked)


def _structured(text: str) -> Mapping[str, object] | None:
    """A mapping with `tasks`, if the text is JSON or YAML; what only looks like it is an error."""
    if _JSON.match(text):
        try:
            value = msgspec.json.decode(text.encode("utf-8", "replace"))
        except (msgspec.DecodeError, RecursionError) as error:
            raise UsageError(f"the task list is no valid JSON: {error}") from error
        return value if isinstance(value, dict) else {"tasks": value}
    lines = text.removeprefix("\ufeff").split("\n")
    first = next((line for line in lines if line.strip() not in ("", "---") and line[0] != "#"), "")
    if _YAML_ITEM.match(first):
        start = next(n for n, line in enumerate(lines) if line == first)
        before = "\n" * (start - 1)  # a line before the list becomes its key: errors name the right line
        return _loaded(before + "tasks:\n" + "\n".join(lines[start:]))
    if _YAML_MAPPING.match(first) and _TASKS_KEY.search(text):
        return _loaded(text)
    return None


def _loaded(text: str) -> Mapping[str, object]:
    from state.yaml_reader import load  # most lists are Markdown, and need no parser

    return load(text.encode("utf-8", "replace"), "task list")


def _from_mapping(given: Mapping[str, object]) -> tuple[str, list[MarkdownTask]]:
    if unknown := given.keys() - {"design", "tasks"}:
        raise UsageError(
            f"the task list has unknown keys: {listed(sorted(unknown))}", "it may have: design, tasks"
        )
    tasks = given.get("tasks")
    if not isinstance(tasks, list | None):
        raise UsageError("`tasks` is no list of tasks")
    return _text(given.get("design"), "design"), [_task(n, item) for n, item in enumerate(tasks or [], 1)]


def _task(number: int, item: object) -> MarkdownTask:
    if not isinstance(item, dict):
        raise UsageError(f"task {number} is no mapping of keys to values", f"it may have: {', '.join(_KEYS)}")
    if unknown := item.keys() - set(_KEYS):
        raise UsageError(
            f"task {number} has unknown keys: {listed(sorted(unknown))}", f"it may have: {', '.join(_KEYS)}"
        )
    where = f"task {number}: "
    values = {key: _texts(value, where + key, key) for key, value in item.items() if key in _KEYS[3:]}
    return MarkdownTask(
        title=_text(item.get("title"), where + "title").strip(),
        id=_text(item.get("id"), where + "id").strip(),
        detail=_text(item.get("detail"), where + "detail"),
        scope=values.get("scope", []) + values.get("files", []),
        depends_on=values.get("depends_on", []) + values.get("dependsOn", []),
        after=values.get("after", []),
        acceptance=values.get("acceptance", []),
    )


def _text(value: object, where: str) -> str:
    if isinstance(value, list | dict):
        raise UsageError(f"{where} is no text")
    return "" if value is None else str(value)


def _texts(value: object, where: str, key: str) -> list[str]:
    """A list of texts; a single text is one too: of commands by lines, of anything else also by commas."""
    if isinstance(value, list):
        return [text for item in value if (text := _text(item, where).strip())]
    parts = re.split(r"\n" if key == "acceptance" else r"[\n,]", _text(value, where))
    return [text for part in parts if (text := part.strip())]


def _drafts(tasks: Sequence[MarkdownTask]) -> list[TaskDraft]:
    check_number(tasks)
    if tasks and all(task.done for task in tasks):
        raise UsageError("all tasks of the list are ticked", "clear the boxes of those to be done")
    numbers = _numbers(tasks)
    ids = list(_ids(tasks, numbers))
    known = {task.title.casefold(): own for task, own in zip(tasks, ids, strict=True)}
    known |= dict(zip(numbers, ids, strict=True)) | {own: own for own in ids}
    done = {own for task, own in zip(tasks, ids, strict=True) if task.done}
    return [
        TaskDraft(
            id=own,
            title=task.title,
            detail=task.detail,
            scope=task.scope,
            depends_on=[name for name in _resolved(task.depends_on, known) if name not in done],
            after=[name for name in _resolved(task.after, known) if name not in done],
            acceptance=task.acceptance,
        )
        for task, own in zip(tasks, ids, strict=True)
        if own not in done
    ]


def _numbers(tasks: Sequence[MarkdownTask]) -> list[str]:
    """The numbers written before the titles, if every task has its own, else the places in the list."""
    labels = [task.label for task in tasks]
    return (
        labels if all(labels) and len(set(labels)) == len(labels) else [str(n + 1) for n in range(len(tasks))]
    )


def _ids(tasks: Sequence[MarkdownTask], numbers: Sequence[str]) -> Iterator[str]:
    taken = {task.id for task in tasks}
    for task, number in zip(tasks, numbers, strict=True):
        own = task.id or number
        while not task.id and own in taken:
            own = f"task-{own}"
        yield own


def _resolved(names: Iterable[str], known: Mapping[str, str]) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        for part in [name] if _find(name, known) else name.split(","):
            if part.strip().casefold() not in _NONE:
                found[_find(part, known) or part.strip()] = None
    return list(found)


def _find(name: str, known: Mapping[str, str]) -> str | None:
    name = name.strip()
    return known.get(name) or known.get(name.removeprefix("#")) or known.get(name.casefold())
