"""All benchmarks of Refactory itself: `python bench/run.py [--quick] [--write] [NAME ...]`."""

from __future__ import annotations

import argparse
from importlib import import_module

from page import publish

NAMES = ("startup", "task", "reconcile", "slow_model", "create", "transactions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds and tasks: a smoke test of a minute"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    names = options.names or NAMES
    rows = (row for name in names for row in import_module(name).rows(options.quick))
    publish("rows", rows, options.write)


if __name__ == "__main__":
    main()
