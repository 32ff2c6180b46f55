"""Serve this repository's records over HTTP on 127.0.0.1."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show


@click.pass_obj
def run(context: Context, /, port: int | None, **given: object) -> NoReturn:
    form = chosen_format(given)
    store = context.only_here("serve")
    import asyncio

    from agents.audit.mirror import checkpoint
    from commands._http.application import application
    from commands._http.server import bound_socket, serve
    from state.tokens import announced, local_token

    token = local_token(store.location.private)
    sock = bound_socket(store.config.server.port if port is None else port)
    port = sock.getsockname()[1]
    url = f"http://127.0.0.1:{port}"

    def ready() -> None:
        show("serve", {"url": url}, url, form)
        sys.stdout.flush()

    with sock, announced(port, token):
        code = asyncio.run(serve(application(store, port), sock, ready))
    checkpoint(store)
    sys.stderr.flush()
    # Threads can't be cancelled, and Python would wait for them; operations may be killed at any moment.
    os._exit(code)


_PORT = click.Option(
    ["--port"],
    type=click.IntRange(0, 65535),
    help="The port; 0: any free one. [default: `server.port` of the configuration, 3000]",
)
COMMAND = click.Command("serve", callback=run, help=__doc__, params=[_PORT, *output_options(numbered=False)])
