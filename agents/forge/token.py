"""The forge's token: read from the environment, sent to that forge only, shown to nobody."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from agents.forge.place import Kind, Place
from state.config import Forge as Settings
from state.errors import UsageError

_VARIABLES: dict[Kind, tuple[str, ...]] = {
    "github": ("GH_TOKEN", "GITHUB_TOKEN"),
    "gitlab": ("GITLAB_TOKEN",),
    "forgejo": ("FORGEJO_TOKEN", "GITEA_TOKEN"),
}
_USERS: dict[Kind, str] = {"github": "x-access-token", "gitlab": "oauth2", "forgejo": "oauth2"}
_HERE = ("127.0.0.1", "::1", "localhost")
_PASSED = "REFACTORY_FORGE_TOKEN"


def token_for(place: Place, settings: Settings) -> str:
    names = (settings.token_env,) if settings.token_env else _VARIABLES[place.kind]
    token = next((os.environ[name] for name in names if os.environ.get(name)), "").strip()
    if not token:
        raise UsageError(
            f"no token for {place.name} at {place.url}",
            f"set {' or '.join(names)}; forge.tokenEnv names another variable",
        )
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError(
            f"what {' or '.join(names)} holds is no token", "it has a space or a strange character"
        )
    parts = urlsplit(place.url)
    if parts.scheme != "https" and parts.hostname not in _HERE:
        raise UsageError(f"{place.url}: a token is sent by https only", "set forge.url to the https address")
    return token


def for_git(place: Place, token: str) -> tuple[tuple[str, str], ...]:
    """Environment in which git logs in at this forge, and there only, with the token.

    A helper reads it from the environment (gitcredentials(7)): an argument or a URL would be seen by `ps` and kept in
    logs. The empty helper before it turns the user's own off, which would store the token.
    """
    helper = (
        f'!f() {{ test "$1" = get && echo username={_USERS[place.kind]} && echo "password=${_PASSED}"; }}; f'
    )
    key = f"credential.{place.url}.helper"
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    values = [(key, ""), (key, helper)]
    given = [("GIT_CONFIG_COUNT", str(first + len(values))), (_PASSED, token)]
    for number, (name, value) in enumerate(values, first):
        given += [(f"GIT_CONFIG_KEY_{number}", name), (f"GIT_CONFIG_VALUE_{number}", value)]
    return tuple(given)
