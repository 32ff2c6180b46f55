"""Forges: where pull requests and issues are. One file each, chosen by the remote's URL or the configuration."""

from __future__ import annotations

from importlib import import_module

from agents.forge.place import Place
from agents.forge.protocol import Forge
from agents.forge.token import token_for
from state.config import Forge as Settings
from state.errors import UsageError

# The module that talks to it, what it stands on, and which extra brings that.
_CLIENTS = {
    "github": ("agents.forge.github", "PyGithub"),
    "gitlab": ("agents.forge.gitlab", "python-gitlab"),
    "forgejo": ("agents.forge.forgejo", "requests"),
}


def connect(place: Place, settings: Settings) -> Forge:
    """Sends nothing yet. Raises UsageError if the client's library or the token is missing."""
    token = token_for(place, settings)
    module, library = _CLIENTS[place.kind]
    try:
        forge: Forge = import_module(module).connect(place, token, settings)
    except ImportError as error:
        raise UsageError(
            f"{place.name} needs {library}, which is not installed ({error})",
            f"pip install 'refactory-orchestrator[{place.kind}]'",
        ) from None
    return forge
