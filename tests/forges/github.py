"""GitHub's REST API, as far as it is asked here; tests/data/github-openapi.json says whether it may be asked so."""

from __future__ import annotations

from typing import Any

from tests.forges.state import NAME, OWNER, Comment, Issue, Pull, State

PREFIX = f"/api/v3/repos/{OWNER}/{NAME}"
AUTH = "token "


def answer(
    state: State, url: str, method: str, path: list[str], query: dict[str, str], body: Any
) -> tuple[int, Any]:
    api = f"{url}{PREFIX}"
    match method, path:
        case "GET", ["pulls"]:
            head, base = query["head"].partition(":")[2], query["base"]
            found = [p for p in reversed(state.pulls) if (p.head, p.base) == (head, base)]
            return 200, [_pull(state, p, api) for p in found]
        case "POST", ["pulls"]:
            made = state.open_pull(body["head"], body["base"], body["title"], body["body"], body["draft"])
            if isinstance(made, str):
                return 422, {"message": "Validation Failed", "errors": [{"message": made}]}
            return 201, _pull(state, made, api)
        case "PATCH", ["pulls", number] if pull := state.pull(int(number)):
            pull.title, pull.body = body["title"], body["body"]
            return 200, _pull(state, pull, api)
        case "PUT", ["pulls", number, "merge"] if pull := state.pull(int(number)):
            if body["sha"] != state.sha(pull.head):
                return 409, {"message": "Head branch was modified. Review and try the merge again."}
            why = state.merge(pull, body["sha"])
            return (
                (405, {"message": why}) if why else (200, {"sha": body["sha"], "merged": True, "message": ""})
            )
        case "POST", ["pulls", number, "requested_reviewers"] if pull := state.pull(int(number)):
            unknown = [name for name in body["reviewers"] if name not in state.users]
            if unknown:
                said = "Reviews may only be requested from collaborators."
                return 422, {"message": said}
            pull.reviewers += body["reviewers"] + [f"{OWNER}/{team}" for team in body["team_reviewers"]]
            return 201, _pull(state, pull, api)
        case "GET", ["pulls", number, "requested_reviewers"] if pull := state.pull(int(number)):
            users = [{"login": name} for name in pull.reviewers if "/" not in name]
            teams = [{"slug": name.partition("/")[2]} for name in pull.reviewers if "/" in name]
            return 200, {"users": users, "teams": teams}
        case "GET", ["pulls", number, "reviews"] if pull := state.pull(int(number)):
            return 200, [{"id": 1, "user": {"login": name}} for name in pull.reviewed]
        case "POST", ["issues", number, "labels"] if pull := state.pull(int(number)):
            pull.labels += [name for name in body["labels"] if name not in pull.labels]
            return 200, [{"name": name, "id": 1, "color": "ededed"} for name in pull.labels]
        case "GET", ["commits", _, "check-runs"]:
            runs = [_run(one.name, one.state) for one in state.look() if not one.old]
            return 200, {"total_count": len(runs), "check_runs": runs}
        case "GET", ["commits", sha, "status"]:
            old = [one for one in state.checks[0] if one.old]
            words = {"pending": "pending", "passed": "success", "failed": "failure"}
            statuses = [{"context": one.name, "state": words[one.state], "target_url": None} for one in old]
            states = {one.state for one in old}
            worst = next((words[state] for state in ("failed", "pending") if state in states), "success")
            page = statuses[:30]
            return 200, {"state": worst, "sha": sha, "total_count": len(old), "statuses": page}
        case "GET", ["issues", number] if issue := state.issue_or_pull(int(number)):
            return 200, _issue(issue, api)
        case "GET", ["issues", number, "comments"] if issue := state.issues.get(int(number)):
            return 200, [_comment(one, issue, url, api) for one in issue.comments]
        case "POST", ["issues", number, "comments"] if issue := state.issues.get(int(number)):
            issue.comments.append(Comment(state.next(), body["body"]))
            return 201, _comment(issue.comments[-1], issue, url, api)
        case (("GET" | "PATCH"), ["issues", "comments", ident]):
            issue, comment = next(
                (i, c) for i in state.issues.values() for c in i.comments if c.id == int(ident)
            )
            comment.body = body["body"] if body else comment.body
            return 200, _comment(comment, issue, url, api)
    return 404, {"message": "Not Found"}


def _pull(state: State, pull: Pull, api: str) -> dict[str, Any]:
    return {
        "url": f"{api}/pulls/{pull.number}",
        "issue_url": f"{api}/issues/{pull.number}",
        "html_url": f"https://forge.example/{OWNER}/{NAME}/pull/{pull.number}",
        "id": 1000 + pull.number,
        "number": pull.number,
        "state": "closed" if pull.state == "merged" else pull.state,
        "title": pull.title,
        "body": pull.body,
        "draft": pull.draft,
        "merged_at": "2026-01-02T03:04:05Z" if pull.state == "merged" else None,
        "head": {
            "ref": pull.head,
            "sha": pull.merged_sha or state.sha(pull.head),
            "label": f"{OWNER}:{pull.head}",
        },
        "base": {"ref": pull.base, "sha": state.sha(pull.base)},
    }


def _run(name: str, state: str) -> dict[str, Any]:
    conclusion = {"pending": None, "passed": "success", "failed": "failure"}[state]
    status = "in_progress" if conclusion is None else "completed"
    return {
        "id": 1,
        "name": name,
        "status": status,
        "conclusion": conclusion,
        "html_url": f"https://ci.example/{name}",
    }


def _issue(found: Issue | Pull, api: str) -> dict[str, Any]:
    return {
        "url": f"{api}/issues/{found.number}",
        "html_url": f"{api.partition('/api')[0]}/{OWNER}/{NAME}/issues/{found.number}",
        "number": found.number,
        "title": found.title,
        "body": found.body,
        **({"pull_request": {"url": f"{api}/pulls/{found.number}"}} if isinstance(found, Pull) else {}),
    }


def _comment(comment: Comment, issue: Issue, url: str, api: str) -> dict[str, Any]:
    html = f"{url}/{OWNER}/{NAME}/issues/{issue.number}#issuecomment-{comment.id}"
    return {
        "id": comment.id,
        "url": f"{api}/issues/comments/{comment.id}",
        "html_url": html,
        "body": comment.body,
    }
