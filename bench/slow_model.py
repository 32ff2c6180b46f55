"""Many tasks and a slow model: the wall clock against that of the model's answers alone."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from measure import REFACTORY, ROOT, Row, repository, run

sys.path.insert(0, str(ROOT))

from tests.model_payloads import Fault, Seen
from tests.model_server import ModelServer

CONFIG = """\
coder:
  backend: model
model:
  api: chat
  baseUrl: {url}
test:
  command: "true"
"""


class SlowServer(ModelServer):
    latency = 0.0

    def reply(self, seen: Seen) -> Fault:
        time.sleep(self.latency)
        return super().reply(seen)


def rows(quick: bool) -> list[Row]:
    tasks, coders, latency = (8, 4, 1.0) if quick else (24, 4, 2.0)
    _wall(1, 1, 0.0)  # leaves the byte code that an installed program has
    wall, ideal = _wall(tasks, coders, latency), tasks / coders * latency
    what = f"{tasks} tasks, model latency {latency:g} s, {coders} coders, wall clock"
    # A short run shows little but the start of the agents: nothing is claimed of it.
    return [
        Row(what, f"{wall:.1f} s", f"the answers alone {ideal:.0f} s", wall / ideal, None if quick else 1.2)
    ]


def _wall(tasks: int, coders: int, latency: float) -> float:
    SlowServer.latency = latency
    plan = "\n".join(f"## Make file number {n}\nscope: new/{n}.txt\n" for n in range(1, tasks + 1))
    with SlowServer(_answer) as server, repository(tasks=plan) as folder:
        _configure(folder, server.url)
        argv = [*REFACTORY, "run", "1", "--agents", str(coders), "--until", "code"]
        return run(argv, folder, OPENAI_API_KEY="none").wall


def _answer(seen: Seen) -> str:
    number = re.findall(r"Make file number (\d+)", str(seen.body))[-1]
    return f"```diff\n--- /dev/null\n+++ b/new/{number}.txt\n@@ -0,0 +1 @@\n+{number}\n```\n"


def _configure(folder: Path, url: str) -> None:
    with (folder / ".refactory" / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(CONFIG.format(url=url))
