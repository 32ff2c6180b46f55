"""Which model is asked, where, and with which key."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from agents.model.errors import ModelAuthFailed
from state.config import Model as ModelSettings
from state.errors import UsageError

__all__ = ["DEFAULT_MODEL", "RECORD", "REPLAY", "Api", "Endpoint", "ModelSettings", "endpoint", "replaying"]

Api = Literal["responses", "chat", "completions"]
DEFAULT_MODEL = ModelSettings().model
RECORD, REPLAY = "REFACTORY_RECORD", "REFACTORY_REPLAY"
OPENAI_URL = "https://api.openai.com/v1"
PLACEHOLDER_KEY = "no-key"

_CODEX = ("code-davinci-001", "code-davinci-002", "code-cushman-001", "code-cushman-002")
_GPT3 = (
    *("ada", "babbage", "curie", "davinci"),
    *(f"text-{name}-001" for name in ("ada", "babbage", "curie", "davinci")),
    *("text-davinci-002", "text-davinci-003", "text-davinci-edit-001", "code-davinci-edit-001"),
)
SHUT_DOWN = dict.fromkeys(_CODEX, "March 2023") | dict.fromkeys(_GPT3, "January 2024")


class Endpoint(msgspec.Struct, frozen=True):
    """The settings put together with the environment."""

    url: str
    host: str
    key: str
    api: Api
    native_patch: bool = False

    @property
    def is_openai(self) -> bool:
        return _is_openai(self.host)


def endpoint(settings: ModelSettings, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """Where the question will go. Raises before anything is sent if that can't work."""
    if settings.provider == "local":
        from agents.model.local import url as local_url

        api: Api = "chat"  # its Responses ignore schemas
        return Endpoint(
            "" if replaying(settings, environ) else local_url(settings), "localhost", PLACEHOLDER_KEY, api
        )
    url = _address(settings, environ)
    host = _host(url)
    _refuse_shut_down(settings.model, host)
    api = settings.api if settings.api != "auto" else ("responses" if _is_openai(host) else "chat")
    key = PLACEHOLDER_KEY if replaying(settings, environ) else _key(settings.api_key_env, host, environ)
    native = _is_openai(host) if settings.native_patch is None else settings.native_patch
    return Endpoint(url, host, key, api, native and api == "responses")


def check_address(settings: ModelSettings, environ: Mapping[str, str] = os.environ) -> None:
    """Raises UsageError for an address that no question can go to."""
    if settings.provider == "api":
        _host(_address(settings, environ))


def _address(settings: ModelSettings, environ: Mapping[str, str]) -> str:
    return (settings.base_url or environ.get("OPENAI_BASE_URL", "")).strip() or OPENAI_URL


def replaying(settings: ModelSettings, environ: Mapping[str, str] = os.environ) -> bool:
    """By a command's option, else by the configuration."""
    return bool(environ.get(REPLAY) or (settings.replay and not environ.get(RECORD)))


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or not parts.hostname:
        # The address may hold a password, so it is not repeated.
        raise UsageError(
            "the model's base URL is no http or https address", "it looks like http://127.0.0.1:8080/v1"
        )
    return parts.hostname


def _is_openai(host: str) -> bool:
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def _refuse_shut_down(model: str, host: str) -> None:
    if model in SHUT_DOWN and _is_openai(host):
        raise UsageError(
            f"the model {model} no longer exists: OpenAI shut it down in {SHUT_DOWN[model]}",
            f"use {DEFAULT_MODEL}, its successor, or name another as `model.model` in config.yaml; "
            "for a server of your own that has this model, set `model.baseUrl`",
        )


def _key(name: str, host: str, environ: Mapping[str, str]) -> str:
    key = environ.get(name, "").strip()
    if not key and _is_loopback(host):
        return PLACEHOLDER_KEY
    if not key:
        raise ModelAuthFailed(
            f"no key for the model at {host}: the environment variable {name} is not set",
            f"export {name}=..., or name another variable as `model.apiKeyEnv` in .refactory/config.yaml",
        )
    if not (key.isascii() and key.isprintable()):
        raise ModelAuthFailed(f"the key in {name} holds characters that no key has", "was it copied whole?")
    return key


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
