"""GitLab's REST API, as far as it is asked here (docs.gitlab.com/api)."""

from __future__ import annotations

from typing import Any

from tests.forges.state import NAME, OWNER, Comment, Pull, State

PREFIX = f"/api/v4/projects/{OWNER}%2F{NAME}"
AUTH = "Bearer "
_STATES = {"open": "opened", "closed": "closed", "merged": "merged"}


def answer(
    state: State, url: str, method: str, path: list[str], query: dict[str, str], body: Any
) -> tuple[int, Any]:
    match method, path:
        case "GET", ["merge_requests"]:
            branches = query["source_branch"], query["target_branch"]
            found = [p for p in reversed(state.pulls) if (p.head, p.base) == branches]
            return 200, [_pull(state, p, url) for p in found]
        case "POST", ["merge_requests"]:
            title, draft = _title(body["title"])
            made = state.open_pull(
                body["source_branch"], body["target_branch"], title, body["description"], draft
            )
            if isinstance(made, str) and "exists" in made:
                said = "Another open merge request already exists for this source branch: !1"
                return 409, {"message": [said]}
            if isinstance(made, str):
                return 422, {"message": {"source_branch": [made]}}
            return 201, _pull(state, made, url)
        case "GET", ["merge_requests", number] if pull := state.pull(int(number)):
            return 200, _pull(state, pull, url)
        case "PUT", ["merge_requests", number] if pull := state.pull(int(number)):
            if "title" in body:
                (pull.title, pull.draft), pull.body = _title(body["title"]), body["description"]
            pull.labels += [
                name for name in body.get("add_labels", "").split(",") if name and name not in pull.labels
            ]
            names = {ident: name for name, ident in state.users.items()}
            pull.reviewers = [names[ident] for ident in body.get("reviewer_ids", [])] or pull.reviewers
            return 200, _pull(state, pull, url)
        case "PUT", ["merge_requests", number, "merge"] if pull := state.pull(int(number)):
            if body["sha"] != state.sha(pull.head):
                return 409, {"message": "SHA does not match HEAD of source branch"}
            why = state.merge(pull, body["sha"])
            return (
                (405, {"message": f"405 Method Not Allowed: {why}"})
                if why
                else (200, _pull(state, pull, url))
            )
        case "GET", ["pipelines"]:
            words = {"pending": "running", "passed": "success", "failed": "failed"}
            return 200, [
                {
                    "id": n,
                    "source": one.name,
                    "status": words[one.state],
                    "web_url": f"https://ci.example/{n}",
                }
                for n, one in enumerate(state.look(), 1)
            ]
        case "GET", ["issues", number] if issue := state.issues.get(int(number)):
            web = f"{url}/{OWNER}/{NAME}/-/issues/{number}"
            return 200, {"iid": issue.number, "title": issue.title, "description": issue.body, "web_url": web}
        case "GET", ["issues", number, "notes"] if issue := state.issues.get(int(number)):
            return 200, [{"id": one.id, "body": one.body} for one in issue.comments]
        case "POST", ["issues", number, "notes"] if issue := state.issues.get(int(number)):
            issue.comments.append(Comment(state.next(), body["body"]))
            return 201, {"id": state.last, "body": body["body"]}
        case "PUT", ["issues", number, "notes", ident] if issue := state.issues.get(int(number)):
            comment = next(one for one in issue.comments if one.id == int(ident))
            comment.body = body["body"]
            return 200, {"id": comment.id, "body": comment.body}
    return 404, {"message": "404 Not found"}


def outside(state: State, method: str, path: str, query: dict[str, str]) -> tuple[int, Any]:
    """What is not in the project."""
    if (method, path) == ("GET", "/api/v4/users"):
        return 200, [
            {"id": ident, "username": n} for n, ident in state.users.items() if n == query["username"]
        ]
    return 404, {"message": "404 Not found"}


def _title(given: str) -> tuple[str, bool]:
    return given.removeprefix("Draft: "), given.startswith("Draft: ")


def _pull(state: State, pull: Pull, url: str) -> dict[str, Any]:
    return {
        "iid": pull.number,
        "web_url": f"{url}/{OWNER}/{NAME}/-/merge_requests/{pull.number}",
        "state": _STATES[pull.state],
        "title": "Draft: " * pull.draft + pull.title,
        "description": pull.body,
        "draft": pull.draft,
        "sha": pull.merged_sha or state.sha(pull.head),
        "reviewers": [{"id": state.users[name], "username": name} for name in pull.reviewers],
    }
