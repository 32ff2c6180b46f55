"""Git's own HTTP backend (git-http-backend(1)), with a token for a password, as forges have it."""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.forges.state import TOKEN


def serve_git(handler: BaseHTTPRequestHandler, root: Path, path: str, query: str, data: bytes) -> None:
    given = handler.headers.get("Authorization", "").partition("Basic ")[2]
    if base64.b64decode(given or "").decode().partition(":")[2] != TOKEN:
        handler.send_response(401)
        handler.send_header("WWW-Authenticate", 'Basic realm="forge"')
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    if handler.headers.get("Content-Encoding") == "gzip":
        data = gzip.decompress(data)
    env = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": handler.command,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(data)),
        "REMOTE_USER": "refactory",
        "REMOTE_ADDR": "127.0.0.1",
        "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
    }
    done = subprocess.run(["git", "http-backend"], env=env, input=data, capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = [line.decode().split(": ", 1) for line in head.split(b"\r\n")]
    status = next((value for name, value in headers if name == "Status"), "200 OK")
    handler.send_response(int(status.split()[0]))
    for name, value in headers:
        if name != "Status":
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
