"""GitLab, gitlab.com or self-hosted, through python-gitlab. A pull request is a merge request there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from gitlab import Gitlab
from gitlab.exceptions import GitlabError

from agents.forge.errors import ForgeGarbage, ForgeProtected, ForgeRejected, answered, refused
from agents.forge.place import Place
from agents.forge.protocol import Check, CheckState, Comment, Issue, PullRequest, Wanted
from agents.forge.session import session
from state.config import Forge as Settings
from state.config import MergeMethod
from state.errors import UsageError

T = TypeVar("T")
_DRAFT = "Draft: "
_STATES: dict[str, Any] = {"opened": "open", "locked": "open", "closed": "closed", "merged": "merged"}
_PASSED = ("success", "skipped")
_FAILED = ("failed", "canceled", "canceling")


def connect(place: Place, token: str, settings: Settings) -> GitLab:
    if settings.merge_method == "rebase":
        raise UsageError(
            "forge.mergeMethod: GitLab has no `rebase` for one merge request",
            "its project settings say how branches are merged; choose merge or squash here",
        )
    return GitLab(place, token, settings)


class GitLab:
    def __init__(self, place: Place, token: str, settings: Settings) -> None:
        self.place = place
        # The token goes with the session; a header of python-gitlab's would follow a redirect to another host.
        self._client = Gitlab(place.url, timeout=settings.timeout, session=session(token), keep_base_url=True)
        self._project = self._client.projects.get(place.repository, lazy=True)

    def pull_requests(self, head: str, base: str) -> list[PullRequest]:
        return self._ask(
            "look for the merge request",
            lambda: [
                _pull(found)
                for found in self._project.mergerequests.list(
                    source_branch=head, target_branch=base, order_by="created_at", sort="desc", get_all=True
                )
            ],
        )

    def create(self, wanted: Wanted) -> PullRequest:
        given = {
            "source_branch": wanted.head,
            "target_branch": wanted.base,
            "title": _DRAFT * wanted.draft + wanted.title,
            "description": wanted.body,
        }
        return self._ask("open the merge request", lambda: _pull(self._project.mergerequests.create(given)))

    def update(self, number: int, wanted: Wanted) -> PullRequest:
        def edited() -> PullRequest:
            found = self._project.mergerequests.get(number)
            found.title = _DRAFT * bool(found.draft) + wanted.title
            found.description = wanted.body
            found.save()
            return _pull(found)

        return self._ask("update the merge request", edited)

    def label(self, number: int, labels: Sequence[str]) -> None:
        self._ask(
            "label the merge request",
            lambda: self._project.mergerequests.update(number, {"add_labels": ",".join(labels)}),
        )

    def ask_review(self, number: int, reviewers: Sequence[str]) -> None:
        """All reviewers are set at once, so those that people have added are named again."""

        def asked() -> None:
            there = [one["id"] for one in self._project.mergerequests.get(number).reviewers]
            ids = [self._user(name) for name in reviewers]
            if set(ids) - set(there):
                self._project.mergerequests.update(number, {"reviewer_ids": sorted({*there, *ids})})

        self._ask("ask for a review", asked)

    def _user(self, name: str) -> int:
        found = self._client.users.list(username=name, get_all=True)
        if not found:
            raise ForgeRejected(f"{self.place.url} has no user {name}", "forge.reviewers names them")
        return int(found[0].id)

    def checks(self, commit: str) -> list[Check]:
        """Pipelines; statuses that other services set are in one, too. Of those of one source the newest counts."""

        def known() -> list[Check]:
            found = self._project.pipelines.list(sha=commit, order_by="id", sort="asc", get_all=True)
            latest = {str(getattr(one, "source", "")): one for one in found}
            return [Check(f"pipeline {one.id}", _state(one.status), one.web_url) for one in latest.values()]

        return self._ask("read the state of CI", known)

    def merge(self, number: int, commit: str, method: MergeMethod) -> None:
        given = {"sha": commit, "squash": method == "squash"}

        def merged() -> None:
            path = f"{self._project.mergerequests.path}/{number}/merge"
            self._client.http_put(path, post_data=given)

        try:
            self._ask("merge the merge request", merged)
        except ForgeRejected as error:
            # 405 and 422: not mergeable as its rules are; 406 of older versions. A 409 is a head that has moved.
            if error.status == 409:
                raise
            raise ForgeProtected(f"{self.place.name} refuses the merge: {error.message}") from None

    def issue(self, number: int) -> Issue:
        def read() -> Issue:
            found = self._project.issues.get(number)
            return Issue(found.iid, found.web_url, found.title, found.description or "")

        return self._ask(f"read issue {number}", read)

    def comments(self, issue: int) -> list[Comment]:
        return self._ask(
            "read the issue's comments",
            lambda: [self._comment(issue, one) for one in self._notes(issue).list(get_all=True)],
        )

    def add_comment(self, issue: int, body: str) -> Comment:
        return self._ask(
            "comment on the issue", lambda: self._comment(issue, self._notes(issue).create({"body": body}))
        )

    def edit_comment(self, issue: int, comment: int, body: str) -> Comment:
        def edited() -> Comment:
            self._notes(issue).update(comment, {"body": body})
            return Comment(comment, self._comment_url(issue, comment), body)

        return self._ask("update the issue's comment", edited)

    def _notes(self, issue: int) -> Any:
        return self._project.issues.get(issue, lazy=True).notes

    def _comment(self, issue: int, note: Any) -> Comment:
        return Comment(note.id, self._comment_url(issue, note.id), note.body)

    def _comment_url(self, issue: int, comment: int) -> str:
        return f"{self.place.repository_url}/-/issues/{issue}#note_{comment}"

    def _ask(self, doing: str, call: Callable[[], T]) -> T:
        try:
            return answered(self.place.url, doing, call)
        except GitlabError as error:
            if error.response_code:
                raise refused(
                    self.place.url, doing, error.response_code, {}, str(error.error_message)
                ) from None
            raise ForgeGarbage(f"{doing}: {self.place.url}: {error.error_message}") from None


def _pull(found: Any) -> PullRequest:
    return PullRequest(found.iid, found.web_url, _STATES[found.state], found.sha or "", bool(found.draft))


def _state(status: str) -> CheckState:
    if status in _PASSED:
        return "passed"
    return "failed" if status in _FAILED else "pending"
