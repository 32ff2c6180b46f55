"""Forgejo and Gitea, over their REST API (docs/decisions/ says why without a library of its own)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from agents.forge.errors import ForgeNotFound, ForgeProtected, ForgeRejected, answered
from agents.forge.place import Place
from agents.forge.protocol import Check, CheckState, Comment, Issue, PullRequest, Wanted
from agents.forge.session import session
from state.config import Forge as Settings
from state.config import MergeMethod
from state.errors import UsageError

_DRAFT = "WIP: "
_PAGE = 50
_NEW_LABEL = "#ededed"


def connect(place: Place, token: str, settings: Settings) -> Forgejo:
    return Forgejo(place, token, settings)


class Forgejo:
    def __init__(self, place: Place, token: str, settings: Settings) -> None:
        self.place = place
        self._session = session(token)
        self._timeout = settings.timeout
        self._api = f"{place.url}/api/v1/repos/{place.repository}"

    def pull_requests(self, head: str, base: str) -> list[PullRequest]:
        """The open one is asked for by its branches; of the others the latest page is enough."""
        doing = "look for the pull request"
        listed = self._ask(doing, "GET", "/pulls", {"state": "all", "sort": "recentupdate", "limit": _PAGE})
        found = answered(
            self.place.url,
            doing,
            lambda: [
                _pull(one) for one in listed if (one["head"]["ref"], one["base"]["ref"]) == (head, base)
            ],
        )
        if any(one.state == "open" for one in found):
            return found
        try:
            return [self._pull(doing, "GET", f"/pulls/{base}/{head}"), *found]
        except ForgeNotFound:
            return found

    def create(self, wanted: Wanted) -> PullRequest:
        title = _DRAFT * wanted.draft + wanted.title
        given = {"head": wanted.head, "base": wanted.base, "title": title, "body": wanted.body}
        return self._pull("open the pull request", "POST", "/pulls", given)

    def update(self, number: int, wanted: Wanted) -> PullRequest:
        doing = "update the pull request"
        there = self._pull(doing, "GET", f"/pulls/{number}")
        title = _DRAFT * there.draft + wanted.title
        return self._pull(doing, "PATCH", f"/pulls/{number}", {"title": title, "body": wanted.body})

    def label(self, number: int, labels: Sequence[str]) -> None:
        """By id: names are taken by newer versions only. What is not there is made."""
        doing = "label the pull request"
        there = {one["name"]: one["id"] for one in self._all(doing, "/labels")}
        for name in [name for name in labels if name not in there]:
            made = self._ask(doing, "POST", "/labels", {"name": name, "color": _NEW_LABEL})
            there[name] = made["id"]
        self._ask(doing, "POST", f"/issues/{number}/labels", {"labels": [there[name] for name in labels]})

    def ask_review(self, number: int, reviewers: Sequence[str]) -> None:
        """`org/team` is a team. Whoever was asked, or has reviewed, is not asked again."""
        doing = "ask for a review"
        there = self._all(doing, f"/pulls/{number}/reviews")
        known = answered(self.place.url, doing, lambda: {_reviewer(one) for one in there})
        names = [name if "/" not in name else f"/{name.rpartition('/')[2]}" for name in reviewers]
        new = [name for name in names if name.lower() not in known]
        given = {
            "reviewers": [name for name in new if not name.startswith("/")],
            "team_reviewers": [name[1:] for name in new if name.startswith("/")],
        }
        if new:
            self._ask(doing, "POST", f"/pulls/{number}/requested_reviewers", given)

    def checks(self, commit: str) -> list[Check]:
        found: list[Check] = []
        for number in count(1):
            page, total = self._checks(commit, number)
            found += page
            if not page or len(found) >= total:
                break
        return found

    def _checks(self, commit: str, page: int) -> tuple[list[Check], int]:
        doing = "read the state of CI"
        found = self._ask(doing, "GET", f"/commits/{commit}/status", {"page": page, "limit": _PAGE})
        return answered(
            self.place.url, doing, lambda: (_checks(found["statuses"] or []), int(found["total_count"]))
        )

    def merge(self, number: int, commit: str, method: MergeMethod) -> None:
        try:
            given = {"Do": method, "head_commit_id": commit}
            self._ask("merge the pull request", "POST", f"/pulls/{number}/merge", given)
        except ForgeRejected as error:
            if error.status == 409:
                raise
            raise ForgeProtected(f"{self.place.name} refuses the merge: {error.message}") from None

    def issue(self, number: int) -> Issue:
        doing = f"read issue {number}"
        found = self._ask(doing, "GET", f"/issues/{number}")
        read = answered(
            self.place.url,
            doing,
            lambda: Issue(found["number"], found["html_url"], found["title"], found["body"] or ""),
        )
        if found.get("pull_request"):
            raise UsageError(f"{read.url} is a pull request, not an issue")
        return read

    def comments(self, issue: int) -> list[Comment]:
        doing = "read the issue's comments"
        found = self._ask(doing, "GET", f"/issues/{issue}/comments")
        return answered(self.place.url, doing, lambda: [_comment(one) for one in found])

    def add_comment(self, issue: int, body: str) -> Comment:
        return self._said("comment on the issue", "POST", f"/issues/{issue}/comments", body)

    def edit_comment(self, issue: int, comment: int, body: str) -> Comment:
        return self._said("update the issue's comment", "PATCH", f"/issues/comments/{comment}", body)

    def _said(self, doing: str, method: str, path: str, body: str) -> Comment:
        found = self._ask(doing, method, path, {"body": body})
        return answered(self.place.url, doing, lambda: _comment(found))

    def _pull(self, doing: str, method: str, path: str, given: Any = None) -> PullRequest:
        found = self._ask(doing, method, path, given)
        return answered(self.place.url, doing, lambda: _pull(found))

    def _all(self, doing: str, path: str) -> list[Any]:
        """A page that is not full says nothing: a server may give less than is asked for, or all each time."""
        found: list[Any] = []
        page: list[Any] = []
        for number in count(1):
            before, page = page, self._ask(doing, "GET", path, {"page": number, "limit": _PAGE})
            if not page or page == before:
                break
            found += page
        return found

    def _ask(self, doing: str, method: str, path: str, given: Any = None) -> Any:
        def asked() -> Any:
            get = method == "GET"
            answer = self._session.request(
                method,
                self._api + path,
                params=given if get else None,
                json=None if get else given,
                timeout=self._timeout,
            )
            return answer.json() if answer.content else None

        return answered(self.place.url, doing, asked)


def _pull(found: Any) -> PullRequest:
    state: Any = "merged" if found["merged"] else found["state"]
    draft = found.get("draft", found["title"].startswith(_DRAFT))
    return PullRequest(found["number"], found["html_url"], state, found["head"]["sha"], bool(draft))


def _reviewer(review: Any) -> str:
    name: str = review["user"]["login"] if review["user"] else f"/{review['team']['name']}"
    return name.lower()


def _comment(found: Any) -> Comment:
    return Comment(found["id"], found["html_url"], found["body"])


def _checks(statuses: list[Any]) -> list[Check]:
    return [Check(one["context"], _state(one["status"]), one.get("target_url") or "") for one in statuses]


def _state(status: str) -> CheckState:
    if status == "pending":
        return "pending"
    return "passed" if status in ("success", "warning", "skipped") else "failed"
