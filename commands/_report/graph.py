"""Places for tasks and what they build on, or only come after: each stands to the right of all that it waits for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from state.keys import number_of
from state.records import Task

WIDTH, HEIGHT, GAP_X, GAP_Y = 216, 56, 56, 16


@dataclass(frozen=True)
class Node:
    task: Task
    number: int
    x: int
    y: int


@dataclass(frozen=True)
class Edge:
    """`dashed`: an order alone."""

    path: str
    dashed: bool


@dataclass(frozen=True)
class Graph:
    width: int
    height: int
    nodes: list[Node]
    edges: list[Edge]


def graph(tasks: Sequence[Task]) -> Graph:
    columns: dict[int, list[Task]] = defaultdict(list)
    levels = _levels(tasks)
    for task in tasks:
        columns[levels[task.key]].append(task)
    nodes: dict[str, Node] = {}
    for level in sorted(columns):
        for row, task in enumerate(sorted(columns[level], key=lambda task: _middle(task, nodes))):
            x, y = level * (WIDTH + GAP_X) + 4, row * (HEIGHT + GAP_Y) + 4
            nodes[task.key] = Node(task, number_of(task.key), x, y)
    edges = [
        _edge(nodes[key], nodes[task.key], dashed=key not in task.depends_on)
        for task in tasks
        for key in _ahead(task)
        if key in nodes
    ]
    return Graph(
        max((node.x for node in nodes.values()), default=0) + WIDTH + 4,
        max((node.y for node in nodes.values()), default=0) + HEIGHT + 4,
        list(nodes.values()),
        edges,
    )


def _ahead(task: Task) -> list[str]:
    return list(dict.fromkeys([*task.depends_on, *task.after]))


def _levels(tasks: Sequence[Task]) -> dict[str, int]:
    """How many steps each is away from those that wait for nothing. No plan has cycles; a damaged one may."""
    levels = {task.key: 0 for task in tasks}
    for _ in tasks:
        before = dict(levels)
        for task in tasks:
            ahead = [levels[key] + 1 for key in _ahead(task) if key in levels]
            levels[task.key] = min(len(tasks), max(ahead, default=0))
        if levels == before:
            break
    return levels


def _middle(task: Task, nodes: dict[str, Node]) -> tuple[float, int]:
    """Near what it comes after, so that lines cross less."""
    ahead = [nodes[key].y for key in _ahead(task) if key in nodes]
    return (sum(ahead) / len(ahead) if ahead else 0.0, number_of(task.key))


def _edge(one: Node, two: Node, dashed: bool) -> Edge:
    x1, y1, x2, y2 = one.x + WIDTH, one.y + HEIGHT // 2, two.x, two.y + HEIGHT // 2
    half = max(24, (x2 - x1) // 2)
    return Edge(f"M{x1},{y1} C{x1 + half},{y1} {x2 - half},{y2} {x2 - 5},{y2}", dashed)
