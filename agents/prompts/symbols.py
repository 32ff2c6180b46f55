"""What a file defines and imports, by tree-sitter: grammars are wheels, so nothing is fetched at run time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_NAMES = {
    ".py": "python",
    ".js": "javascript",
    ".jsx": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".ts": "typescript",
    ".tsx": "tsx",
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
    ".c": "c",
    ".h": "c",
}
# TypeScript's wheel has no query of its own.
_TYPESCRIPT = """
(function_declaration name: (identifier) @name) @definition.function
(class_declaration name: (type_identifier) @name) @definition.class
(abstract_class_declaration name: (type_identifier) @name) @definition.class
(method_definition name: (property_identifier) @name) @definition.method
(interface_declaration name: (type_identifier) @name) @definition.interface
(type_alias_declaration name: (type_identifier) @name) @definition.type
(enum_declaration name: (identifier) @name) @definition.enum
(variable_declarator name: (identifier) @name value: (arrow_function)) @definition.function
"""
_SCRIPT_IMPORTS = """
(import_statement source: (string (string_fragment) @module))
(export_statement source: (string (string_fragment) @module))
(call_expression function: (identifier) @f (#eq? @f "require")
  arguments: (arguments (string (string_fragment) @module)))
"""
_IMPORTS = {
    "python": """
(import_statement name: (dotted_name) @module)
(import_statement name: (aliased_import name: (dotted_name) @module))
(import_from_statement module_name: (_) @module)
(import_from_statement module_name: (_) @package name: (dotted_name) @member)
""",
    "javascript": _SCRIPT_IMPORTS,
    "typescript": _SCRIPT_IMPORTS,
    "tsx": _SCRIPT_IMPORTS,
}
_LEFT_OUT = {"constant", "module"}
_LONGEST = 160


class Symbol(NamedTuple):
    """`head` is the line that defines it, `depth` how many others it stands in."""

    name: str
    head: str
    depth: int


def known(path: str) -> bool:
    return PurePosixPath(path).suffix in _NAMES


def symbols(path: str, source: bytes) -> list[Symbol]:
    """Classes, functions and the like, in the order of the file."""
    name = _NAMES.get(PurePosixPath(path).suffix)
    if name is None:
        return []
    lines = source.split(b"\n")
    found, around = [], list[int]()
    for node, label in sorted(
        _definitions(name, source), key=lambda one: (one[0].start_byte, -one[0].end_byte)
    ):
        while around and around[-1] <= node.start_byte:
            around.pop()
        head = lines[node.start_point.row].decode("utf-8", "replace").strip()[:_LONGEST]
        found.append(Symbol(label, head, len(around)))
        around.append(node.end_byte)
    return found


def _definitions(name: str, source: bytes) -> Iterator[tuple[Node, str]]:
    seen = set[int]()
    for _, captures in _matches(name, _tags(name), source):
        kinds = [kind for kind in captures if kind.startswith("definition.")]
        if not kinds or kinds[0].partition(".")[2] in _LEFT_OUT or "name" not in captures:
            continue
        node = captures[kinds[0]][0]
        if node.start_byte not in seen:
            seen.add(node.start_byte)
            yield node, _text(captures["name"][0])


def imports(path: str, source: bytes) -> list[str]:
    """The modules that a file imports, as written there: `a.b`, `.c`, `./d`."""
    name = _NAMES.get(PurePosixPath(path).suffix, "")
    if name not in _IMPORTS:
        return []
    found = dict[str, None]()
    for _, captures in _matches(name, _query(name, _IMPORTS[name]), source):
        for node in captures.get("module", ()):
            found[_text(node)] = None
        for node in captures.get("member", ()):
            package = _text(captures["package"][0])
            found[f"{package}{'' if package.endswith('.') else '.'}{_text(node)}"] = None
    return list(found)


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _matches(name: str, query: Query, source: bytes) -> list[tuple[int, dict[str, list[Node]]]]:
    from tree_sitter import Parser, QueryCursor

    return QueryCursor(query).matches(Parser(_language(name)).parse(source).root_node)


@cache
def _language(name: str) -> Language:
    from tree_sitter import Language

    module = import_module(f"tree_sitter_{'typescript' if name == 'tsx' else name}")
    grammar = getattr(module, f"language_{name}" if name in ("typescript", "tsx") else "language")
    return Language(grammar())


def _tags(name: str) -> Query:
    if name in ("typescript", "tsx"):
        return _query(name, _TYPESCRIPT)
    return _query(name, import_module(f"tree_sitter_{name}").TAGS_QUERY)


@cache
def _query(name: str, text: str) -> Query:
    from tree_sitter import Query

    return Query(_language(name), text)
