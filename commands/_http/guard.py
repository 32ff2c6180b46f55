"""Who may ask: this machine's own origin and host names, with a token of a sufficient role."""

from __future__ import annotations

from aiohttp import web

from commands._http.problems import Handler, Refused
from state.errors import Forbidden
from state.origin import caused_by, new_request_id, proper
from state.tokens import ROLES, Role, Token, Tokens

PORT = web.AppKey("port", int)
TOKENS = web.AppKey("tokens", Tokens)
TOKEN = "refactory.bearer"  # noqa: S105
REQUEST_ID = "X-Request-Id"  # the caller's, else one that is made; in the answer and in the audit log

_OPEN = (("GET", "/healthz"), ("HEAD", "/healthz"))


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[REQUEST_ID] = proper(request.headers.get(REQUEST_ID)) or new_request_id()
    _check_host(request)
    _check_origin(request)
    if (request.method, request.raw_path) in _OPEN:
        return await handler(request)
    token = request[TOKEN] = _authenticated(request)
    # Of what is done with the clone's own token this user is the actor, as on the command line.
    actor = None if request.app[TOKENS].is_own(token) else token.name
    with caused_by(actor, request[REQUEST_ID]):
        return await handler(request)


def require(request: web.Request, role: Role) -> None:
    token: Token = request[TOKEN]
    if ROLES.index(token.role) < ROLES.index(role):
        raise Forbidden(
            f"the token {token.name} is a {token.role}'s; this needs {role}",
            f"`refactory token:create NAME --role {role}` makes one",
        )


def _authorities(port: int) -> set[str]:
    names = ("127.0.0.1", "localhost", "[::1]")
    return {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())


def _check_host(request: web.Request) -> None:
    """A page that rebinds its own name to 127.0.0.1 sends that name here (DNS rebinding)."""
    hosts = request.headers.getall("Host", [])
    known = _authorities(request.app[PORT])
    if len(hosts) != 1 or hosts[0].lower() not in known or not request.raw_path.startswith("/"):
        raise Refused(421, "foreign_host", "this server answers to its own address only")


def _check_origin(request: web.Request) -> None:
    own = {f"http://{name}" for name in _authorities(request.app[PORT])}
    if any(origin.lower() not in own for origin in request.headers.getall("Origin", [])):
        raise Refused(403, "foreign_origin", "requests from other origins are refused")


def _authenticated(request: web.Request) -> Token:
    given = request.headers.getall("Authorization", [])
    scheme, _, secret = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    token = request.app[TOKENS].find(secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise Refused(
            401,
            "unauthorized",
            "no valid token was given" if given else "a token is needed",
            "send `Authorization: Bearer TOKEN`; `refactory token:show` prints it",
            {"WWW-Authenticate": 'Bearer realm="refactory"'},
        )
    return token
