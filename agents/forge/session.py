"""HTTP as GitLab and Forgejo are asked: the token as a bearer, a refusal as requests.HTTPError."""

from __future__ import annotations

from typing import Any

from requests import PreparedRequest, Response, Session
from requests.auth import AuthBase


class _Bearer(AuthBase):
    """As `auth`, not a header: else a .netrc would replace it, and a redirect take it to another host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def session(token: str) -> Session:
    made = Session()
    made.auth = _Bearer(token)
    made.headers["User-Agent"] = "refactory"
    made.hooks["response"].append(_refuse)
    return made


def _refuse(answer: Response, *_: Any, **__: Any) -> None:
    if answer.is_redirect and answer.request.method != "GET":
        raise ValueError(f"redirected to {answer.headers['Location']}")  # requests would make a GET of it
    answer.raise_for_status()
