"""Commands of curl, for somebody who is to try a simulator by hand."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

TOKEN = "$TOKEN"  # noqa: S105 - the name of a shell variable
"""Stands for an access token in a command, once that of `mint` has been run."""


def curl(
    url: str,
    *,
    user: str | None = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
    data: str | None = None,
) -> str:
    """One request.

    Args:
        user: name and password of HTTP Basic, with a colon between.
        method: where it is not GET, or with ``data`` POST.
    """
    words = ["curl", "-s"]
    words += [] if user is None else ["-u", user]
    words += [] if method is None else ["-X", method]
    for name, value in (headers or {}).items():
        words += ["-H", f"{name}: {value}"]
    words += [] if data is None else ["-d", data]
    return " ".join(map(_quoted, [*words, url]))


def mint(command: str) -> str:
    """Keep the access token of a command's JSON answer in the variable TOKEN."""
    return f'TOKEN=$({command} | sed -E \'s/.*"access_token": ?"([^"]*)".*/\\1/\')'


def _quoted(word: str) -> str:
    return f'"{word}"' if TOKEN in word else shlex.quote(word)
