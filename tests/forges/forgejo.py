"""Forgejo's and Gitea's REST API, as far as it is asked here (each server shows it at /api/swagger)."""

from __future__ import annotations

from typing import Any

from tests.forges.state import NAME, OWNER, Comment, Issue, Pull, State

PREFIX = f"/api/v1/repos/{OWNER}/{NAME}"
AUTH = "Bearer "
MAX_RESPONSE_ITEMS = (
    20  # a setting of the server ([api] in app.ini), 50 by default; who asks for more gets so many
)


def answer(
    state: State, url: str, method: str, path: list[str], query: dict[str, str], body: Any
) -> tuple[int, Any]:
    match method, path:
        case "GET", ["pulls"]:
            return 200, [_pull(state, p, url) for p in reversed(state.pulls)]
        case "GET", ["pulls", number] if number.isdecimal() and (pull := state.pull(int(number))):
            return 200, _pull(state, pull, url)
        case "GET", ["pulls", number, "reviews"] if pull := state.pull(int(number)):
            names = [*pull.reviewers, *pull.reviewed]
            return 200, [
                {"user": None, "team": {"name": name.partition("/")[2]}}
                if "/" in name
                else {"user": {"login": name}, "team": None}
                for name in names
            ]
        case "GET", ["pulls", base, *head]:
            found = [p for p in state.pulls if (p.head, p.base, p.state) == ("/".join(head), base, "open")]
            return (200, _pull(state, found[0], url)) if found else (404, {"message": "not found"})
        case "POST", ["pulls"]:
            title, draft = _title(body["title"])
            made = state.open_pull(body["head"], body["base"], title, body["body"], draft)
            if isinstance(made, str):
                exists = "pull request already exists for these targets [id: 1]"
                return (409, {"message": exists}) if "exists" in made else (404, {"message": made})
            return 201, _pull(state, made, url)
        case "PATCH", ["pulls", number] if pull := state.pull(int(number)):
            (pull.title, pull.draft), pull.body = _title(body["title"]), body["body"]
            return 201, _pull(state, pull, url)
        case "POST", ["pulls", number, "merge"] if pull := state.pull(int(number)):
            if body["head_commit_id"] != state.sha(pull.head):
                return 409, {"message": "head out of date"}
            why = state.merge(pull, body["head_commit_id"])
            return (405, {"message": why}) if why else (200, None)
        case "POST", ["pulls", number, "requested_reviewers"] if pull := state.pull(int(number)):
            if any(name not in state.users for name in body["reviewers"]):
                return 404, {"message": "user does not exist"}
            pull.reviewers += body["reviewers"] + [f"{OWNER}/{team}" for team in body["team_reviewers"]]
            return 201, []
        case "GET", ["labels"]:
            return 200, _page([{"id": ident, "name": name} for name, ident in state.labels.items()], query)
        case "POST", ["labels"]:
            state.labels[body["name"]] = state.next()
            return 201, {"id": state.last, "name": body["name"]}
        case "POST", ["issues", number, "labels"] if pull := state.pull(int(number)):
            names = {ident: name for name, ident in state.labels.items()}
            pull.labels += [names[ident] for ident in body["labels"] if names[ident] not in pull.labels]
            return 200, []
        case "GET", ["commits", sha, "status"]:
            words = {"pending": "pending", "passed": "success", "failed": "failure"}
            statuses = [
                {"context": one.name, "status": words[one.state], "target_url": ""} for one in state.look()
            ]
            page = _page(statuses, query)
            return 200, {"state": "", "sha": sha, "total_count": len(statuses), "statuses": page or None}
        case "GET", ["issues", number] if issue := state.issue_or_pull(int(number)):
            return 200, _issue(issue, url)
        case "GET", ["issues", number, "comments"] if issue := state.issues.get(int(number)):
            return 200, [_comment(one, issue, url) for one in issue.comments]
        case "POST", ["issues", number, "comments"] if issue := state.issues.get(int(number)):
            issue.comments.append(Comment(state.next(), body["body"]))
            return 201, _comment(issue.comments[-1], issue, url)
        case "PATCH", ["issues", "comments", ident]:
            issue, comment = next(
                (i, c) for i in state.issues.values() for c in i.comments if c.id == int(ident)
            )
            comment.body = body["body"]
            return 200, _comment(comment, issue, url)
    return 404, {"message": "not found"}


def _page(found: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    size = min(int(query["limit"]), MAX_RESPONSE_ITEMS)
    start = (int(query["page"]) - 1) * size
    return found[start : start + size]


def _title(given: str) -> tuple[str, bool]:
    return given.removeprefix("WIP: "), given.startswith("WIP: ")


def _pull(state: State, pull: Pull, url: str) -> dict[str, Any]:
    return {
        "number": pull.number,
        "html_url": f"{url}/{OWNER}/{NAME}/pulls/{pull.number}",
        "state": "closed" if pull.state == "merged" else pull.state,
        "merged": pull.state == "merged",
        "title": "WIP: " * pull.draft + pull.title,
        "body": pull.body,
        "draft": pull.draft,
        "head": {"ref": pull.head, "sha": pull.merged_sha or state.sha(pull.head)},
        "base": {"ref": pull.base, "sha": state.sha(pull.base)},
    }


def _issue(found: Issue | Pull, url: str) -> dict[str, Any]:
    return {
        "number": found.number,
        "html_url": f"{url}/{OWNER}/{NAME}/issues/{found.number}",
        "title": found.title,
        "body": found.body,
        "pull_request": {"merged": False} if isinstance(found, Pull) else None,
    }


def _comment(comment: Comment, issue: Issue, url: str) -> dict[str, Any]:
    html = f"{url}/{OWNER}/{NAME}/issues/{issue.number}#issuecomment-{comment.id}"
    return {"id": comment.id, "html_url": html, "body": comment.body}
