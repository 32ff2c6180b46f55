"""What has to be true after the demo: each check looks at the records and at the origin, and says what it saw."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agents.diagnosis.checkup import diagnose
from commands._demo.evidence import Evidence, Red
from commands._text import numbers
from state.keys import number_of
from state.plural import plural

Seen = tuple[bool, str]


class Check(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    passed: bool
    detail: str


def planned(seen: Evidence) -> Seen:
    tasks = seen.status.tasks
    dependent = [task.key for task in tasks if task.depends_on]
    detail = f"{len(tasks)} tasks, {numbers(dependent) or 'none'} depend on others"
    return len(tasks) >= 4 and len(dependent) >= 2, detail


def coders(seen: Evidence) -> Seen:
    done = {pull.agent: 0 for pull in seen.pulls}
    for pull in seen.pulls:
        done[pull.agent] += 1
    return len(done) >= 2, _counted(done, "attempt")


def testers(seen: Evidence) -> Seen:
    """Which of the two is faster is chance, so what each tested is said, not demanded."""
    started = seen.status.orchestration.testers if seen.status.orchestration else 0
    done = {f"tester-{number}": 0 for number in range(1, started + 1)}
    tested = [pull for pull in seen.pulls if pull.commit]
    for pull in tested:
        if pull.tests:
            done[pull.tests.tester] = done.get(pull.tests.tester, 0) + 1
    return len(done) >= 2 and sum(done.values()) == len(tested) > 0, _counted(done, "verdict")


def red_together(seen: Evidence) -> Seen:
    found = [red for red in seen.red if red.culprit.tests and red.culprit.tests.verdict == "passed"]
    if not found:
        return not seen.scripted, "there was none" + (
            "" if seen.scripted else "; a real model may do without"
        )
    culprits = numbers(red.culprit.task for red in found)
    return True, f"task {culprits} was green alone, and red together with {numbers(found[0].together_with)}"


def mended(seen: Evidence) -> Seen:
    if not seen.red:
        return not seen.scripted, "nothing was sent back"
    judged = [_mended(seen, red) for red in seen.red]
    return all(good for good, _ in judged), "; ".join(detail for _, detail in judged)


def _mended(seen: Evidence, red: Red) -> Seen:
    number, again, onto = number_of(red.culprit.task), red.mended, red.sent_back.onto or ""
    if again is None or not again.commit:
        return False, f"task {number} was not done again"
    if not onto or not seen.site.repository.is_ancestor(onto, again.commit):
        return False, f"attempt {again.attempt} of task {number} is not on top of what had landed"
    verdict = again.tests.verdict if again.tests else "untested"
    detail = f"attempt {again.attempt} of task {number}, on top of {onto[:12]}: {verdict}"
    return verdict == "passed" and again.sent_back is None, detail


def nothing_lost(seen: Evidence) -> Seen:
    git = seen.site.repository
    commits = [pull.commit for pull in seen.pulls if pull.commit]
    lost = [commit for commit in commits if not git.run("for-each-ref", "--count=1", "--contains", commit)]
    return not lost, f"{len(commits) - len(lost)} of {len(commits)} attempts' commits are under a ref"


def reviewed(seen: Evidence) -> Seen:
    review, outcome = seen.status.review, seen.outcome
    if review is None:
        return False, "there is no review"
    same = outcome is not None and review.commit == outcome.commit
    enough = bool(review.findings) or not seen.scripted
    return (
        same and enough and review.verdict == "approved",
        f"{review.verdict}, {plural(len(review.findings), 'finding')}",
    )


def launched(seen: Evidence) -> Seen:
    launch, outcome = seen.status.launch, seen.outcome
    if launch is None or outcome is None:
        return False, "there is no launch"
    tested = outcome.state == "complete" and outcome.tests and outcome.tests.verdict == "passed"
    there = seen.main == launch.landing.commit == outcome.commit != seen.base
    detail = f"the combination is {outcome.state}, at {outcome.commit[:12]}; main is at {seen.main[:12]}"
    return bool(tested) and there, detail


def merged(seen: Evidence) -> Seen:
    origin = seen.site.origin
    there = [
        task.key
        for task in seen.status.tasks
        if task.state == "merged" and task.commit and origin.is_ancestor(task.commit, seen.main)
    ]
    return len(there) == len(seen.status.tasks) > 0, f"tasks {numbers(there) or 'none'}"


def main_is_green(seen: Evidence) -> Seen:
    tests = seen.main_tests
    return tests.exit_code == 0 and tests.ran > 0, f"{plural(tests.ran, 'test')}, exit code {tests.exit_code}"


def tidy(seen: Evidence) -> Seen:
    """Doctor finds nothing, and the clone's own working tree was nobody's playground."""
    problems = [found.problem.message for found in diagnose(seen.store)]
    git = seen.site.repository
    changed = git.run("status", "--porcelain", "--", ".", ":(exclude).refactory").splitlines()
    trees = git.run("worktree", "list", "--porcelain").count("worktree ") - 1
    problems += [f"{trees} worktrees are left"] * (trees > 0) + changed
    return not problems, "; ".join(
        problems
    ) or "no worktree, lock or lease is left, the clone's files are untouched"


CHECKS: dict[str, Callable[[Evidence], Seen]] = {
    "the plan has four tasks, two of them built on others": planned,
    "two coders worked": coders,
    "two testers ran, every attempt was tested": testers,
    "a combination of green branches went red": red_together,
    "its culprit was sent back and mended it": mended,
    "no attempt was lost": nothing_lost,
    "the review approved, with findings": reviewed,
    "the launch brought the complete combination to origin's main": launched,
    "every task is in origin's main": merged,
    "origin's main passes its tests": main_is_green,
    "nothing is left behind": tidy,
}


def check(seen: Evidence) -> list[Check]:
    return [_checked(name, function(seen)) for name, function in CHECKS.items()]


def _checked(name: str, seen: Seen) -> Check:
    return Check(name=name, passed=seen[0], detail=seen[1])


def _counted(done: dict[str, int], what: str) -> str:
    return ", ".join(f"{name}: {count} {what}{'s' * (count != 1)}" for name, count in sorted(done.items()))
