"""Branches and remotes as people name them, found in a repository."""

from __future__ import annotations

import os
import re

from agents.git.repository import Repository
from state.errors import Conflict, NotFound, UsageError

# `ext::` and the like: git would start the program git-remote-NAME.
_HELPER = re.compile(r"[\w+.-]+::")


def current_branch(repository: Repository) -> str:
    """The branch of the working tree whose own git folder this is."""
    status, out, _ = repository.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
    if status:
        raise UsageError("HEAD is detached: no branch to land on", "name one: --target-branch main")
    return out.decode().strip()


def pinned(repository: Repository, branch: str) -> str:
    """The target branch's commit now."""
    repository.check_branch(branch)
    commit = repository.resolve(f"refs/heads/{branch}")
    if commit is None and repository.resolve("HEAD") is None:
        raise Conflict("the repository has no commits yet", "make a first commit, then orchestrate")
    if commit is None:
        raise NotFound(
            f"no branch {branch!r} in this repository", "`git branch` lists them; --target-branch NAME"
        )
    return commit


def remote_url(repository: Repository, remote: str | None) -> str | None:
    """A remote's URL as agents elsewhere can use it: no relative path, and nobody's password in it."""
    if remote is None:
        return None
    status, out, _ = repository.attempt("remote", "get-url", "--", remote)
    if status == 0:
        return _without_password(_absolute(repository, out.decode().strip()))
    if remote.startswith("-") or _HELPER.match(remote):
        raise UsageError(f"{remote!r} is no remote: an option, or a program of its own (gitremote-helpers)")
    if not any(mark in remote for mark in "/:"):
        raise NotFound(f"no remote {remote!r} in this repository", "`git remote` lists them")
    return _without_password(_absolute(repository, remote))


def _absolute(repository: Repository, url: str) -> str:
    """What git takes for a path (a colon before any slash makes it a host's) starts at the working tree's top."""
    top = repository.work_tree or repository.top
    return url if top is None or ":" in url.partition("/")[0] else os.path.normpath(top / url)


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority, slash, path = rest.partition("/")
    userinfo, at, host = authority.rpartition("@")
    user = "" if scheme.startswith("http") else userinfo.partition(":")[0] + at
    return scheme + separator + user + host + slash + path
