"""What is tried on a file that git could not merge, in the order of `reconcile.resolvers`.

`git` itself always comes first and `rework`, the coder again on top of the merged head, is what is left at the end;
neither is a function of one file, so neither is here.
"""

from __future__ import annotations

from typing import Protocol

from agents.reconcile.resolvers.clash import Clash


class Resolver(Protocol):
    def __call__(self, clash: Clash, /) -> Clash:
        """The clash with fewer open regions, or as it was."""
        ...
