"""All benchmarks of Refactory itself: `python bench/run.py [--quick] [--write] [NAME ...]`."""

from __future__ import annotations

import argparse
import shutil
from importlib import import_module

from measure import HEADER, home

NAMES = ("startup", "task", "slow_model", "create", "transactions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds and tasks: a smoke test of a minute"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    print(HEADER, flush=True)
    lines = [HEADER]
    try:
        for name in options.names or NAMES:
            for row in import_module(name).rows(options.quick):
                lines.append(str(row))
                print(row, flush=True)
    finally:
        shutil.rmtree(home(), ignore_errors=True)
    if options.write:
        from page import write

        write("rows", "\n".join(lines))


if __name__ == "__main__":
    main()
