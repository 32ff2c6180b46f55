"""Land a plan's reviewed combination: merge it here, or push it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from commands._operation import Operation, Params, PlanId
from commands._records_text import left_out
from commands._text import fields
from state.keys import number_of
from state.records import Ejected, Landing, Launch, Orchestration, Plan
from state.store import Store


class LaunchParams(Params):
    id: PlanId
    how: Annotated[
        Literal["merge", "push"],
        Meta(description="merge: fast-forward the local target; push: to a remote.", extra={"option": "as"}),
    ] = "merge"
    remote: Annotated[str, Meta(min_length=1, description="Where to push. Default: origin.")] | None = None
    push_target: Annotated[bool, Meta(description="Push the target branch, too, not only the plan's.")] = (
        False
    )
    dry_run: Annotated[bool, Meta(description="Check and show; change nothing.")] = False


class Launched(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What lands where, and what does not; `launch` is null after a dry run."""

    landing: Landing
    launch: Launch | None
    left_out: list[Ejected] = []


def run(store: Store, params: LaunchParams) -> Launched:
    from agents.launcher import landing, launch

    plan = store.get(Plan, params.id)
    planned, review = landing(store, plan, params.how, params.remote, params.push_target)
    outcome = store.get(Orchestration, review.orchestration).outcome
    out = [one for one in outcome.ejected if one.reason != "empty"] if outcome else []
    done = None if params.dry_run else launch(store, plan, planned, review, params.remote)
    return Launched(landing=planned, launch=done, left_out=out)


def exit_code(launched: Launched) -> int:
    return 7 if launched.launch and launched.left_out else 0


def text(launched: Launched) -> str:
    landing, stat = launched.landing, launched.landing.diffstat
    return fields(
        [
            ("launch", launched.launch and number_of(launched.launch.key)),
            ("dry run", None if launched.launch else "nothing was changed"),
            ("as", landing.how),
            ("remote", landing.remote),
            ("branches", landing.branches),
            ("from", landing.before),
            ("to", landing.commit),
            ("left out", left_out(launched.left_out)),
            ("changes", stat and f"{stat.files} files, +{stat.insertions} -{stat.deletions}"),
        ]
    )


OPERATION = Operation(run, LaunchParams, "POST /plans/{id}/launch", text, exit_code=exit_code)
