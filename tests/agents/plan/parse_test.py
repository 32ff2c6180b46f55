from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.plan.drafts import TaskDraft, TaskList, check, in_a_row, serialise_overlaps
from agents.plan.parse import parse
from state.errors import InvalidFile, UsageError

EXPECTED = TaskList(
    design="Log-in by e-mail.",
    tasks=[
        TaskDraft(
            id="api",
            title="Add the endpoint",
            detail="POST /login",
            scope=["src/api/**", "tests/api"],
            acceptance=["pytest tests/api"],
        ),
        TaskDraft(
            id="2",
            title="Add the form",
            scope=["web/"],
            depends_on=["api"],
            acceptance=["npm test", "npm run lint"],
        ),
        TaskDraft(id="3", title="Document it", depends_on=["api", "2"]),
    ],
)

YAML = """\
design: Log-in by e-mail.
tasks:
  - id: api
    title: Add the endpoint
    detail: POST /login
    scope: src/api/**, tests/api
    acceptance: pytest tests/api
  - title: Add the form
    scope: [web/]
    depends_on: api
    acceptance:
      - npm test
      - npm run lint
  - title: Document it
    dependsOn: [1, Add the form]
"""

HEADINGS = """\
# Plan
## Design
Log-in by e-mail.

## Add the endpoint
id: api
**Scope:** `src/api/**`, `tests/api`
POST /login

acceptance: `pytest tests/api`

## 2. Add the form
scope: web/
depends on: api
Acceptance:

- `npm test`
- `npm run lint`

## Document it ##
- depends_on:
  - #1
  - add the FORM
"""

ITEMS = """\
Log-in by e-mail.

- [ ] **Add the endpoint**
  - id: api
  - scope: src/api/**, tests/api
  - acceptance: pytest tests/api
  POST /login
- [ ] Add the form
  scope: web/
  depends on: Add the endpoint
  acceptance:
    - npm test
    - npm run lint
- [ ] Document it
  depends on: 1, 2
"""


@pytest.mark.parametrize("text", [YAML, ITEMS, ITEMS.replace("\n", "\r\n")])
def test_the_formats_say_the_same(text: str) -> None:
    assert parse(text) == EXPECTED


def test_headings() -> None:
    found = parse(HEADINGS)
    assert found.tasks == EXPECTED.tasks
    assert found.design == "# Plan\n## Design\nLog-in by e-mail."


def test_numbered_items_with_fields_at_their_own_level() -> None:
    found = parse("Intro\n\n1. One\n- scope: a.py\n- a note\n2) Two\n- depends on: 1\n")
    one = TaskDraft(id="1", title="One", detail="- a note", scope=["a.py"])
    assert found == TaskList(design="Intro", tasks=[one, TaskDraft(id="2", title="Two", depends_on=["1"])])


def test_a_yaml_list_and_a_json_list() -> None:
    expected = [TaskDraft(id="a", title="A", scope=["x.py"]), TaskDraft(id="b", title="B", depends_on=["a"])]
    text = "---\n# tasks\n- id: a\n  title: A\n  files: x.py\n- id: b\n  title: B\n  depends_on: [a]\n"
    assert parse(text).tasks == expected
    items = [
        {"id": "a", "title": "A", "detail": "", "files": ["x.py"]},
        {"id": "b", "title": "B", "depends_on": ["a"]},
    ]
    assert parse(json.dumps(items)).tasks == expected
    assert parse(json.dumps({"design": "D", "tasks": items})) == TaskList(design="D", tasks=expected)


def test_a_broken_structured_list_is_an_error_that_names_the_line() -> None:
    with pytest.raises(InvalidFile, match="task list:4:"):
        parse("# list\n- id: a\n  title: A\n  title: B\n")
    with pytest.raises(InvalidFile, match="task list:3:"):
        parse("tasks:\n- id: a\n  id: b\n")
    with pytest.raises(UsageError, match="JSON"):
        parse('[{"id": "a",}]')
    with pytest.raises(UsageError, match="task 1 has unknown keys: depend_on"):
        parse("- id: a\n  depend_on: b\n")
    with pytest.raises(UsageError, match="task 1: title is no text"):
        parse("- title: [a]\n")


def test_code_is_kept_verbatim_and_is_never_a_task() -> None:
    code = "```md\n## No task\n- [ ] nor this\n\n    scope: x\n~~~\n```"
    found = parse(f"## A task\nDo:\n\n{code}\n\n## Another\n")
    assert [task.title for task in found.tasks] == ["A task", "Another"]
    assert found.tasks[0] == TaskDraft(id="1", title="A task", detail=f"Do:\n\n{code}")
    indented = "\n".join(f"  {line}" if line else line for line in code.split("\n"))
    assert parse(f"- A task\n{indented}\n- B").tasks[0].detail == code
    assert parse(f"{code}\n").tasks == []


def test_the_tasks_heading_holds_the_tasks() -> None:
    text = "# P\n## Idea\n- not a task\n## Tasks\n### One\n#### Part\ntext\n### Two\n## Later\nmore"
    found = parse(text)
    assert [(task.title, task.detail) for task in found.tasks] == [("One", "#### Part\ntext"), ("Two", "")]
    assert found.design == "# P\n## Idea\n- not a task\n## Tasks\n## Later\nmore"
    assert [task.title for task in parse("## Idea\n- x\n## Tasks\n* A\n* B\n").tasks] == ["A", "B"]


def test_the_highest_headings_are_the_tasks() -> None:
    assert [task.title for task in parse("### One\n### Two\n").tasks] == ["One", "Two"]
    assert [task.title for task in parse("## One\n### Part\n## Two\n").tasks] == ["One", "Two"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Make the log-in faster.\n\nIt takes 3 seconds - too long.",
        "# Title\n\nProse.",
        "## Problem\nIt fails.\n## Steps to reproduce\n1. Start\n2. Stop\n",
        "---\n***\n- - -\n",
        "scope: everything",
        "[]",
    ],
)
def test_prose_has_no_tasks(text: str) -> None:
    assert parse(text).tasks == []


def test_a_line_that_only_looks_like_a_field_stays_text() -> None:
    text = "- A\n  Scope: all that is slow\n  id: two words\n  acceptance criteria:\n  - it is fast\n  - `make fast`\n"
    task = parse(text).tasks[0]
    assert task.scope == []
    assert (task.id, task.acceptance) == ("1", ["make fast"])
    assert task.detail == "Scope: all that is slow\nid: two words\n- it is fast"


def test_globs_survive_markup() -> None:
    assert parse("- A\n  scope: **/*.py, *.md\n").tasks[0].scope == ["**/*.py", "*.md"]
    assert parse("- A\n  **scope**: `my file.txt`\n").tasks[0].scope == ["my file.txt"]


def test_done_items_are_left_out() -> None:
    found = parse("- [x] A\n- [ ] B\n  depends on: 1\n")
    assert found.tasks == [TaskDraft(id="2", title="B")]
    assert found.ticked == ["A"]
    with pytest.raises(UsageError, match="ticked"):
        parse("- [x] A\n")


def test_items_without_a_box_are_tasks_where_all_boxes_are_ticked() -> None:
    found = parse("* First\n* Second\n- [x] third\n")
    assert ([task.title for task in found.tasks], found.ticked) == (["First", "Second"], ["third"])


def test_numbers_are_those_written_unless_they_repeat() -> None:
    assert [task.id for task in parse("## Task 3: A\n## Task 5: B\ndepends on: #3").tasks] == ["3", "5"]
    assert [task.id for task in parse("1. A\n1. B\n1. C\n   id: 1\n").tasks] == ["task-1", "2", "1"]


def test_size_and_number_are_bounded() -> None:
    for text in ("- A\n" * 1001, "x" * (4 * 1024 * 1024 + 1)):
        with pytest.raises(UsageError, match=r"too many|larger"):
            parse(text)
    assert parse("\n" * 1_000_000 + "## A\n" + "# x\n" * 50_000).tasks == [TaskDraft(id="1", title="A")]


def task(own: str, *needs: str, scope: str = "", title: str = "T") -> TaskDraft:
    return TaskDraft(id=own, title=title, scope=scope.split(), depends_on=list(needs))


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([task("a", "b"), task("b", "a")], r"(a -> b -> a|b -> a -> b)$"),
        (
            [task("a", "b"), task("b", "c"), task("c", "a")],
            r": (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)$",
        ),
        ([task("a", "x")], "task a depends on unknown tasks: x"),
        ([task("a"), task("a")], "same id: a"),
        ([task("a", title=" ")], "task a has no title"),
        ([task("a", title="a\0b")], "task a holds a NUL"),
        ([task("a", scope="b\0")], "task a holds a NUL"),
        ([task("a", "a")], "task a depends on itself"),
    ],
)
def test_what_cannot_be_planned_is_refused(tasks: list[TaskDraft], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check(tasks)


def test_overlaps_of_parallel_tasks_are_warned_of() -> None:
    tasks = [task("a", scope="src/ x.py"), task("b", scope="src/b.py x.py"), task("c", "b", scope="src/b.py")]
    both = "may run at once and change the same files"
    assert check(tasks) == [
        f"`T` and `T` {both}: src/ ~ src/b.py, x.py",
        f"`T` and `T` {both}: src/ ~ src/b.py",
    ]
    assert check([task("a", scope="x"), task("b", "a", scope="x")]) == []


def test_missing_scopes_are_warned_of_once() -> None:
    assert check([task("a"), task("b"), task("c", scope="x")]) == [
        "without a scope, a task may change any file: `T`, `T`"
    ]
    assert check([task("a")]) == []


def test_many_overlaps_are_summed_up() -> None:
    warnings = check([task(str(n), scope="x") for n in range(10)])
    assert len(warnings) == 21
    assert warnings[-1] == "overlapping, too: 25 more pairs of tasks"


def test_overlapping_tasks_are_put_in_a_row() -> None:
    tasks = [task("a", "d", scope="x"), task("b", scope="x"), task("c", scope="x y"), task("d", scope="y")]
    ordered = serialise_overlaps(tasks)
    assert [own.after for own in ordered] == [[], ["a"], ["b"], []]
    assert [own.depends_on for own in ordered] == [["d"], [], [], []]
    assert check(ordered) == []
    assert in_a_row(tasks, ordered) == [
        "4 of 4 tasks run one by one, as their scopes overlap: `T`, `T`, `T`, `T`; narrower scopes, or "
        "`planner.overlaps: warn`, let them run at once"
    ]


def test_a_short_row_of_many_tasks_is_not_warned_of() -> None:
    tasks = [task("a", scope="x"), task("b", scope="x"), *(task(f"{n}", scope=f"{n}") for n in range(3))]
    assert in_a_row(tasks, serialise_overlaps(tasks)) == []
    assert in_a_row(tasks[:3], serialise_overlaps(tasks[:3])) != []
    dependent = [task("a", scope="x"), task("b", "a", scope="x")]
    assert in_a_row(dependent, serialise_overlaps(dependent)) == []


def test_an_order_alone_is_written_as_after() -> None:
    text = "## One\n\n## Two\nafter: 1\n\n## Three\nafter: #1, `2`\nAfter: the server has started, look.\n"
    found = parse(text)
    assert [task.after for task in found.tasks] == [[], ["1"], ["1", "2"]]
    assert found.tasks[2].detail == "After: the server has started, look."
    listed = parse("tasks:\n- title: One\n- title: Two\n  after: [One]\n")
    assert listed.tasks[1].after == ["1"]


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([task("a", "b"), replace(task("b"), after=["a"])], "tasks wait for each other"),
        ([replace(task("a"), after=["x"])], "task a comes after unknown tasks: x"),
        ([replace(task("a"), after=["a"])], "task a comes after itself"),
    ],
)
def test_an_order_that_cannot_be_kept_is_refused(tasks: list[TaskDraft], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check(tasks)
    with pytest.raises(UsageError, match=message):
        serialise_overlaps(tasks)


IDS = st.sampled_from("abcdef")
SCOPES = st.lists(st.sampled_from(["src/", "src/a.py", "*.md", "docs/**", "README.md"]), max_size=2)


@given(st.lists(st.tuples(st.lists(IDS, unique=True), SCOPES), max_size=6))
def test_serialising_never_makes_a_cycle_or_leaves_an_overlap(
    parts: list[tuple[list[str], list[str]]],
) -> None:
    names = "abcdef"
    tasks = [
        TaskDraft(id=names[n], title="T", scope=scope, depends_on=[i for i in needs if i < names[n]])
        for n, (needs, scope) in enumerate(reversed(parts))
    ]
    tasks.reverse()
    assert not [warning for warning in check(serialise_overlaps(tasks)) if "same files" in warning]


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    _tried(text)


LINES = [
    "- [ ] A",
    "- b",
    "  - scope: a",
    "## T",
    "### U",
    "## Tasks",
    "```",
    "depends on: 1",
    "acceptance:",
    "1. x",
]


@given(
    st.lists(
        st.sampled_from([*LINES, "  - `c`", "", "text", "tasks:", "- id: q", "id: q", "- [x] done", "~~~"])
    )
)
def test_any_mixture_of_lines_is_read_or_refused(lines: list[str]) -> None:
    _tried("\n".join(lines))


@given(st.lists(st.sampled_from(["text", "more text", "code: `x`", ""])))
def test_no_line_of_detail_is_lost(lines: list[str]) -> None:
    assert parse("\n".join(["## T", *lines])).tasks[0].detail == "\n".join(lines).strip()


def _tried(text: str) -> None:
    try:
        tasks = parse(text).tasks
        check(tasks)
    except UsageError:
        return
    check(serialise_overlaps(tasks))


def test_quoted_globs_are_read_without_their_quotes() -> None:
    (task,) = parse("## One\nscope: '*.txt', \"docs/**\"\n").tasks
    assert task.scope == ["*.txt", "docs/**"]
