"""Answers of the Data API: success envelopes and error bodies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

CODES = {
    400: "BadRequestError",
    401: "Unauthorized",
    403: "Forbidden",
    404: "ResourceNotFound",
    429: "TooManyRequests",
    500: "ServerError",
    503: "ServiceUnavailable",
}
"""https://hire.lever.co/developer/documentation; the names of 400 and 429 are not confirmed."""


class Problem(Exception):
    """A request that Lever refuses."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@frozen
class Reply:
    """An answer before the headers every answer has; ``text`` is its JSON."""

    status: int = 200
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def data(value: Any, *, status: int = 200) -> Reply:
    return Reply(status, f'{{"data":{dump(value)}}}')


def page(texts: Iterable[str], following: str | None) -> Reply:
    """A list page of records that are JSON already; ``next`` is absent on the last one."""
    end = f'"hasNext":true,"next":{dump(following)}' if following else '"hasNext":false'
    return Reply(200, f'{{"data":[{",".join(texts)}],{end}}}')


def problem(error: Problem, codes: Mapping[int, str]) -> Reply:
    code = codes.get(error.status, CODES[error.status])
    return Reply(error.status, dump({"code": code, "message": error.message}))
