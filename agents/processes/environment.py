"""The environment that tests and agents get: what tools need to work, and no secret."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from types import MappingProxyType

_BASE = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "CI"}
_PYTHON = {"VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYENV_ROOT", "PYENV_VERSION"}
_PYTHON |= {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PIP_CACHE_DIR", "UV_CACHE_DIR"}
_LANGUAGES = {"CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "GOPATH", "GOROOT", "GOCACHE", "GOMODCACHE"}
_LANGUAGES |= {"JAVA_HOME", "GRADLE_USER_HOME", "NVM_DIR", "NPM_CONFIG_CACHE", "YARN_CACHE_FOLDER"}
_LANGUAGES |= {"PNPM_HOME", "GEM_HOME", "BUNDLE_PATH", "XDG_CACHE_HOME", "XDG_DATA_HOME"}
_NETWORK = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}
_NETWORK |= {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT"}
_ALLOWED = _BASE | _PYTHON | _LANGUAGES | _NETWORK
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")
_NOTHING: Mapping[str, str] = MappingProxyType({})
# A command that a coder tries must not put `__pycache__` into what it made, where no `.gitignore` hides it.
_DEFAULT = {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}


def clean_environment(extra: Mapping[str, str] = _NOTHING, pass_env: Collection[str] = ()) -> dict[str, str]:
    """The allowed part of our environment, what `pass_env` names (whatever it holds), and `extra`."""
    seen = {name: value for name, value in os.environ.items() if _allowed(name) or name in pass_env}
    return {**_DEFAULT, **seen, "TERM": "dumb", **extra}


def _allowed(name: str) -> bool:
    upper = name.upper()
    if upper.startswith("GIT_") or any(word in upper for word in _SECRET):
        return False
    return upper in _ALLOWED or name.startswith("LC_")
