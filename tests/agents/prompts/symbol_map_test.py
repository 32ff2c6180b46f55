from __future__ import annotations

import subprocess
import sys

import pytest

from agents.prompts.symbol_map import imported, symbol_map
from agents.prompts.symbols import imports, symbols

SOURCES = {
    "a.py": ("class Cart:\n    LIMIT = 3\n\n    def add(self, item):\n        pass\n\n\nasync def main():\n    pass\n",
             ["class Cart:", "    def add(self, item):", "async def main():"]),
    "a.js": ("export class Cart {\n  add(item) {}\n}\nfunction main() {}\n",
             ["export class Cart {", "    add(item) {}", "function main() {}"]),
    "a.ts": ("interface Item { id: number }\nclass Cart {\n  add(item: Item) {}\n}\nconst f = (x: number) => x;\n",
             ["interface Item { id: number }", "class Cart {", "    add(item: Item) {}",
              "const f = (x: number) => x;"]),
    "a.tsx": ("function View() { return <b>hi</b>; }\n", ["function View() { return <b>hi</b>; }"]),
    "a.go": ("package a\n\ntype Cart struct{}\n\nfunc (c Cart) Add() {}\n\nfunc main() {}\n",
             ["type Cart struct{}", "func (c Cart) Add() {}", "func main() {}"]),
    "a.rs": ("struct Cart {}\nimpl Cart {\n    fn add(&self) {}\n}\n", ["struct Cart {}", "fn add(&self) {}"]),
    "A.java": ("class Cart {\n  void add(int i) {}\n}\n", ["class Cart {", "    void add(int i) {}"]),
    "a.c": ("int add(int a, int b) {\n  return a + b;\n}\n", ["int add(int a, int b) {"]),
    "a.txt": ("def no():\n", []),
    "b.py": ("\xff\x00 def def (((\n", []),
}  # fmt: skip


@pytest.mark.parametrize("path", SOURCES)
def test_what_a_file_defines(path: str) -> None:
    text, expected = SOURCES[path]
    found = symbols(path, text.encode("latin-1"))
    assert ["    " * symbol.depth + symbol.head for symbol in found] == expected


def test_what_a_file_imports() -> None:
    python = b"import os.path as p, re\nfrom .cart import Cart\nfrom shop import prices\n"
    assert {"os.path", "re", ".cart", ".cart.Cart", "shop", "shop.prices"} <= {*imports("a.py", python)}
    script = b"import {a} from './cart';\nconst b = require('../b');\nimport 'react';\n"
    assert imports("a.js", script) == ["./cart", "../b", "react"]


def test_imports_are_found_in_the_repository() -> None:
    files = {
        "src/shop/cart.py": b"",
        "src/shop/__init__.py": b"",
        "tests/cart_test.py": b"import os\nfrom shop import cart\nfrom .helpers import x\nimport shop.cart\n",
        "tests/helpers.py": b"",
        "web/cart.test.ts": b"import {Cart} from './cart';\nimport {x} from '../lib';\nimport 'react';\n",
        "web/cart.ts": b"",
        "lib/index.js": b"",
    }
    tests = ["tests/cart_test.py", "web/cart.test.ts"]
    assert set(imported(tests, list(files), files.get)) == files.keys() - set(tests)


def test_the_map_ends_where_there_is_no_more_room() -> None:
    files = {f"{name}.py": f"def {name}():\n    pass\n".encode() for name in ("a", "b", "c")}
    assert (
        symbol_map(files, files.get, 1000) == "a.py:\n    def a():\nb.py:\n    def b():\nc.py:\n    def c():"
    )
    assert symbol_map(files, files.get, 40) == "a.py:\n    def a():\nb.py:\n    def b():"
    assert symbol_map(files, files.get, 5) == ""


def test_nothing_is_imported_before_it_is_needed() -> None:
    code = "import agents.prompts.prompt, sys; print([m for m in sys.modules if m.startswith('tree_sitter')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
