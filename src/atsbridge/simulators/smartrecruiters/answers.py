"""How SmartRecruiters answers: its errors, its times and its page ids."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Query = dict[str, list[str]]
STATUSES = (
    "LEAD", "NEW", "IN_REVIEW", "INTERVIEW", "OFFERED", "HIRED", "REJECTED", "WITHDRAWN", "TRANSFERRED",
)  # fmt: skip
LIVING = STATUSES[:5]
SUBDIVIDED = ("IN_REVIEW", "INTERVIEW", "OFFERED")
"""The statuses that may have sub-statuses."""
MOST, USUAL = 100, 10


class Refusal(Exception):
    """SmartRecruiters says no: a status, a code in the body, and words."""

    def __init__(self, status: int, code: str, message: str = "", *, location: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.location = status, code, message or code, location

    def body(self) -> Row:
        return {"message": self.message, "errors": [{"code": self.code, "message": self.message}]}


def iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def moment_of(query: Query, name: str) -> float | None:
    """A time in a query; None where it is not asked for."""
    if name not in query:
        return None
    moment = time_of(query[name][0])
    if moment is None:
        raise Refusal(400, "INVALID_PARAMETER", f"{name} is no date-time")
    return moment


def time_of(text: str) -> float | None:
    """Unix seconds of an ISO 8601 text, UTC where it names no zone; None of any other."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def page_id(listing: str, place: int, age: int) -> str:
    return base64.b64encode(json.dumps([listing, place, age]).encode()).decode()


def place_of(text: str, listing: str, age: int) -> int:
    """Where the page of an id begins."""
    try:
        whose, place, given = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, binascii.Error):
        whose, place, given = "", 0, -1
    if whose != listing or given != age or not isinstance(place, int) or place < 0:
        raise Refusal(400, "INVALID_PAGE_ID", "The page id is not valid")
    return place


def whole(query: Query, name: str, otherwise: int, *, least: int, most: int) -> int:
    text = query.get(name, [str(otherwise)])[0]
    if not (text.isascii() and text.isdigit() and len(text) < 10) or not least <= int(text) <= most:
        raise Refusal(400, "INVALID_PARAMETER", f"{name} is {least} to {most}")
    return int(text)


def limit_of(query: Query) -> int:
    return whole(query, "limit", USUAL, least=1, most=MOST)


def without_nulls(value: Any) -> Any:
    """The same with every member left out that is null."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def unpaged(rows: Sequence[Row]) -> Row:
    return {"totalFound": len(rows), "content": list(rows)}
