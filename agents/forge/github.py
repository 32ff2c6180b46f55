"""GitHub, also GitHub Enterprise, through PyGithub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from github import Auth, Github, GithubException
from github.GithubException import BadAttributeException
from github.IssueComment import IssueComment
from github.PullRequest import PullRequest as TheirPull
from github.Repository import Repository

from agents.forge.errors import ForgeGarbage, ForgeProtected, answered, refused
from agents.forge.place import Place
from agents.forge.protocol import Check, CheckState, Comment, Issue, PullRequest, Wanted
from state.config import Forge as Settings
from state.config import MergeMethod
from state.errors import UsageError

T = TypeVar("T")
_PASSED = ("success", "neutral", "skipped")


def connect(place: Place, token: str, settings: Settings) -> GitHub:
    return GitHub(place, token, settings)


class GitHub:
    def __init__(self, place: Place, token: str, settings: Settings) -> None:
        self.place = place
        client = Github(
            auth=Auth.Token(token),
            base_url=_api(place.url),
            timeout=max(1, round(settings.timeout)),
            user_agent="refactory",
            retry=None,  # PyGithub would repeat what is not known to be undone, and wait for an hour
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        self._repository: Repository = client.get_repo(place.repository)

    def pull_requests(self, head: str, base: str) -> list[PullRequest]:
        def listed() -> list[PullRequest]:
            # A head without its owner is ignored: all pull requests would be listed.
            found = self._repository.get_pulls(state="all", head=f"{self.place.owner}:{head}", base=base)
            return [_pull(pull) for pull in found if pull.head.ref == head]

        return self._ask("look for the pull request", listed)

    def create(self, wanted: Wanted) -> PullRequest:
        return self._ask(
            "open the pull request",
            lambda: _pull(
                self._repository.create_pull(
                    wanted.base, wanted.head, title=wanted.title, body=wanted.body, draft=wanted.draft
                )
            ),
        )

    def update(self, number: int, wanted: Wanted) -> PullRequest:
        def edited() -> PullRequest:
            pull = self._repository.get_pull(number)
            pull.edit(title=wanted.title, body=wanted.body)
            return _pull(pull)

        return self._ask("update the pull request", edited)

    def label(self, number: int, labels: Sequence[str]) -> None:
        """As GitHub describes it: PyGithub sends a bare list, the old way."""
        url = f"{self._repository.url}/issues/{number}/labels"
        request = self._repository.requester.requestJsonAndCheck
        self._ask("label the pull request", lambda: request("POST", url, input={"labels": list(labels)}))

    def ask_review(self, number: int, reviewers: Sequence[str]) -> None:
        """`org/team` is a team. Whoever was asked, or has reviewed, is not asked again."""

        def asked() -> None:
            pull = self._repository.get_pull(number)
            users, teams = pull.get_review_requests()
            known = {user.login.lower() for user in users} | {f"/{team.slug}" for team in teams}
            known |= {review.user.login.lower() for review in pull.get_reviews() if review.user}
            people = [name for name in reviewers if "/" not in name and name.lower() not in known]
            slugs = [name.rpartition("/")[2] for name in reviewers if "/" in name]
            slugs = [slug for slug in slugs if f"/{slug}" not in known]
            if people or slugs:
                pull.create_review_request(reviewers=people, team_reviewers=slugs)

        self._ask("ask for a review", asked)

    def checks(self, commit: str) -> list[Check]:
        """Check runs (Actions and other apps), and what older services set as statuses."""

        def known() -> list[Check]:
            found = self._repository.get_commit(commit)
            runs = [
                Check(run.name, _state(run.status, run.conclusion), run.html_url)
                for run in found.get_check_runs()
            ]
            all_old = found.get_combined_status()
            old = [
                Check(one.context, _old_state(one.state), one.target_url or "") for one in all_old.statuses
            ]
            if all_old.total_count > len(old):  # the answer has one page of them, and the state of all
                old.append(Check("all statuses", _old_state(all_old.state)))
            return [*runs, *old]

        return self._ask("read the state of CI", known)

    def merge(self, number: int, commit: str, method: MergeMethod) -> None:
        def merged() -> None:
            try:
                self._repository.get_pull(number).merge(merge_method=method, sha=commit)
            except GithubException as error:
                if error.status in (403, 405, 422):
                    raise ForgeProtected(f"{self.place.name} refuses the merge: {_said(error)}") from None
                raise

        self._ask("merge the pull request", merged)

    def issue(self, number: int) -> Issue:
        def read() -> Issue:
            found = self._repository.get_issue(number)
            if not isinstance(found.title, str):
                raise TypeError("no title")
            if found.pull_request is not None:
                raise UsageError(f"{found.html_url} is a pull request, not an issue")
            return Issue(found.number, found.html_url, found.title, found.body or "")

        return self._ask(f"read issue {number}", read)

    def comments(self, issue: int) -> list[Comment]:
        return self._ask(
            "read the issue's comments",
            lambda: [_comment(one) for one in self._repository.get_issue(issue).get_comments()],
        )

    def add_comment(self, issue: int, body: str) -> Comment:
        return self._ask(
            "comment on the issue", lambda: _comment(self._repository.get_issue(issue).create_comment(body))
        )

    def edit_comment(self, issue: int, comment: int, body: str) -> Comment:
        def edited() -> Comment:
            found = self._repository.get_issue(issue).get_comment(comment)
            found.edit(body)
            return _comment(found)

        return self._ask("update the issue's comment", edited)

    def _ask(self, doing: str, call: Callable[[], T]) -> T:
        try:
            return answered(self.place.url, doing, call)
        except GithubException as error:
            raise refused(self.place.url, doing, error.status, error.headers or {}, _said(error)) from None
        except BadAttributeException as error:
            raise ForgeGarbage(f"{doing}: {self.place.url} gave an answer of another kind: {error}") from None


def _api(url: str) -> str:
    """Where the REST API is (docs.github.com/rest; GitHub Enterprise has it in a folder of its own)."""
    scheme, _, host = url.partition("://")
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"{scheme}://api.{host}"
    return f"{url}/api/v3"


def _pull(pull: TheirPull) -> PullRequest:
    state: Any = "merged" if pull.merged_at else pull.state
    if state not in ("open", "closed", "merged") or not isinstance(pull.number, int):
        raise TypeError("no pull request")
    return PullRequest(pull.number, pull.html_url, state, pull.head.sha, bool(pull.draft))


def _comment(comment: IssueComment) -> Comment:
    return Comment(comment.id, comment.html_url, comment.body or "")


def _state(status: str, conclusion: str | None) -> CheckState:
    if status != "completed":
        return "pending"
    return "passed" if conclusion in _PASSED else "failed"


def _old_state(state: str) -> CheckState:
    return "pending" if state == "pending" else "passed" if state == "success" else "failed"


def _said(error: GithubException) -> str:
    """Its message, and the details that a 422 has."""
    data: Any = error.data if isinstance(error.data, dict) else {}
    details = data.get("errors") or []
    parts = [one.get("message") or " ".join(str(one[key]) for key in ("resource", "field", "code") if key in one)
             if isinstance(one, dict) else str(one) for one in details if one]  # fmt: skip
    return ": ".join(filter(None, [str(data.get("message") or error.message or ""), "; ".join(parts)]))
